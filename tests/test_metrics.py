"""KL and likelihood estimates, and the comparison with a known eDF."""

import numpy as np
import pytest

from galflowlab.metrics import kl_divergence, mean_over_stars, negative_log_likelihood


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
