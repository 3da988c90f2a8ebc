"""Radial profiles: star particles in rings around the spin axis."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from astropy import units as u

from galflowlab.pixels import WeightedSums, masked
from galflowlab.profiles.binning import EXACT, bin_index, checked_rings, columns, quantiles
from galflowlab.schema import POSITION, VELOCITY, Quantity, Stars, finite_columns

_KMS = u.km / u.s

QUANTITIES: dict[str, Quantity] = {
    q.name: q
    for q in (
        Quantity("surface_density", u.Msun / u.kpc**2, "mass per area, face-on", "Σ"),
        Quantity("mean_age", u.Gyr, "mean age", "mean age"),
        Quantity("v_phi", _KMS, "mean rotation velocity, positive about +z", "v_φ"),
        Quantity("sigma_R", _KMS, "dispersion of the velocity away from the axis", "σ_R"),
        Quantity("sigma_phi", _KMS, "dispersion of the rotation velocity", "σ_φ"),
        Quantity("sigma_z", _KMS, "dispersion of the velocity along the spin", "σ_z"),
    )
}
"""What `radial_profiles` can measure."""


@dataclass(frozen=True)
class RadialProfile:
    """One quantity in rings around the spin axis.

    Parameters
    ----------
    edges
        Edges of the rings [kpc], shape (bins + 1,).
    values, errors
        Masked arrays of shape (bins,) and the unit of the quantity. Errors are standard errors;
        those of means and dispersions are masked where a single star has all the mass.
    counts
        Number of stars in each ring.
    quantity
        Name in `QUANTITIES`.
    """

    edges: np.ndarray
    values: np.ma.MaskedArray
    errors: np.ma.MaskedArray
    counts: np.ndarray
    quantity: str

    @property
    def centres(self) -> np.ndarray:
        """Middles of the rings [kpc]."""
        return 0.5 * (self.edges[1:] + self.edges[:-1])

    @property
    def unit(self) -> u.UnitBase:
        """Unit of values and errors."""
        return QUANTITIES[self.quantity].unit

    @property
    def label(self) -> str:
        """Label without the unit."""
        return QUANTITIES[self.quantity].label

    @property
    def axis_label(self) -> str:
        """Label with the unit, for axes."""
        return QUANTITIES[self.quantity].axis_label


def radial_profiles(
    stars: Stars, quantities: Iterable[str], edges: Sequence[float] | np.ndarray
) -> dict[str, RadialProfile]:
    """Measure quantities in cylindrical rings around the spin axis.

    With R = sqrt(x^2 + y^2) the velocities are v_R = (x vx + y vy) / R and
    v_phi = (x vy - y vx) / R, so that stars that turn about +z have positive v_phi; a star
    on the axis counts as one on the x axis. Dispersions are root mean squares about the mean of
    the ring. With the effective number n = (sum m)^2 / sum m^2, the errors are
    sqrt(sum m^2) / area, sigma / sqrt(n - 1) of a mean, and sigma / sqrt(2 (n - 1)) of a
    dispersion, as of normal velocities.

    Parameters
    ----------
    stars
        Table or mapping of columns: ``x``, ``y``, ``mass`` and what the quantities need.
    quantities
        Names in `QUANTITIES`.
    edges
        Edges of the rings [kpc], increasing from at least 0.

    Returns
    -------
    dict of RadialProfile
        In the order of `quantities`.

    Raises
    ------
    ValueError
        For unknown quantities, a missing column, values that are not finite, a negative mass,
        or edges that do not increase.

    Examples
    --------
    >>> import galflowlab
    >>> from galflowlab import profiles
    >>> stars = galflowlab.load("mock").sample(20_000, {"log10_mstar": 10.3}, seed=1)
    >>> rings = profiles.radial_profiles(stars, ("v_phi",), edges=[0, 3, 6, 9])
    >>> print(rings["v_phi"].values.round(-1), rings["v_phi"].unit)
    [80.0 150.0 150.0] km / s
    """
    names = list(quantities)
    if unknown := [name for name in names if name not in QUANTITIES]:
        raise ValueError(f"unknown profile quantities {unknown}; valid are {list(QUANTITIES)}")
    edges = checked_rings(edges)
    rings = _Rings(stars, edges)
    profiles = {}
    for name in names:
        values, valid, errors, sure = rings.compute(name)
        profiles[name] = RadialProfile(
            edges, masked(values, valid), masked(errors, sure), rings.sums.counts, name
        )
    return profiles


def radial_edges(
    stars: Stars, bins: int = 24, *, equal_counts: bool = False, holding: float = 0.98
) -> np.ndarray:
    """Edges [kpc] of rings out to the cylindrical radius that holds a share of the mass.

    The rings are equally wide, or hold equally many stars. Raises ValueError if there is no
    such radius, or if stars at equal radii cannot be told apart.
    """
    if bins < 1 or bins != int(bins):
        raise ValueError(f"expected a whole number of bins, at least 1, got {bins}")
    outer = enclosing_radius(stars, holding, projected=True) * (1 + 1e-12)  # that star included
    edges = np.linspace(0, outer, int(bins) + 1)
    if equal_counts:
        x, y = columns(stars, ("x", "y"))
        radius = np.sqrt(x**2 + y**2)
        edges[1:-1] = np.quantile(radius[radius < outer], np.linspace(0, 1, int(bins) + 1)[1:-1])
    return checked_rings(edges)


def half_mass_radius(stars: Stars, *, projected: bool = False) -> float:
    """Radius [kpc] that encloses half the mass, see `enclosing_radius`.

    Examples
    --------
    >>> import galflowlab
    >>> from galflowlab import profiles
    >>> stars = galflowlab.load("mock").sample(20_000, {"log10_mstar": 10.3}, seed=1)
    >>> print(f"{profiles.half_mass_radius(stars):.1f} kpc")
    2.6 kpc
    """
    return enclosing_radius(stars, 0.5, projected=projected)


def enclosing_radius(stars: Stars, fraction: float, *, projected: bool = False) -> float:
    """Smallest radius [kpc] of a star within which lies at least a fraction of the mass.

    The radius is that of a sphere, or if `projected` of a cylinder around the spin axis.
    Raises ValueError for a fraction outside 0 to 1, or if there is no mass.
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"expected a fraction of the mass above 0, at most 1, got {fraction}")
    *position, mass = columns(stars, (*POSITION[: 2 if projected else 3], "mass"))
    if not mass.sum() > 0:
        raise ValueError("the stars have no mass: no radius encloses a part of it")
    radius2 = functools.reduce(np.add, (c**2 for c in position))
    if mass.min() == mass.max():  # usual, and quicker than sorting
        rank = int(np.ceil(fraction * len(mass) * EXACT)) - 1
        return float(np.sqrt(np.partition(radius2, rank)[rank]))
    return float(np.sqrt(quantiles(radius2, mass, (fraction,))[0]))


class _Rings:
    """Stars sorted into rings; sums over rings are shared between quantities."""

    def __init__(self, stars: Stars, edges: np.ndarray) -> None:
        x, y, mass = columns(stars, ("x", "y", "mass"))
        radius = np.sqrt(x**2 + y**2)
        index = bin_index(radius, edges)
        self._inside = (index >= 0) & (index < len(edges) - 1)
        self._stars, self._area = stars, np.pi * np.diff(edges**2)
        x, y, radius, mass, index = (v[self._inside] for v in (x, y, radius, mass, index))
        on_axis = radius == 0
        radius[on_axis] = x[on_axis] = 1.0
        self._cos, self._sin = x / radius, y / radius
        self.sums = WeightedSums(index, mass, len(edges) - 1)
        self._known: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def compute(self, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Values and which of them are valid, errors and which of them are."""
        sums = self.sums
        occupied, several = sums.mass > 0, sums.several
        if name == "surface_density":
            return sums.mass / self._area, occupied, np.sqrt(sums.squares) / self._area, occupied
        kind, _, which = name.partition("_")
        mean, variance = self._moments("phi" if name == "v_phi" else which)
        error = np.sqrt(sums.variance_of_mean(variance))
        if kind == "sigma":
            return np.sqrt(variance), several, error / np.sqrt(2), several
        return mean, occupied, error, several

    def _moments(self, which: str) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance in each ring."""
        if which not in self._known:
            values = self._read("age")[0] if which == "age" else self._velocity[which]
            mean = self.sums.mean(values)
            self._known[which] = mean, self.sums.mean(self.sums.squared_offsets(values, mean))
        return self._known[which]

    @functools.cached_property
    def _velocity(self) -> dict[str, np.ndarray]:
        """Components away from the axis, around it and along it, of each star."""
        vx, vy, vz = self._read(*VELOCITY)
        return {
            "R": self._cos * vx + self._sin * vy,
            "phi": self._cos * vy - self._sin * vx,
            "z": vz,
        }

    def _read(self, *names: str) -> list[np.ndarray]:
        found = finite_columns(self._stars, names, len(self._inside))
        return [values[self._inside].astype(np.float64) for values in found]
