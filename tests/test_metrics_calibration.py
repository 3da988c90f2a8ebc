"""Where generated stars have the distribution of real ones, p-values are uniform."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom, kstest

from galflowlab import metrics
from galflowlab.metrics import Comparison
from galflowlab.metrics.mmd import linear_between, rbf_between
from galflowlab.metrics.one_dimensional import sliced_between, smirnov_between
from galflowlab.metrics.splits import draw

pytestmark = pytest.mark.slow

RESAMPLES, REPEATS = 39, 150
METRICS = {
    "linear": metrics.linear_mmd2,
    "rbf": metrics.rbf_mmd2,
    "features": lambda *a, **k: metrics.rbf_mmd2_features(*a, features=32, **k),
    "sliced": lambda *a, **k: metrics.sliced_wasserstein(*a, directions=6, **k),
    "smirnov": metrics.kolmogorov_smirnov,
}


def gaussian(rng, n):
    stars = rng.normal(size=(n, 3))
    stars[:, 1] += stars[:, 0]
    return stars


def heavy(rng, n):
    """Infinite variance: the outermost star dominates every mean."""
    return rng.standard_t(2, size=(n, 3))


def disc(rng, n):
    """Exponential disc of ten scale lengths with a thick disc, and skewed metallicities."""
    radius = rng.gamma(2, 3, 4 * n)
    radius, angle = radius[radius < 30][:n], rng.uniform(0, 2 * np.pi, n)
    height = rng.laplace(scale=np.where(rng.uniform(size=n) < 0.2, 1.0, 0.3))
    metallicity = 10 ** rng.normal(-2, 0.3, n)
    columns = (radius * np.cos(angle), height, 200 + 40 * rng.normal(size=n), metallicity)
    return np.stack(columns, axis=1)


def rank(comparison, rng):
    """Like the p-value, but uniform on (0, 1) also where values are equal."""
    above = np.count_nonzero(comparison.null > comparison.value)
    equal = np.count_nonzero(comparison.null == comparison.value)
    return (above + rng.uniform() * (1 + equal)) / (1 + len(comparison.null))


def ranks(judge, repeats, seed):
    rng = np.random.default_rng(seed)
    outcomes = [judge(rng) for _ in range(repeats)]
    return np.array([rank(c, rng) for c in outcomes]), np.array([c.p_value for c in outcomes])


def assert_uniform(rank_values, p_values):
    assert kstest(rank_values, "uniform").pvalue > 0.001  # asked some thirty times
    # No more rejections at 5 % than chance allows.
    assert np.count_nonzero(p_values <= 0.05) <= binom.ppf(0.999, len(p_values), 0.05)


@pytest.mark.parametrize(("stars", "pool"), [(gaussian, 2), (disc, 2), (disc, 4), (heavy, 2)])
@pytest.mark.parametrize("metric", METRICS)
def test_p_values_are_uniform(metric, stars, pool):
    def judge(rng):
        real, generated = stars(rng, 60 * pool), stars(rng, 80)
        return METRICS[metric](real, generated, size=60, resamples=RESAMPLES, seed=rng)

    assert_uniform(*ranks(judge, REPEATS, seed=5))


@pytest.mark.parametrize("pool", [2, 4])
def test_p_values_of_the_classifier_are_uniform(pool):
    def judge(rng):
        real, generated = disc(rng, 60 * pool), disc(rng, 60)
        return metrics.c2st(real, generated, size=60, resamples=9, seed=rng, folds=2, trees=5)

    rank_values, p_values = ranks(judge, 100, seed=6)
    assert kstest(rank_values, "uniform").pvalue > 0.001
    assert np.count_nonzero(p_values <= 0.1) <= binom.ppf(0.999, len(p_values), 0.1)


def matched_sides(splits, rng):
    """A wrong null: both sides share out neighbours, and resemble each other too much."""
    sides = np.zeros_like(splits.sides)
    sides[:, 0] = splits.sides[:, 0]
    order = np.argsort(splits.stars[: splits.pool, 0])[: 2 * splits.size]
    for column in range(1, sides.shape[1]):
        sign = rng.choice([-1, 1], size=splits.size)
        sides[order, column] = np.stack([sign, -sign], axis=1).ravel()
    return replace(splits, sides=sides)


def one_side_fixed(splits, rng):
    """A wrong null: the first side, once drawn, is kept."""
    sides = np.zeros_like(splits.sides)
    sides[:, 0] = splits.sides[:, 0]
    first = splits.sides[: splits.pool, 0] == 1
    for column in range(1, sides.shape[1]):
        sides[: splits.pool, column][first] = 1
        sides[rng.permutation(np.flatnonzero(~first))[: splits.size], column] = -1
    return replace(splits, sides=sides)


def unscaled(splits):
    """A wrong null: values of `linear_mmd2` as they are, whatever the spread of the stars."""
    values = ((splits.stars.T @ splits.sides / splits.size) ** 2).sum(axis=0)
    return Comparison("unscaled", values[0], values[1:])


BETWEEN = {
    "linear": linear_between,
    "rbf": rbf_between,
    "sliced": lambda splits: sliced_between(splits, np.random.default_rng(1), 6),
    "smirnov": lambda splits: smirnov_between(splits, ["x", "y", "z"]),
}


@pytest.mark.parametrize(("spoil", "pool"), [(matched_sides, 2), (one_side_fixed, 2.5)])
@pytest.mark.parametrize("metric", BETWEEN)
def test_a_wrong_null_is_noticed(metric, spoil, pool):
    def judge(rng):
        real, generated = gaussian(rng, int(80 * pool)), gaussian(rng, 80)
        splits = draw(real, generated, size=80, resamples=RESAMPLES, seed=None, rng=rng)
        return BETWEEN[metric](spoil(splits, rng))

    with pytest.raises(AssertionError):
        assert_uniform(*ranks(judge, REPEATS, seed=7))


def test_a_null_that_ignores_the_spread_is_noticed():
    def judge(rng):
        real, generated = heavy(rng, 160), heavy(rng, 80)
        splits = draw(real, generated, size=80, resamples=RESAMPLES, seed=None, rng=rng)
        return unscaled(splits)

    with pytest.raises(AssertionError):
        assert_uniform(*ranks(judge, REPEATS, seed=5))


def test_p_values_of_a_divergence_of_zero_are_uniform():
    def judge(rng):
        ratio = rng.gamma(4, size=100) - 4  # skewed, mean zero
        return metrics.kl_to_truth(ratio, np.zeros(100), resamples=RESAMPLES, seed=rng)

    assert_uniform(*ranks(judge, 300, seed=8))


@pytest.mark.parametrize("reference", [50, 200, 5000])
def test_p_values_of_the_likelihood_are_uniform(reference):
    def judge(rng):
        density = -rng.gamma(4, size=200 + reference)
        held_out, expected = density[:200], density[200:]
        return metrics.held_out_nll(held_out, expected, resamples=RESAMPLES, seed=rng)

    assert_uniform(*ranks(judge, 300, seed=9))
