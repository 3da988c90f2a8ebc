"""Planted shifts: which metric sees what, and that it says so."""

import numpy as np
import pytest

from galflowlab import metrics

pytestmark = pytest.mark.slow

SIZE, RESAMPLES = 600, 119
METRICS = {
    "linear_mmd2": metrics.linear_mmd2,
    "kolmogorov_smirnov": metrics.kolmogorov_smirnov,
    "rbf_mmd2": metrics.rbf_mmd2,
    "rbf_mmd2_features": lambda *a, **k: metrics.rbf_mmd2_features(*a, features=256, **k),
    "sliced_wasserstein": lambda *a, **k: metrics.sliced_wasserstein(*a, directions=32, **k),
}
BLIND = {
    ("linear_mmd2", "variance"),
    ("linear_mmd2", "correlation"),
    ("linear_mmd2", "bimodality"),
    ("kolmogorov_smirnov", "correlation"),
}


def gaussian(rng, n):
    return rng.normal(size=(n, 2))


def mean(rng, n):
    return gaussian(rng, n) + np.array([0.5, 0])


def variance(rng, n):
    return gaussian(rng, n) * np.array([0.5, 1])


def correlation(rng, n):
    """Every column stays a unit Gaussian."""
    x, y = gaussian(rng, n).T
    return np.stack([x, 0.8 * x + 0.6 * y], axis=1)


def bimodality(rng, n):
    """Mean zero and unit variance, but two humps at ±0.95 in every column."""
    return rng.choice([-0.95, 0.95], (n, 2)) + np.sqrt(1 - 0.95**2) * gaussian(rng, n)


SHIFTS = {f.__name__: f for f in (mean, variance, correlation, bimodality)}


def judged(metric, shift, seed, **options):
    rng = np.random.default_rng(seed)
    real, generated = gaussian(rng, 5 * SIZE // 2), SHIFTS[shift](rng, SIZE)
    return metric(real, generated, size=SIZE, seed=rng, **options)


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("metric", METRICS)
def test_shifts_are_seen_or_not(metric, shift):
    outcomes = [judged(METRICS[metric], shift, seed, resamples=RESAMPLES) for seed in range(3)]
    if (metric, shift) in BLIND:
        more = [judged(METRICS[metric], shift, seed, resamples=19) for seed in range(3, 23)]
        # Under the null the average of 23 p-values is 0.5 ± 0.06.
        assert np.mean([c.p_value for c in outcomes + more]) > 0.3
    else:
        assert max(c.p_value for c in outcomes) < 0.01
        assert min(c.z for c in outcomes) > 3.5


@pytest.mark.parametrize("shift", SHIFTS)
def test_the_classifier_sees_all_shifts(shift):
    outcome = judged(metrics.c2st, shift, 1, resamples=100, folds=2, trees=10)
    assert outcome.p_value < 0.01
    assert outcome.details["interval"][0] > 0.5


def test_per_column_values_point_at_the_column():
    outcome = judged(
        metrics.kolmogorov_smirnov, "variance", 1, resamples=RESAMPLES, columns=["x", "y"]
    )
    columns = outcome.details["columns"]
    assert columns["x"]["p_value"] < 0.01 < columns["y"]["p_value"]
    assert outcome.value == pytest.approx(np.mean([c["value"] for c in columns.values()]))


def test_a_larger_shift_is_a_larger_value_against_the_same_null():
    rng = np.random.default_rng(3)
    real, generated = gaussian(rng, 600), gaussian(rng, 200)
    for metric in METRICS.values():
        outcomes = [
            metric(real, generated + shift, size=200, resamples=20, seed=4) for shift in (1, 2, 4)
        ]
        assert np.all(np.diff([c.value for c in outcomes]) > 0)
        assert np.all(np.diff([c.z for c in outcomes]) > 0)
        np.testing.assert_allclose(outcomes[0].null, outcomes[2].null, rtol=1e-9)


def test_one_stray_star_raises_value_and_null():
    rng = np.random.default_rng(5)
    real, generated = gaussian(rng, 600), gaussian(rng, 200)
    generated[0] = 1e8
    for name in ("linear_mmd2", "sliced_wasserstein"):
        outcome = METRICS[name](real, generated, size=200, resamples=39, seed=6)
        assert outcome.value > 1e4
        assert outcome.details["relative_spread"] > 1e4
        assert outcome.z < 10


def test_equal_stars_have_no_spread_and_no_distance():
    real = np.zeros((100, 1))
    real[0] = 1  # outside of most comparisons
    for name in ("linear_mmd2", "sliced_wasserstein", "kolmogorov_smirnov"):
        outcome = METRICS[name](real, np.zeros((5, 1)), size=5, resamples=19, seed=7)
        assert np.count_nonzero(outcome.null) < 19
        assert np.isfinite(outcome.z)


@pytest.mark.parametrize("kl", [0.01, 0.1])
def test_a_divergence_is_told_from_noise(kl):
    x = np.random.default_rng(7).normal(size=20_000)
    shift = np.sqrt(2 * kl)
    outcome = metrics.kl_to_truth(-(x**2) / 2, -((x - shift) ** 2) / 2, resamples=199, seed=8)
    assert outcome.value == pytest.approx(kl, abs=4 * outcome.error)
    assert outcome.p_value < 0.01
    assert outcome.z == pytest.approx(outcome.value / outcome.error, rel=0.3)
    few = metrics.kl_to_truth(-(x[:50] ** 2) / 2, -(x[:50] ** 2) / 2, resamples=199, seed=8)
    assert (few.value, few.z, few.p_value) == (0, 0, 1)


def test_likelihood_tells_narrow_from_wide_models():
    rng = np.random.default_rng(9)
    stars = rng.normal(size=2000)
    outcomes = {}
    for width in (0.9, 1.0, 1.1):
        own = width * rng.normal(size=10_000)
        density = [-((x / width) ** 2) / 2 - np.log(width) for x in (stars, own)]
        outcomes[width] = metrics.held_out_nll(*density, resamples=199, seed=10)
    assert outcomes[0.9].z > 4
    assert outcomes[0.9].p_value < 0.01
    assert abs(outcomes[1.0].z) < 3
    assert outcomes[1.0].p_value > 0.01
    assert outcomes[1.1].z < -4
    assert outcomes[1.1].p_value == 1
