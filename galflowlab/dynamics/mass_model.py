"""A smooth distribution of mass in whose field an eDF is stationary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from astropy import units as u
from numpy.typing import ArrayLike

from galflowlab.constants import G
from galflowlab.dynamics.field import Field
from galflowlab.dynamics.regression import biweight, spread
from galflowlab.dynamics.streaming import Streaming, streaming
from galflowlab.edf import EDF
from galflowlab.frozen import Seed, at_least_one
from galflowlab.schema import in_unit

REACH = (0.2, 6.0)
"""Radii that the fit sees, in half-mass radii of the stars."""

_DRAWN = 200_000  # of which the stars of the fit are chosen
_SHELLS = 12  # evenly in ln r, with as many stars each as there are
_STEPS = 15
_LATITUDES = 96  # Gauss-Legendre nodes: thin discs need those near the plane
_RIDGE = 1e-3  # of the mean diagonal: an exact density would bear less, a learned one not

Pair: TypeAlias = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class MassModel:
    """Sum of Miyamoto-Nagai discs, of which those with ``a = 0`` are Plummer spheres.

    Miyamoto & Nagai (1975, PASJ 27, 533). As where real discs are composed of them (Smith et al.
    2015, MNRAS 448, 2934), some masses are negative: only the sum is meant.

    Parameters
    ----------
    masses
        Shape (component,) [Msun].
    a, b
        Radial and vertical scales [kpc], shape (component,).
    by_group
        Masses found from each of a few groups of stars alone, shape (group, component) [Msun]:
        the spread between them is the uncertainty of all that follows from the model.
    reach
        Nearest and farthest radius [kpc] of the stars of the fit; elsewhere the model is an
        extrapolation.

    Notes
    -----
    Lengths may be numbers in kpc or Quantities; ValueError for other units.
    """

    masses: np.ndarray
    a: np.ndarray
    b: np.ndarray
    by_group: np.ndarray
    reach: tuple[float, float]

    def __call__(self, R: ArrayLike, z: ArrayLike) -> np.ndarray:
        """Potential [(km/s)²] at radius R and height z [kpc]; zero at infinity."""
        R, z = _each(R, z)
        return -G * (self.masses / np.hypot(R, self.a + np.hypot(z, self.b))).sum(axis=-1)

    def forces(self, R: ArrayLike, z: ArrayLike) -> Pair:
        """Radial and vertical acceleration [(km/s)²/kpc] at R, z [kpc]."""
        radial, vertical = forces_per_mass(R, z, self.a, self.b)
        return radial @ self.masses, vertical @ self.masses

    def circular_velocity(self, R: ArrayLike) -> np.ndarray:
        """Speed of the circular orbit in the plane [km/s] at R [kpc]; 0 where there is none."""
        R = in_unit("R", R, u.kpc)
        return np.sqrt(np.maximum(-R * self.forces(R, np.zeros_like(R))[0], 0.0))

    def enclosed_mass(self, radii: ArrayLike) -> Pair:
        """Mass within spheres [Msun] and its uncertainty, for radii [kpc] of at least 0.

        By Gauss's theorem, see `mass_within`. Raises ValueError for other radii.
        """
        radii = _checked_radii(radii)
        sine, cosine, weight = _latitudes()
        R, z = radii[..., None] * cosine, radii[..., None] * sine
        radial, vertical = forces_per_mass(R, z, self.a, self.b)
        inwards = -(radial * cosine[:, None] + vertical * sine[:, None])
        share = radii[..., None] ** 2 / G * np.einsum("...nk,n->...k", inwards, weight)
        return share @ self.masses, (share @ self.by_group.T).std(axis=-1, ddof=1)


def mass_within(field: Field, radii: ArrayLike) -> np.ndarray:
    """Mass of all matter within spheres [Msun] that makes a field, by Gauss's theorem.

    The mean of the radial force over the sphere, half of which is enough where both sides of the
    plane are alike.

    Parameters
    ----------
    field
        That is symmetric about the spin axis and the plane.
    radii
        Of the spheres, of at least 0; numbers in kpc or a Quantity.

    Raises
    ------
    ValueError
        For radii that are negative or not finite.
    """
    radii = _checked_radii(radii)[..., None]
    sine, cosine, weight = _latitudes()
    radial, vertical = field.forces(radii * cosine, radii * sine)
    return -(radii[..., 0] ** 2) * ((radial * cosine + vertical * sine) @ weight) / G


def _latitudes() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sine and cosine of Gauss-Legendre latitudes on one side of the plane, and their weights."""
    node, weight = np.polynomial.legendre.leggauss(_LATITUDES)
    sine = 0.5 * (1 + node)
    return sine, np.sqrt(1 - sine**2), 0.5 * weight


def _checked_radii(radii: ArrayLike) -> np.ndarray:
    radii = in_unit("radii", radii, u.kpc)
    if not (np.isfinite(radii) & (radii >= 0)).all():
        raise ValueError("expected radii of at least 0 kpc that are finite")
    return radii


def forces_per_mass(R: ArrayLike, z: ArrayLike, a: np.ndarray, b: np.ndarray) -> Pair:
    """Radial and vertical acceleration by one Msun of each component, shape (…, component)."""
    R, z = _each(R, z)
    root = np.hypot(z, b)
    cube = (R**2 + (a + root) ** 2) ** 1.5
    return -G * R / cube, -G * z * (a + root) / root / cube


def fit_mass_model(
    edf: EDF, context: Mapping[str, Any], *, n: int = 20_000, seed: Seed
) -> MassModel:
    """Find the mass, dark or not, that keeps the stars of a galaxy where they are.

    As `acceleration`, but at all places at once, and the field is that of a mass which is
    symmetric about the spin axis and the plane. The masses of a grid of discs and spheres
    follow from biweight least squares, slightly regularised, over stars that are evenly spread
    in ln r within `REACH`. Beyond, the field is an extrapolation.

    Parameters
    ----------
    edf, context
        The model and the galaxy.
    n
        Stars of the fit, at least 1000.
    seed
        Of the stars.

    Returns
    -------
    MassModel

    Raises
    ------
    ValueError
        For too few stars, an invalid context, or where the model has no finite gradient.

    Warns
    -----
    ExtrapolationWarning
        As `EDF.sample`.

    Examples
    --------
    >>> import galflowlab
    >>> from galflowlab import dynamics
    >>> edf = galflowlab.load("mock")
    >>> model = dynamics.fit_mass_model(edf, {"log10_mstar": 10.7}, n=5000, seed=1)
    >>> mass, error = model.enclosed_mass([8.0])  # of everything, stars and dark matter
    >>> print(f"{mass[0]:.0e} Msun")
    8e+10 Msun
    """
    if at_least_one(n) < 1000:
        raise ValueError(f"expected at least 1000 stars, got n={n}")
    edf.warn_if_outside(context)
    drawing, choosing = np.random.default_rng(seed).spawn(2)
    columns = edf.freeze(context, n=max(n, _DRAWN), seed=drawing).arrays()
    radius = np.sqrt(sum(np.square(columns[name].astype(float)) for name in ("x", "y", "z")))
    size = float(np.median(radius))
    chosen = _evenly_in_log(radius / size, n, choosing)
    found = streaming(edf, context, {name: columns[name][chosen] for name in edf.columns})
    found = found[found.finite]
    if len(found) < 500:
        raise ValueError(f"only {len(found)} stars have a finite gradient, 500 are needed")
    a, b = (size * scale for scale in _grid())
    matrix, target, groups = _rows(found, a, b)
    masses = [_solve(matrix, target)]
    masses += [_solve(matrix[groups == g], target[groups == g]) for g in np.unique(groups)]
    reach = (size * REACH[0], size * REACH[1])
    return MassModel(masses[0], a, b, np.array(masses[1:]), reach)


def _each(R: ArrayLike, z: ArrayLike) -> Pair:
    return in_unit("R", R, u.kpc)[..., None], in_unit("z", z, u.kpc)[..., None]


def _grid() -> Pair:
    """Scales a and b of spheres and discs, in half-mass radii of the stars."""
    spheres, thickness = np.geomspace(0.05, 40, 12), np.geomspace(0.03, 2, 6)
    a, b = np.meshgrid(np.geomspace(0.2, 8, 6), thickness, indexing="ij")
    return np.append(np.zeros(len(spheres)), a), np.append(spheres, b)


def _shell(radius: np.ndarray) -> np.ndarray:
    """Shell of each radius, in half-mass radii; -1 and `_SHELLS` are out of reach."""
    return np.searchsorted(np.geomspace(*REACH, _SHELLS + 1), radius) - 1


def _evenly_in_log(radius: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Choose about `n` stars, equally many of every shell as far as it has them."""
    order = rng.permutation(len(radius))
    shell = _shell(radius[order])
    each = -(-n // _SHELLS)
    return np.concatenate([order[shell == i][:each] for i in range(_SHELLS)])


def _rows(found: Streaming, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, ...]:
    """One equation per star, linear in the masses, in units of the spread of its shell."""
    radial, vertical = forces_per_mass(found.R, found.z, a, b)
    matrix = radial * found.slope_R[:, None] + vertical * found.slope_z[:, None]
    r = np.hypot(found.R, found.z)
    edges = np.quantile(r, np.linspace(0, 1, _SHELLS + 1)[1:-1])
    shell = np.searchsorted(edges, r)
    scale = np.array([spread(found.target[shell == i]) for i in range(_SHELLS)])[shell]
    return matrix / scale[:, None], found.target / scale, found.groups


def _solve(matrix: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Biweight least squares with a ridge, by the normal equations."""
    norm = np.linalg.norm(matrix, axis=0)
    matrix, weight = matrix / norm, np.ones(len(target))
    for _ in range(_STEPS):
        weighted = (matrix * weight[:, None]).T
        normal = weighted @ matrix
        normal += _RIDGE * normal.trace() / len(norm) * np.eye(len(norm))
        masses = np.linalg.solve(normal, weighted @ target)
        weight = biweight(target - matrix @ masses)
    return masses / norm
