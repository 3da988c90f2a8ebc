"""Which stars a metric compares: real with generated once, then real with real many times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from galflowlab.metrics.comparison import Comparison

POOL = 4
"""The null draws from at most this many times `size` real stars, which bounds the kernel matrix.

Half as many would do (see the calibration tests); more follow heavy tails better.
"""
LIMIT = 1e100
"""Values and standardised values beyond this would overflow when squared."""


@dataclass(frozen=True, eq=False)
class Splits:
    """Standardised stars, and on which side of each comparison every one of them stands.

    Attributes
    ----------
    stars
        Shape (star, feature): the pool of real stars, then `size` generated ones, in units of
        the standard deviation of all real stars, about their mean.
    sides
        Shape (star, 1 + resample): 1 on the first side, -1 on the second, 0 not used; `size`
        stars on each side. Column 0 compares real with generated, the others two disjoint
        sets of real stars.
    size
        Stars per side.
    seed
        The integer that drew them, None for a Generator.
    """

    stars: np.ndarray
    sides: np.ndarray
    size: int
    seed: int | None

    @property
    def pool(self) -> int:
        """Number of real stars."""
        return len(self.stars) - self.size

    def first(self, resamples: int) -> Splits:
        """The same comparison with the first few resamples only."""
        return Splits(self.stars, self.sides[:, : 1 + resamples], self.size, self.seed)

    def comparison(
        self,
        name: str,
        values: np.ndarray,
        error: float | None = None,
        spread: np.ndarray | None = None,
        **details: Any,
    ) -> Comparison:
        """Outcome from the statistic of every column of `sides`, shape (1 + resample,).

        With the `spread` of the stars of every column, which the noise of the statistic is
        proportional to, null values are scaled to the spread of column 0; see `compare`.
        """
        drawn: dict[str, Any] = {"size": self.size, "real_pool": self.pool, "seed": self.seed}
        null = values[1:]
        if spread is not None:
            scale = np.ones(len(null))
            np.divide(spread[0], spread[1:], out=scale, where=spread[1:] > 0)
            null = null * scale
            drawn["relative_spread"] = float(np.median(scale))
        return Comparison(name, float(values[0]), null, error, drawn | details)


def draw(
    real: ArrayLike,
    generated: ArrayLike,
    *,
    size: int,
    resamples: int,
    seed: int | None,
    rng: np.random.Generator,
) -> Splits:
    """Standardise by the real stars and draw all comparisons; parameters as in `compare`.

    Raises
    ------
    ValueError
        If the arrays are not (star, feature) with equal features, hold a value that is not
        finite or overflows, a real column is constant, or there are too few stars.
    """
    real, generated = _stars(real, "real"), _stars(generated, "generated")
    if real.shape[1] != generated.shape[1]:
        raise ValueError(
            f"expected equal features, got {real.shape[1]} real and {generated.shape[1]} generated"
        )
    if size < 2 or resamples < 2:
        raise ValueError(f"expected size and resamples of at least 2, got {size} and {resamples}")
    if len(real) < 2 * size or len(generated) < size:
        raise ValueError(
            f"size {size} needs {2 * size} real stars (the null compares disjoint halves) and "
            f"{size} generated ones, got {len(real)} and {len(generated)}"
        )
    mean, std = real.mean(axis=0), real.std(axis=0)
    if (bad := np.flatnonzero(~(std > 1e-12 * np.abs(mean)))).size:
        raise ValueError(f"column {bad[0]} of the real stars is constant, it has no scale")
    pool = min(len(real), POOL * size)
    stars = np.concatenate(
        [
            real[rng.choice(len(real), pool, replace=False)],
            generated[rng.choice(len(generated), size, replace=False)],
        ]
    )
    stars = (stars - mean) / std
    if not (np.abs(stars) < LIMIT).all():
        raise ValueError(f"stars lie more than {LIMIT:g} standard deviations off the real mean")
    return Splits(stars, _sides(pool, size, resamples, rng), size, seed)


def generator(seed: int | np.random.Generator) -> tuple[int | None, np.random.Generator]:
    """The integer to be remembered, if it is one, and the Generator."""
    known = int(seed) if isinstance(seed, int | np.integer) else None
    return known, np.random.default_rng(seed)


def _stars(values: ArrayLike, name: str) -> np.ndarray:
    stars = np.asarray(values, dtype=np.float64)
    if stars.ndim != 2 or not stars.shape[1]:
        raise ValueError(f"expected {name} stars of shape (star, feature), got {stars.shape}")
    if not (np.abs(stars) < LIMIT).all():  # also false for NaN
        rows = int((~(np.abs(stars) < LIMIT)).any(axis=1).sum())
        raise ValueError(f"{rows} of {len(stars)} {name} stars are not finite or above {LIMIT:g}")
    return stars


def _sides(pool: int, size: int, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Both sides are drawn anew every time.

    With one side held fixed the null would be too narrow: the noise of that side would be the
    same in all resamples.
    """
    sides = np.zeros((pool + size, 1 + resamples), dtype=np.int8)
    sides[pool:, 0] = -1
    for column in range(1 + resamples):
        order = rng.permutation(pool)
        sides[order[:size], column] = 1
        if column:
            sides[order[size : 2 * size], column] = -1
    return sides
