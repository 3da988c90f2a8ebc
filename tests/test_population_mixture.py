"""The density model of contexts, against closed forms and brute force."""

import numpy as np
import pytest
from scipy.stats import kstest, multivariate_normal

from galflowlab.population.density import Density
from galflowlab.population.mixture import Conditional, Mixture, fitted


@pytest.fixture(scope="module")
def mixture():
    rng = np.random.default_rng(0)
    roots = rng.normal(size=(3, 4, 4)) + np.eye(4)
    return Mixture(
        np.array([0.5, 0.3, 0.2]), 2 * rng.normal(size=(3, 4)), roots @ roots.swapaxes(1, 2)
    )


def curved(n, seed, noise=0.1):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 2, n)
    return np.column_stack([x, x**2 - 1.3, np.sin(2 * x)]) + noise * rng.standard_normal((n, 3))


def test_density_is_that_of_scipy(mixture):
    rows = np.random.default_rng(1).normal(size=(50, 4))
    parts = zip(mixture.weights, mixture.means, mixture.covariances, strict=True)
    expected = sum(w * multivariate_normal(m, c).pdf(rows) for w, m, c in parts)
    np.testing.assert_allclose(mixture.log_density(rows), np.log(expected), rtol=1e-10)


@pytest.mark.parametrize("known", [[], [2], [0, 3], [1, 2, 3]])
def test_conditionals_are_joint_over_marginal(mixture, known):
    rows = np.random.default_rng(2).normal(size=(20, 4))
    unknown = [i for i in range(4) if i not in known]
    conditional = mixture.given(known, rows[:, known])
    found = [
        Mixture(weights, means.T, conditional.covariances).log_density(row[None, unknown])[0]
        for weights, means, row in zip(conditional.weights, conditional.means, rows, strict=True)
    ]
    expected = mixture.log_density(rows)
    if known:
        marginal = Mixture(
            mixture.weights, mixture.means[:, known], mixture.covariances[:, known][:, :, known]
        )
        expected = expected - marginal.log_density(rows[:, known])
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_medians_and_draws_agree(mixture):
    conditional = mixture.given([1], np.array([[0.4]]))
    draws = conditional.draw(200_000, np.random.default_rng(3))
    below = (draws < conditional.medians()).mean(axis=0)
    np.testing.assert_allclose(below, 0.5, atol=4 * 0.5 / np.sqrt(200_000))
    means = (conditional.weights[:, None] * conditional.means).sum(axis=2)[0]
    np.testing.assert_allclose(draws.mean(axis=0), means, atol=0.02 * draws.std())


def test_median_between_narrow_far_gaussians():
    """No density in between: Newton's steps alone would run away."""
    means, narrow = np.array([[[-50.0, 40.0, 41.0]]]), np.full((3, 1, 1), 0.05**2)
    for weights, expected in (([0.51, 0.4, 0.09], -49.9), ([0.45, 0.45, 0.1], 39.94)):
        median = Conditional(np.array([weights]), means, narrow).medians()
        assert median[0, 0] == pytest.approx(expected, abs=0.06)


def test_the_fit_finds_a_gaussian_and_bends_with_a_curve():
    covariance = np.array([[1.0, 0.8, 0.0], [0.8, 1.0, 0.3], [0.0, 0.3, 1.0]])
    rows = np.random.default_rng(4).multivariate_normal(np.zeros(3), covariance, 2000)
    straight, share = fitted(rows)
    mean = straight.weights @ straight.means
    second = straight.covariances + straight.means[:, :, None] * straight.means[:, None]
    total = np.tensordot(straight.weights, second, axes=1) - np.outer(mean, mean)
    np.testing.assert_allclose(total, covariance, atol=0.1)
    np.testing.assert_allclose(share.sum(axis=1), 1)
    bent, _ = fitted(curved(400, 5))
    assert len(bent.weights) > len(straight.weights)
    flat = multivariate_normal(curved(400, 5).mean(axis=0), np.cov(curved(400, 5).T))
    unseen = curved(400, 6)
    assert bent.log_density(unseen).mean() > flat.logpdf(unseen).mean() + 0.8


def test_typicality_is_uniform_for_new_rows_and_falls_outwards():
    held_out = []
    for seed in range(30):
        density = Density(curved(60, seed))
        new = density.typicality(curved(400, 100 + seed))
        held_out.append(new)
        assert kstest(new, "uniform").statistic < 1.63 * np.sqrt(1 / 60 + 1 / 400)
    for level in (0.01, 0.05, 0.5):
        # each fit is calibrated on 60 rows and tried on 400
        sigma = np.sqrt(level * (1 - level) * (1 / 60 + 1 / 400) / 30)
        assert np.mean(np.array(held_out) < level) == pytest.approx(level, abs=3 * sigma)
    ray = np.outer(np.geomspace(2, 1e9, 200), [1.0, 1.0, -1.0])
    fall = density.typicality(ray)
    assert (np.diff(fall) <= 0).all()
    assert fall[0] > 0
    assert fall[-1] == 0


def test_typicality_has_no_jump_where_the_tail_begins():
    density = Density(curved(200, 8))
    line = np.linspace([0.0, -1.3, 0.0], [0.0, -4.0, 0.0], 20_000)
    steps = -np.diff(density.typicality(line))
    assert density.typicality(line[:1]) > 0.2 > 1e-9 > density.typicality(line[-1:])
    assert steps.max() < 3 / 200  # the ranks in between are 1/201 apart
