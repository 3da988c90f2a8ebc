"""All two-sample metrics on the same stars."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from galflowlab.metrics.classifier import c2st_between
from galflowlab.metrics.comparison import Comparison
from galflowlab.metrics.mmd import features_between, linear_between, rbf_between
from galflowlab.metrics.one_dimensional import sliced_between, smirnov_between
from galflowlab.metrics.splits import draw, generator


def compare(
    real: ArrayLike,
    generated: ArrayLike,
    *,
    columns: Sequence[str],
    size: int = 2000,
    resamples: int = 200,
    c2st_resamples: int = 20,
    seed: int | np.random.Generator,
) -> dict[str, Comparison]:
    """Judge generated stars by every two-sample metric, each against its null.

    Parameters
    ----------
    real, generated
        Shapes (real star, feature) and (generated star, feature), in any units: columns are
        standardised by mean and standard deviation of all real stars. Stars count alike; draw
        them by mass beforehand if mass should count. The model should not have seen the real
        ones.
    columns
        Name of each feature.
    size
        Stars on either side of every comparison, drawn without replacement. The same for value
        and null, because all these statistics depend on it.
    resamples
        Number of null values: the same metric between two disjoint sets of `size` real stars,
        both drawn anew each time from at most ``4 * size`` real stars.
    c2st_resamples
        The same for `c2st`, each of which trains trees.
    seed
        Integer or numpy Generator; fixes stars, directions, frequencies and folds.

    Returns
    -------
    dict
        `Comparison` by name: ``linear_mmd2``, ``kolmogorov_smirnov``, ``rbf_mmd2``,
        ``rbf_mmd2_features``, ``sliced_wasserstein``, ``c2st``.

    Raises
    ------
    ValueError
        If the arrays are not (star, feature) with equal features, hold a value that is not
        finite or would overflow, or a real column is constant; if there are fewer than
        ``2 * size`` real or `size` generated stars; if names do not match the features.

    Notes
    -----
    Where generated and real stars have the same distribution p-values are uniform, which the
    tests check with as few as ``2 * size`` real stars and with skewed and heavy-tailed columns.

    The null of the two metrics without an upper bound needs care for that. The noise of a mean
    or of a Wasserstein distance grows with the spread of the stars, and a finite set of real
    stars does not tell how far out the next star may lie: compared as they are, equal
    distributions are rejected 3 to 10 times too often at 1 % for Student's t with three to two
    degrees of freedom. So `linear_mmd2` and `sliced_wasserstein` scale every null value by the
    spread of the compared stars over that of its own, like a t-test; ``relative_spread`` in
    their details is the median factor. A few stray stars then raise value and null together.
    What remains is 6.5 % rejected at 5 % by `sliced_wasserstein` for two degrees of freedom.

    Sources: Bischoff et al. 2024 (arXiv:2403.12636), Grossi, Letizia & Torre 2024
    (arXiv:2409.16336), Wolf & Buck 2023 (arXiv:2312.06017).
    """
    known, rng = generator(seed)
    splits = draw(real, generated, size=size, resamples=resamples, seed=known, rng=rng)
    if not 2 <= c2st_resamples <= resamples:
        raise ValueError(f"expected 2 to {resamples} resamples for c2st, got {c2st_resamples}")
    outcomes = (
        linear_between(splits),
        smirnov_between(splits, columns),
        rbf_between(splits),
        features_between(splits, rng),
        sliced_between(splits, rng),
        c2st_between(splits.first(c2st_resamples), rng),
    )
    return {outcome.name: outcome for outcome in outcomes}
