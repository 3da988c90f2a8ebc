"""Circularity of orbits, and the share of the mass that is kinematically a disc.

epsilon = j_z / j_c(E), the angular momentum about the spin axis over that of the circular orbit
in the plane with the same energy (Abadi et al. 2003, ApJ 597, 21): 1 for stars that rotate
with the disc, around 0 for a bulge without rotation, -1 for circular counter-rotation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.interpolate import PchipInterpolator

from galflowlab.pixels import masked
from galflowlab.profiles.binning import bin_index, columns
from galflowlab.profiles.bootstrap import checked_resamples, resampled_sums
from galflowlab.schema import PHASE_SPACE, Stars

DISC = 0.7
"""Stars of larger circularity are disc stars (as Marinacci et al. 2014; Genel et al. 2015)."""

_GRID = np.geomspace(1e-5, 1e5, 3000)  # radii of circular orbits over the median radius


class Potential(Protocol):
    """An axisymmetric gravitational potential that vanishes at infinity.

    `galflowlab.profiles.SphericalPotential` is one, and that of a mock galaxy.
    """

    def __call__(self, R: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Potential [(km/s)²] at cylindrical radius R and height z [kpc]."""
        ...

    def circular_velocity(self, R: np.ndarray) -> np.ndarray:
        """Speed of the circular orbit in the plane [km/s] at R [kpc]."""
        ...


def circularity(stars: Stars, potential: Potential) -> np.ma.MaskedArray:
    """Circularity of each star.

    Parameters
    ----------
    stars
        Table or mapping of columns ``x y z vx vy vz``.
    potential
        Of stars, gas and dark matter together.

    Returns
    -------
    MaskedArray
        Shape (star,), between -1 and 1 but for rounding. Masked where the star is not bound, or
        so far out or in (10⁵ median radii, or its inverse) that it might as well not be.

    Raises
    ------
    ValueError
        For bad columns, no stars, or a potential without circular orbits.
    """
    x, y, z, vx, vy, vz = columns(stars, PHASE_SPACE)
    radius = np.sqrt(x**2 + y**2 + z**2)
    if not (len(radius) and np.median(radius) > 0):
        raise ValueError("expected stars away from the centre, got none")
    R = np.median(radius) * _GRID
    in_plane = potential(R, np.zeros_like(R))
    energy_c = 0.5 * potential.circular_velocity(R) ** 2 + in_plane
    rises = np.concatenate([[True], np.diff(energy_c) > 0])
    if not np.isfinite(energy_c).all() or np.count_nonzero(rises) < len(R) // 2:
        raise ValueError("expected a potential whose circular orbits have energies rising outwards")
    rises &= energy_c >= np.maximum.accumulate(energy_c)
    energy = 0.5 * (vx**2 + vy**2 + vz**2) + potential(np.hypot(x, y), z)
    bound = (energy > energy_c[rises][0]) & (energy < min(energy_c[rises][-1], 0.0))
    guide = np.exp(PchipInterpolator(energy_c[rises], np.log(R[rises]))(energy[bound]))
    # The circular orbit has the largest R sqrt(2 (E - Phi)): small errors of its radius are
    # squared.
    kinetic = np.maximum(energy[bound] - potential(guide, np.zeros_like(guide)), 0.0)
    largest = guide * np.sqrt(2 * kinetic)
    found = np.zeros(len(x))
    moves = largest > 0
    bound[np.flatnonzero(bound)[~moves]] = False
    found[bound] = (x * vy - y * vx)[bound] / largest[moves]
    return masked(found, bound)


@dataclass(frozen=True, eq=False)
class CircularityDistribution:
    """How the mass of the bound stars spreads over circularities.

    Parameters
    ----------
    edges
        Edges of the bins, from -1 to 1, shape (bin + 1,).
    density, density_errors
        Share of the bound mass per unit of circularity, shape (bin,); integrates to one.
    disc_fraction, disc_fraction_error
        Share of the bound mass above `threshold`.
    threshold
        Smallest circularity of a disc star.
    unbound
        Share of the mass that is masked by `circularity`.
    """

    edges: np.ndarray
    density: np.ndarray
    density_errors: np.ndarray
    disc_fraction: float
    disc_fraction_error: float
    threshold: float
    unbound: float

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON-serialisable data."""
        arrays = ("edges", "density", "density_errors")
        numbers = ("disc_fraction", "disc_fraction_error", "threshold", "unbound")
        found: dict[str, Any] = {name: getattr(self, name).tolist() for name in arrays}
        return found | {name: getattr(self, name) for name in numbers}


def circularity_distribution(
    stars: Stars,
    potential: Potential,
    *,
    seed: int | np.random.Generator,
    resamples: int = 100,
    bins: int = 40,
    threshold: float = DISC,
) -> CircularityDistribution:
    """Histogram of circularities and the disc fraction, weighted by mass.

    Parameters
    ----------
    stars, potential
        As for `circularity`, and the column ``mass``.
    seed, resamples
        Of the Bayesian bootstrap over stars.
    bins
        Number of bins between -1 and 1.
    threshold
        Circularity above which a star belongs to the disc.

    Raises
    ------
    ValueError
        As `circularity`, and if no bound star has mass, or for a threshold that is not between
        -1 and 1, or fewer than one bin or two resamples.
    """
    resamples = checked_resamples(resamples)
    if bins < 1 or bins != int(bins):
        raise ValueError(f"expected a whole number of bins, at least 1, got {bins}")
    if not -1 <= threshold <= 1:
        raise ValueError(f"expected a threshold between -1 and 1, got {threshold}")
    *_, mass = columns(stars, (*PHASE_SPACE, "mass"))
    found = circularity(stars, potential)
    bound = ~np.ma.getmaskarray(found)
    total = mass[bound].sum()
    if not total > 0:
        raise ValueError("no star with mass is bound: the potential is too weak, or in other units")
    edges = np.linspace(-1, 1, int(bins) + 1)
    value = np.clip(found.data[bound], -1, np.nextafter(1, 0))
    share = mass[bound] / total
    inside = np.eye(int(bins), dtype=np.float32)[bin_index(value, edges)]
    disc = value > threshold
    terms = share[:, None] * np.column_stack([np.ones(len(value)), disc, inside])
    drawn = resampled_sums(terms, resamples, seed=seed)
    errors = (drawn[:, 1:] / drawn[:, :1]).std(axis=0, ddof=1)
    width = np.diff(edges)
    return CircularityDistribution(
        edges=edges,
        density=np.bincount(bin_index(value, edges), share, minlength=int(bins)) / width,
        density_errors=errors[1:] / width,
        disc_fraction=float(share[disc].sum()),
        disc_fraction_error=float(errors[0]),
        threshold=float(threshold),
        unbound=float(1 - total / mass.sum()),
    )
