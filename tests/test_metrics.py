"""KL and likelihood estimates, the comparison with a known eDF, and with a null."""

import json

import numpy as np
import pytest

from galflowlab.metrics import (
    Comparison,
    held_out_nll,
    kl_divergence,
    kl_to_truth,
    mean_over_stars,
    negative_log_likelihood,
)


def test_kl_between_known_gaussians():
    rng = np.random.default_rng(1)
    x = rng.normal(size=200_000)
    estimate = kl_divergence(-0.5 * x**2, -0.5 * ((x - 0.3) / 1.2) ** 2 - np.log(1.2))
    exact = np.log(1.2) + (1 + 0.3**2) / (2 * 1.2**2) - 0.5
    assert estimate.value == pytest.approx(exact, abs=4 * estimate.error)
    assert estimate.error < 0.002


def test_error_is_that_of_the_mean():
    values = np.random.default_rng(2).normal(3, 2, 10_000)
    estimate = mean_over_stars(values)
    assert estimate.error == pytest.approx(0.02, rel=0.05)
    assert negative_log_likelihood(-values).value == pytest.approx(estimate.value)


def test_impossible_stars_make_the_divergence_infinite():
    assert kl_divergence(np.zeros(3), np.array([0, 0, -np.inf])).value == np.inf


@pytest.mark.parametrize(
    ("truth", "model", "message"),
    [
        (np.zeros(3), np.zeros(4), "equal shapes"),
        (np.array([0, -np.inf]), np.zeros(2), "no density to some of its own"),
        (np.zeros(2), np.array([0, np.nan]), "1 of 2 values are NaN"),
        (np.zeros(1), np.zeros(1), "at least two"),
    ],
)
def test_bad_densities_are_refused(truth, model, message):
    with pytest.raises(ValueError, match=message):
        kl_divergence(truth, model)


# -- against a null


def test_a_comparison_counts_null_values_at_least_as_large():
    comparison = Comparison("d", 3.0, [1, 2, 3, 4], error=0.5, details={"size": 7})
    assert comparison.p_value == 3 / 5
    assert comparison.z == pytest.approx(0.5 / np.std([1, 2, 3, 4], ddof=1))
    assert str(comparison) == "d 3 ± 0.5 (null 2.5 ± 1.3, z = 0.4, p = 0.6)"
    text = json.loads(json.dumps(comparison.as_dict(), allow_nan=False))
    assert text["null"] == {
        "mean": 2.5,
        "std": pytest.approx(np.sqrt(5 / 3)),
        "quantile_95": pytest.approx(3.85),
        "quantile_99": pytest.approx(3.97),
        "count": 4,
    }
    assert (text["name"], text["value"], text["error"]) == ("d", 3, 0.5)
    assert (text["p_value"], text["z"]) == (comparison.p_value, comparison.z)
    assert text["details"] == {"size": 7}


def test_a_null_without_scatter_has_a_z_score():
    assert Comparison("d", 2.0, [2, 2]).z == 0
    assert Comparison("d", 2.1, [2, 2]).z == np.inf
    assert Comparison("d", 1.9, [2, 2]).z == -np.inf
    assert Comparison("d", 2.1, [2, 2]).as_dict()["z"] is None


def test_a_null_cannot_be_changed():
    null = np.array([1.0, 2.0])
    comparison = Comparison("d", 3.0, null)
    null[0] = 9
    assert comparison.null[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        comparison.null[0] = 9


@pytest.mark.parametrize("null", [[1.0], [1.0, np.nan], [[1.0, 2.0]]])
def test_bad_nulls_are_refused(null):
    with pytest.raises(ValueError, match="at least two finite null values"):
        Comparison("d", 1.0, null)


def test_densities_with_a_null_have_the_values_of_the_estimates():
    truth, model = np.random.default_rng(3).normal(size=(2, 500))
    kl = kl_to_truth(truth, model, resamples=99, seed=4)
    assert (kl.value, kl.error) == (
        kl_divergence(truth, model).value,
        kl_divergence(truth, model).error,
    )
    assert kl.null.std() == pytest.approx(kl.error, rel=0.3)
    nll = held_out_nll(truth, model, resamples=99, seed=4)
    estimate = negative_log_likelihood(truth)
    assert (nll.value, nll.error) == (estimate.value, estimate.error)
    assert nll.details["reference"] == negative_log_likelihood(model).value
    np.testing.assert_array_equal(nll.null, held_out_nll(truth, model, resamples=99, seed=4).null)


def test_impossible_stars_are_counted_against_a_finite_null():
    model = np.random.default_rng(5).normal(size=50)
    model[:3] = -np.inf
    kl = kl_to_truth(np.zeros(50), model, resamples=19, seed=6)
    nll = held_out_nll(model, model[3:], resamples=19, seed=6)
    assert kl.details["impossible_stars"] == 3
    for comparison in (kl, nll):
        assert (comparison.value, comparison.z, comparison.p_value) == (np.inf, np.inf, 1 / 20)
        assert comparison.as_dict()["value"] is None


@pytest.mark.parametrize(
    ("judge", "message"),
    [
        (lambda: kl_to_truth(np.zeros(3), np.zeros(4), resamples=9, seed=1), "equal shapes"),
        (lambda: kl_to_truth([0, 0], [0, np.nan], resamples=9, seed=1), "1 of 2 values are NaN"),
        (lambda: kl_to_truth([0, 0], [0, np.inf], resamples=9, seed=1), "density to 1 of 2"),
        (lambda: kl_to_truth([0, 0], [0, -np.inf], resamples=9, seed=1), "only 1 of 2 stars"),
        (lambda: kl_to_truth([0, 0], [0, 0], resamples=1, seed=1), "at least 2 resamples"),
        (lambda: held_out_nll([0], [0, 0], resamples=9, seed=1), "at least two"),
        (lambda: held_out_nll([0, 0], [0], resamples=9, seed=1), "at least two"),
        (lambda: held_out_nll([0, np.nan], [0, 0], resamples=9, seed=1), "1 of 2 values are NaN"),
        (lambda: held_out_nll([0, 0], [0, -np.inf], resamples=9, seed=1), "no finite density"),
        (lambda: held_out_nll([0, 0], [0, 0], resamples=1, seed=1), "at least 2 resamples"),
    ],
)
def test_bad_densities_are_refused_by_the_nulls_too(judge, message):
    with pytest.raises(ValueError, match=message):
        judge()
