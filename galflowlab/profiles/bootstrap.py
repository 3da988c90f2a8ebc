"""Bayesian bootstrap: errors from random weights of the stars.

Rubin (1981, Annals of Statistics 9, 130): a resample gives every star an exponential weight. With
many stars this is the same as drawing them with replacement, and no resample lacks a star, so
that an estimate that exists once exists in nearly every resample.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_CHUNK = 8192  # stars of a product: the weights of a hundred resamples take 3 MB


def checked_resamples(resamples: int) -> int:
    """Number of resamples; ValueError unless it is whole and at least 2."""
    if resamples < 2 or resamples != int(resamples):
        raise ValueError(f"expected a whole number of resamples, at least 2, got {resamples}")
    return int(resamples)


def resampled_sums(
    terms: np.ndarray, resamples: int, *, seed: int | np.random.Generator
) -> np.ndarray:
    """Sums over stars of ``terms``, shape (star, term), in each resample: (resample, term)."""
    rng = np.random.default_rng(seed)
    sums = np.zeros((resamples, terms.shape[1]))
    for start in range(0, len(terms), _CHUNK):
        rows = terms[start : start + _CHUNK].astype(np.float32)
        sums += rng.standard_exponential((resamples, len(rows)), np.float32) @ rows
    return sums


def resampled_weights(
    weights: np.ndarray, resamples: int, *, seed: int | np.random.Generator
) -> Iterator[np.ndarray]:
    """Weights of the stars in each resample, for estimates that no sums give."""
    rng = np.random.default_rng(seed)
    for _ in range(resamples):
        yield weights * rng.standard_exponential(len(weights))
