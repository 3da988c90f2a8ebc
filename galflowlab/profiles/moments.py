"""Mean and variance of star columns in bins, with resamples of the Bayesian bootstrap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from galflowlab.profiles.bootstrap import resampled_sums

MIN_STARS = 20
"""Fewest stars of a bin whose bootstrap error is worth the name."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Moments of k columns in bins.

    Parameters
    ----------
    mean, variance
        Shape (bin, k); zero where a bin has no mass.
    drawn_mean, drawn_variance
        The same of each resample, shape (resample, bin, k).
    counts
        Stars in each bin, shape (bin,).
    enough
        Whether a bin has mass and at least `MIN_STARS` stars, shape (bin,).
    """

    mean: np.ndarray
    variance: np.ndarray
    drawn_mean: np.ndarray
    drawn_variance: np.ndarray
    counts: np.ndarray
    enough: np.ndarray


def bin_moments(
    values: np.ndarray,
    mass: np.ndarray,
    index: np.ndarray,
    bins: int,
    *,
    seed: int | np.random.Generator,
    resamples: int,
) -> Moments:
    """Moments of ``values``, shape (star, k), in the bins that ``index`` names.

    Stars whose index is below 0 or not below ``bins`` are left out.
    """
    rng = np.random.default_rng(seed)
    k = values.shape[1]
    mean, variance = np.zeros((bins, k)), np.zeros((bins, k))
    drawn = np.zeros((2, resamples, bins, k))
    counts, enough = np.zeros(bins, dtype=np.int64), np.zeros(bins, dtype=bool)
    for i in range(bins):
        rows = np.flatnonzero(index == i)
        weight = mass[rows]
        counts[i] = len(rows)
        if not weight.sum() > 0:
            continue
        enough[i] = len(rows) >= MIN_STARS
        mean[i] = np.average(values[rows], axis=0, weights=weight)
        offset = values[rows] - mean[i]  # small, so that squares do not cancel
        variance[i] = np.average(offset**2, axis=0, weights=weight)
        # Shares of the mass: 32-bit products neither overflow nor vanish.
        share = (weight / weight.max())[:, None]
        terms = np.hstack([share, share * offset, share * offset**2])
        sums = resampled_sums(terms, resamples, seed=rng)
        first, second = np.split(sums[:, 1:] / sums[:, :1], 2, axis=1)
        drawn[0, :, i] = mean[i] + first
        drawn[1, :, i] = np.maximum(second - first**2, 0.0)
    return Moments(mean, variance, drawn[0], drawn[1], counts, enough)
