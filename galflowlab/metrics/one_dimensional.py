"""Distances between one-dimensional distributions: along columns and along random directions.

Sources: Grossi, Letizia & Torre 2024 (arXiv:2409.16336), mean Kolmogorov-Smirnov and sliced
Wasserstein distance; Bischoff et al. 2024 (arXiv:2403.12636), sliced Wasserstein distance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike

from galflowlab.metrics.comparison import Comparison
from galflowlab.metrics.splits import Splits, draw, generator

CELLS = 1 << 22  # stars times comparisons at a time


def sliced_wasserstein(
    real: ArrayLike,
    generated: ArrayLike,
    *,
    size: int,
    resamples: int,
    seed: int | np.random.Generator,
    directions: int = 128,
) -> Comparison:
    """Wasserstein-1 distance along random directions, averaged over these.

    How far stars have to be moved on average, in standard deviations of the real stars, seen
    from a random direction. With one feature it is the Wasserstein distance itself.

    Parameters
    ----------
    real, generated, size, resamples, seed
        As for `compare`.
    directions
        Number of random directions, the same for value and null.

    Returns
    -------
    Comparison
        Its `error` is the standard error over directions. Null values are scaled to the spread
        of the compared stars, the integral of √(F(1 - F)) over each direction with F the
        cumulative distribution of a side; see `compare`.

    Raises
    ------
    ValueError
        As for `compare`, or if there are fewer than two directions.
    """
    known, rng = generator(seed)
    splits = draw(real, generated, size=size, resamples=resamples, seed=known, rng=rng)
    return sliced_between(splits, rng, directions)


def sliced_between(splits: Splits, rng: np.random.Generator, directions: int = 128) -> Comparison:
    """`sliced_wasserstein` of drawn stars."""
    if directions < 2:
        raise ValueError(f"expected at least two directions, got {directions}")
    axes = rng.normal(size=(splits.stars.shape[1], directions))
    axes /= np.linalg.norm(axes, axis=0)
    size = splits.size
    values, spread = np.empty((2, directions, splits.sides.shape[1]))
    for i, axis in enumerate(axes.T):
        projected = splits.stars @ axis
        gaps = np.diff(np.sort(projected))
        for part, first, second in _counts(projected, splits.sides):
            values[i, part] = gaps @ np.abs(first - second)[:-1] / size
            noise = np.sqrt(first * (size - first)) + np.sqrt(second * (size - second))
            spread[i, part] = gaps @ noise[:-1] / (2 * size)
    error = float(values[:, 0].std(ddof=1) / np.sqrt(directions))
    return splits.comparison(
        "sliced_wasserstein", values.mean(axis=0), error, spread.mean(axis=0), directions=directions
    )


def kolmogorov_smirnov(
    real: ArrayLike,
    generated: ArrayLike,
    *,
    size: int,
    resamples: int,
    seed: int | np.random.Generator,
    columns: Sequence[str] | None = None,
) -> Comparison:
    """Largest difference of the cumulative distributions of a column, averaged over columns.

    Blind to everything that leaves the distribution of each single column as it is, such as
    correlations.

    Parameters
    ----------
    real, generated, size, resamples, seed
        As for `compare`.
    columns
        Names of the features for the details; their numbers if not given.

    Returns
    -------
    Comparison
        ``details["columns"]`` has `value` and `p_value` of each column, against its own null.

    Raises
    ------
    ValueError
        As for `compare`, or if there is not one name per feature.

    Examples
    --------
    >>> import numpy as np
    >>> from galflowlab import metrics
    >>> rng = np.random.default_rng(1)
    >>> real, wide = rng.normal(size=(2000, 2)), 1.3 * rng.normal(size=(500, 2))
    >>> outcome = metrics.kolmogorov_smirnov(real, wide, size=500, resamples=50, seed=1)
    >>> outcome.p_value < 0.05
    True
    """
    known, rng = generator(seed)
    splits = draw(real, generated, size=size, resamples=resamples, seed=known, rng=rng)
    names = [str(i) for i in range(splits.stars.shape[1])] if columns is None else columns
    return smirnov_between(splits, names)


def smirnov_between(splits: Splits, columns: Sequence[str]) -> Comparison:
    """`kolmogorov_smirnov` of drawn stars."""
    if len(set(columns)) != splits.stars.shape[1] or len(columns) != splits.stars.shape[1]:
        raise ValueError(f"expected {splits.stars.shape[1]} different names, got {list(columns)}")
    values = np.empty((len(columns), splits.sides.shape[1]))
    for row, column in zip(values, splits.stars.T, strict=True):
        ends = np.flatnonzero(np.diff(np.sort(column)))  # equal values are passed in one step
        for part, first, second in _counts(column, splits.sides):
            row[part] = np.abs(first - second)[ends].max(axis=0) / splits.size
    per_column = {
        name: {"value": float(row[0]), "p_value": Comparison(name, row[0], row[1:]).p_value}
        for name, row in zip(columns, values, strict=True)
    }
    return splits.comparison("kolmogorov_smirnov", values.mean(axis=0), columns=per_column)


def _counts(
    values: np.ndarray, sides: np.ndarray
) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """How many stars of the first and of the second side lie at or below each sorted value.

    Sorting once for all comparisons makes each of them a running sum; a few comparisons at a
    time as (part of the comparisons, first, second), the counts of shape (star, part).
    """
    order = np.argsort(values)
    step = max(1, CELLS // len(values))
    for start in range(0, sides.shape[1], step):
        part = slice(start, start + step)
        sorted_sides = sides[order, part]
        first, second = (
            np.cumsum(sorted_sides == side, axis=0, dtype=np.float32) for side in (1, -1)
        )
        yield part, first, second
