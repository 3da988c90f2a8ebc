"""Shape of the velocity ellipsoid: in spherical shells, and in rings around the spin axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from astropy import units as u

from galflowlab.pixels import masked
from galflowlab.profiles.binning import bin_index, checked_rings, columns, cylindrical
from galflowlab.profiles.bootstrap import checked_resamples
from galflowlab.profiles.moments import bin_moments
from galflowlab.profiles.profile import Profile
from galflowlab.schema import PHASE_SPACE, Quantity, Stars

ANISOTROPY = Quantity("anisotropy", u.one, "velocity anisotropy in spherical shells", "β")
FLATTENING = Quantity(
    "dispersion_ratio", u.one, "vertical over radial velocity dispersion", "σ_z / σ_R"
)


def anisotropy(
    stars: Stars,
    edges: Sequence[float] | np.ndarray,
    *,
    seed: int | np.random.Generator,
    resamples: int = 100,
) -> Profile:
    """Velocity anisotropy in spherical shells (Binney & Tremaine 2008, eq. 4.61).

    beta = 1 - (sigma_theta² + sigma_phi²) / (2 sigma_r²) with dispersions about the means of
    the shell, so that ordered rotation does not count: 0 if isotropic, 1 if all motion is
    radial.

    Parameters
    ----------
    stars
        Table or mapping of columns ``x y z vx vy vz mass``.
    edges
        Edges of the shells [kpc], increasing from at least 0.
    seed, resamples
        Of the Bayesian bootstrap over stars.

    Returns
    -------
    Profile
        At the middles of the shells; masked below 20 stars and where nothing moves radially.

    Raises
    ------
    ValueError
        For bad columns, edges that do not increase from at least 0, or fewer than two resamples.
    """
    edges, resamples = checked_rings(edges), checked_resamples(resamples)
    x, y, z, vx, vy, vz, mass = columns(stars, (*PHASE_SPACE, "mass"))
    R, v_R, v_phi = cylindrical(x, y, vx, vy)
    radius = np.hypot(R, z)
    away = radius > 0
    safe = np.where(away, radius, 1.0)
    sin, cos = np.where(away, R / safe, 1.0), z / safe
    v = np.column_stack([sin * v_R + cos * vz, cos * v_R - sin * vz, v_phi])
    index = bin_index(radius, edges)
    found = bin_moments(v, mass, index, len(edges) - 1, seed=seed, resamples=resamples)
    valid = found.enough & (found.variance[:, 0] > 0)
    values, drawn = (
        _ratio(-0.5 * (variance[..., 1] + variance[..., 2]), variance[..., 0]) + 1
        for variance in (found.variance, found.drawn_variance)
    )
    return _profile(ANISOTROPY, edges, values, drawn, valid, found.counts)


def dispersion_ratio(
    stars: Stars,
    edges: Sequence[float] | np.ndarray,
    *,
    seed: int | np.random.Generator,
    resamples: int = 100,
) -> Profile:
    """Return sigma_z / sigma_R in cylindrical rings; parameters as of `anisotropy`."""
    edges, resamples = checked_rings(edges), checked_resamples(resamples)
    x, y, vx, vy, vz, mass = columns(stars, ("x", "y", "vx", "vy", "vz", "mass"))
    R, v_R, _ = cylindrical(x, y, vx, vy)
    v, index = np.column_stack([v_R, vz]), bin_index(R, edges)
    found = bin_moments(v, mass, index, len(edges) - 1, seed=seed, resamples=resamples)
    valid = found.enough & (found.variance[:, 0] > 0)
    values, drawn = (
        np.sqrt(_ratio(variance[..., 1], variance[..., 0]))
        for variance in (found.variance, found.drawn_variance)
    )
    return _profile(FLATTENING, edges, values, drawn, valid, found.counts)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.zeros_like(below), where=below > 0)


def _profile(
    quantity: Quantity,
    edges: np.ndarray,
    values: np.ndarray,
    drawn: np.ndarray,
    valid: np.ndarray,
    counts: np.ndarray,
) -> Profile:
    middle = 0.5 * (edges[1:] + edges[:-1])
    errors = masked(drawn.std(axis=0, ddof=1), valid)
    return Profile(quantity, middle, masked(values, valid), errors, counts)
