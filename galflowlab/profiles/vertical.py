"""Thickness of the disc against radius."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from astropy import units as u

from galflowlab.pixels import masked
from galflowlab.profiles.binning import bin_index, checked_rings, columns, sorted_quantiles
from galflowlab.profiles.bootstrap import checked_resamples, resampled_weights
from galflowlab.profiles.moments import MIN_STARS
from galflowlab.profiles.profile import Profile
from galflowlab.schema import Quantity, Stars

SCALE_HEIGHT = Quantity("scale_height", u.kpc, "exponential scale height from the median", "h_z")
RMS_HEIGHT = Quantity("rms_height", u.kpc, "root mean square distance from the plane", "rms z")

SECH2 = float(np.log(2) / np.arctanh(0.5))
"""z0 over the scale height: both discs, exp(-|z|/h) and sech²(z/z0), then have one median |z|."""


def scale_height(
    stars: Stars,
    edges: Sequence[float] | np.ndarray,
    *,
    seed: int | np.random.Generator,
    resamples: int = 100,
) -> Profile:
    """Scale height [kpc] in cylindrical rings: the median of |z| over ln 2.

    It is that of a disc exp(-|z| / h) with the same median |z|; multiply by `SECH2` for the z0
    of sech²(z / z0). The median hardly heeds a background of halo stars, while the maximum
    likelihood of an exponential, the mean |z|, follows the farthest star.

    Parameters
    ----------
    stars
        Table or mapping of columns ``x y z mass``, the disc in the plane z = 0.
    edges
        Edges of the rings [kpc], increasing from at least 0.
    seed, resamples
        Of the Bayesian bootstrap over stars.

    Returns
    -------
    Profile
        At the middles of the rings; masked below 20 stars.

    Raises
    ------
    ValueError
        For bad columns, edges that do not increase from at least 0, or fewer than two resamples.
    """
    return _heights(SCALE_HEIGHT, _median_height, stars, edges, seed, resamples)


def rms_height(
    stars: Stars,
    edges: Sequence[float] | np.ndarray,
    *,
    seed: int | np.random.Generator,
    resamples: int = 100,
) -> Profile:
    """Root mean square of z [kpc] in cylindrical rings; parameters as of `scale_height`.

    That of a single disc exp(-|z| / h) is 1.41 h; a halo or a thick disc makes it larger.
    """
    return _heights(RMS_HEIGHT, _rms_height, stars, edges, seed, resamples)


def _heights(
    quantity: Quantity,
    height: Callable[[np.ndarray, np.ndarray], float],
    stars: Stars,
    edges: Sequence[float] | np.ndarray,
    seed: int | np.random.Generator,
    resamples: int,
) -> Profile:
    edges, resamples = checked_rings(edges), checked_resamples(resamples)
    x, y, z, mass = columns(stars, ("x", "y", "z", "mass"))
    index = bin_index(np.hypot(x, y), edges)
    rng = np.random.default_rng(seed)
    bins = len(edges) - 1
    values, errors = np.zeros(bins), np.zeros(bins)
    counts, valid = np.zeros(bins, dtype=np.int64), np.zeros(bins, dtype=bool)
    for i in range(bins):
        rows = np.flatnonzero(index == i)
        counts[i], valid[i] = len(rows), len(rows) >= MIN_STARS and mass[rows].sum() > 0
        if not valid[i]:
            continue
        rows = rows[np.argsort(np.abs(z[rows]))]
        sorted_z, weight = np.abs(z[rows]), mass[rows]
        values[i] = height(sorted_z, weight)
        drawn = [height(sorted_z, w) for w in resampled_weights(weight, resamples, seed=rng)]
        errors[i] = np.std(drawn, ddof=1)
    middle = 0.5 * (edges[1:] + edges[:-1])
    return Profile(quantity, middle, masked(values, valid), masked(errors, valid), counts)


def _median_height(sorted_z: np.ndarray, weight: np.ndarray) -> float:
    return float(sorted_quantiles(sorted_z, weight, (0.5,))[0] / np.log(2))


def _rms_height(z: np.ndarray, weight: np.ndarray) -> float:
    return float(np.sqrt(np.average(z**2, weights=weight)))
