"""Classifier two-sample test: how well boosted trees tell generated stars from real ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from galflowlab.metrics.comparison import Comparison
from galflowlab.metrics.splits import Splits, draw, generator


def c2st(
    real: ArrayLike,
    generated: ArrayLike,
    *,
    size: int,
    resamples: int,
    seed: int | np.random.Generator,
    folds: int = 5,
    trees: int = 50,
) -> Comparison:
    """Cross-validated accuracy of gradient-boosted trees between real and generated stars.

    0.5 is indistinguishable, 1 is hopeless. Trees see anything with enough stars, correlations
    and gaps included, and `value` says how many stars are telling. The null trains anew on real
    against real, so it holds the scatter that a binomial error leaves out (the same stars train
    and test in turn). Every resample costs `folds` trainings: with 20 of them p cannot fall
    below 0.048, and `z` is the number to read.

    Sources: Lopez-Paz & Oquab 2017 (arXiv:1610.06545); Bischoff et al. 2024 (arXiv:2403.12636).

    Parameters
    ----------
    real, generated, size, resamples, seed
        As for `compare`.
    folds
        Parts of the stars, each classified by trees trained on the others; equally many stars of
        both sides are in each.
    trees
        Boosting rounds.

    Returns
    -------
    Comparison
        Its `error` is half the 95 % interval of the accuracy for `2 * size` classified stars
        (Wilson 1927), ``details["interval"]`` the interval.

    Raises
    ------
    ValueError
        As for `compare`, or if there are not at least two folds with a star of each side and
        at least one tree.
    """
    known, rng = generator(seed)
    splits = draw(real, generated, size=size, resamples=resamples, seed=known, rng=rng)
    return c2st_between(splits, rng, folds, trees)


def c2st_between(
    splits: Splits, rng: np.random.Generator, folds: int = 5, trees: int = 50
) -> Comparison:
    """`c2st` of drawn stars."""
    from threadpoolctl import threadpool_limits  # scikit-learn takes a second to import

    if not 2 <= folds <= splits.size or trees < 1:
        raise ValueError(
            f"expected 2 to {splits.size} folds and at least one tree, got {folds} and {trees}"
        )
    # The data are too small for OpenMP to gain anything by more threads.
    with threadpool_limits(1, user_api="openmp"):
        values = np.array([_accuracy(splits, side, rng, folds, trees) for side in splits.sides.T])
    low, high = _wilson(float(values[0]), 2 * splits.size)
    return splits.comparison(
        "c2st", values, (high - low) / 2, interval=[low, high], folds=folds, trees=trees
    )


def _accuracy(
    splits: Splits, side: np.ndarray, rng: np.random.Generator, folds: int, trees: int
) -> float:
    from sklearn.ensemble import HistGradientBoostingClassifier

    stars = np.concatenate([splits.stars[side == 1], splits.stars[side == -1]])
    label = np.repeat([0, 1], splits.size)
    fold = np.concatenate([rng.permutation(splits.size) % folds for _ in range(2)])
    correct = 0
    for held_out in range(folds):
        test = fold == held_out
        model = HistGradientBoostingClassifier(
            max_iter=trees, max_leaf_nodes=15, early_stopping=False, random_state=0
        )
        model.fit(stars[~test], label[~test])
        correct += int((model.predict(stars[test]) == label[test]).sum())
    return correct / len(label)


def _wilson(fraction: float, n: int) -> tuple[float, float]:
    """95 % interval of a binomial fraction."""
    z2 = 1.96**2
    centre = (fraction + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (fraction * (1 - fraction) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    return float(centre - half), float(centre + half)
