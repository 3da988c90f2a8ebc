"""Distances between galaxies as wholes, cheap enough for all pairs.

A galaxy is first reduced to a summary, once; a distance is one of two summaries. That is why the
statistics are here and not those of `galflowlab.metrics`, which come with a null from many
permutations of the stars of each pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from galflowlab.galaxy import Galaxy
from galflowlab.schema import Stars, star_matrix

METRICS = ("linear_mmd2", "sliced_wasserstein")
"""Names of the distances between left-out galaxies and the model."""

_DIRECTIONS = 64
_QUANTILES = 128
_STEP = 8  # directions at once: the projections of a million stars take 64 MB


@dataclass(frozen=True, eq=False)
class Summary:
    """What the distances need to know of a galaxy.

    Parameters
    ----------
    mean
        Of the standardised columns, shape (column,).
    quantiles
        Of the stars projected on each direction, shape (direction, quantile).
    """

    mean: np.ndarray
    quantiles: np.ndarray

    def distances(self, others: Sequence[Summary]) -> dict[str, np.ndarray]:
        """Distances to other galaxies by metric, each of shape (galaxy,)."""
        means = np.array([other.mean for other in others])
        sliced = [np.abs(self.quantiles - other.quantiles).mean() for other in others]
        return {
            "linear_mmd2": ((self.mean - means) ** 2).sum(axis=1),
            "sliced_wasserstein": np.array(sliced),
        }


class Summariser:
    """Turns stars into summaries, on the scale of a whole data set.

    ``linear_mmd2`` is the squared distance of the means of standardised columns (linear MMD² of
    Wolf & Buck 2023, arXiv:2312.06017); ``sliced_wasserstein`` the mean Wasserstein-1 distance
    of the stars projected on random directions of the same space, in units of the standard
    deviations.

    Parameters
    ----------
    galaxies
        The whole data set: mean and standard deviation are those of all its stars.
    columns
        That are compared.
    seed
        Of the directions, and of the halves of `noise`.
    """

    def __init__(self, galaxies: Sequence[Galaxy], columns: Sequence[str], *, seed: int) -> None:
        self._columns, self._seed = tuple(columns), seed
        n = sum(len(g) for g in galaxies)
        self._mean = np.zeros(len(columns))
        for galaxy in galaxies:
            self._mean += star_matrix(galaxy.stars, columns).sum(axis=0) / n
        variance = np.zeros(len(columns))
        for galaxy in galaxies:
            offset = star_matrix(galaxy.stars, columns) - self._mean
            variance += (offset**2).sum(axis=0) / n
        self._std = np.where(variance > 0, np.sqrt(variance), 1.0)
        normal = np.random.default_rng(seed).standard_normal((_DIRECTIONS, len(columns)))
        self._directions = normal / np.linalg.norm(normal, axis=1, keepdims=True)

    def __call__(self, stars: Stars) -> Summary:
        """Summarise stars; raises ValueError for a missing column."""
        return self._summary((star_matrix(stars, self._columns) - self._mean) / self._std)

    def noise(self, stars: Stars) -> dict[str, float]:
        """Distances by metric that two draws of one galaxy, as many stars each, have by chance.

        From two random halves: half the stars each, so that a squared distance is twice as
        large.
        """
        standard = (star_matrix(stars, self._columns) - self._mean) / self._std
        order = np.random.default_rng(self._seed).permutation(len(standard))
        first, second = (self._summary(standard[order[i::2]]) for i in (0, 1))
        found = first.distances([second])
        return {
            "linear_mmd2": float(found["linear_mmd2"][0]) / 2,
            "sliced_wasserstein": float(found["sliced_wasserstein"][0]) / np.sqrt(2),
        }

    def _summary(self, standard: np.ndarray) -> Summary:
        levels = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
        parts = [
            np.quantile(standard @ self._directions[i : i + _STEP].T, levels, axis=0).T
            for i in range(0, _DIRECTIONS, _STEP)
        ]
        return Summary(standard.mean(axis=0), np.concatenate(parts))
