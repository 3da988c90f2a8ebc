"""Density of contexts, and how typical one is."""

from __future__ import annotations

import numpy as np
from scipy.stats import chi2

from galflowlab.population.mixture import Mixture, fitted, maximised

_FOLDS = 20
_TAIL = 0.1  # share of the galaxies below which less typical ones are extrapolated
_TAIL_FEWEST = 5  # galaxies in that share


class Density:
    """Density of rows like some given ones, and how typical a row is among them.

    A mixture of one to eight Gaussians, as many as Akaike's criterion allows. Against too few
    rows for its covariances there is a prior: each leans towards the mean covariance within
    the Gaussians, and that, by the weight of one row, towards a sphere of the whole spread.

    Parameters
    ----------
    rows
        Shape (row, entry), standardised.
    """

    def __init__(self, rows: np.ndarray) -> None:
        self.mixture, share = fitted(rows)
        levels = np.sort(_held_out_levels(rows, share, self.mixture))
        n = len(levels)
        self._levels, self._ranks = levels, np.arange(1, n + 1) / (n + 1)
        tail = min(n, max(_TAIL_FEWEST, int(np.ceil(_TAIL * n))))
        self._edge, self._edge_rank = levels[tail - 1], self._ranks[tail - 1]
        # The log density of a Gaussian falls off with a scale of 1 in its tail: one row's worth.
        self._scale = ((self._edge - levels[:tail]).sum() + 1.0) / tail
        self._shape = 2.0 / n  # few rows say little of the tail: it is heavier then

    def typicality(self, rows: np.ndarray) -> np.ndarray:
        """Share of new rows like the given ones that have a lower density, shape (row,).

        It is uniform for such rows: the densities to compare with are those of given rows
        under mixtures that have not seen them. Below the lowest tenth of these, a generalised
        Pareto law goes on.
        """
        level = self.mixture.log_density(rows)
        bulk = np.interp(level, self._levels, self._ranks, right=1.0)
        excess = np.maximum(self._edge - level, 0.0) / self._scale
        beyond = self._edge_rank * (1 + self._shape * excess) ** (-1 / self._shape)
        return np.where(excess > 0, beyond, bulk)


def _held_out_levels(rows: np.ndarray, share: np.ndarray, mixture: Mixture) -> np.ndarray:
    """Log density of rows under mixtures that were fitted without them."""
    n, d = rows.shape
    if n == 1:  # nothing to hold out: as if drawn from the mixture, a single Gaussian
        quantiles = (np.arange(99) + 0.5) / 99
        return mixture.log_density(mixture.means) - 0.5 * chi2.ppf(quantiles, d)
    folds = min(_FOLDS, n)
    fold = np.random.default_rng(0).permutation(n) % folds
    levels = np.empty(n)
    for k in range(folds):
        held = fold == k
        levels[held] = maximised(rows[~held], share[~held])[0].log_density(rows[held])
    return levels
