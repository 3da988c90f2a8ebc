"""Least squares that a few wild stars do not decide."""

import numpy as np
import pytest

from galflowlab.dynamics.regression import biweight, robust_solve, spread


def problem(rng, stars=800, noise=0.1, points=2):
    truth = rng.normal(size=(points, 3))
    matrix = rng.normal(size=(points, stars, 3))
    target = np.einsum("pku,pu->pk", matrix, truth) + noise * rng.normal(size=(points, stars))
    return truth, matrix, target, rng.integers(0, 8, (points, stars))


def test_exact_equations_are_solved_exactly():
    truth, matrix, target, groups = problem(np.random.default_rng(1), noise=0.0)
    found, errors, residuals = robust_solve(matrix, target, groups)
    np.testing.assert_allclose(found, truth, rtol=1e-10)
    assert errors.max() < 1e-10
    assert np.abs(residuals).max() < 1e-10


def test_outliers_do_not_matter():
    truth, matrix, target, groups = problem(np.random.default_rng(2))
    target[:, ::10] += 1e3
    found, _, _ = robust_solve(matrix, target, groups)
    np.testing.assert_allclose(found, truth, atol=0.03)
    plain = np.linalg.lstsq(matrix[0], target[0], rcond=None)[0]
    assert np.abs(plain - truth[0]).max() > 1  # what the weights are for


def test_stars_without_a_gradient_do_not_count():
    truth, matrix, target, groups = problem(np.random.default_rng(3))
    target[0, :50], matrix[1, :50, 1] = np.nan, np.inf
    found, _, residuals = robust_solve(matrix, target, groups)
    np.testing.assert_allclose(found, truth, atol=0.03)
    assert np.isnan(residuals[:, :50]).all()
    assert np.isfinite(residuals[:, 50:]).all()


def test_the_error_is_the_spread_between_groups():
    rng = np.random.default_rng(4)
    truth, matrix, _, groups = problem(rng, stars=4000)
    own = truth[:, None] + 0.5 * rng.normal(size=(8, 3))  # each group wants another solution
    wanted = np.take_along_axis(own, groups[..., None], axis=1)
    _, errors, _ = robust_solve(matrix, (matrix * wanted).sum(axis=-1), groups)
    np.testing.assert_allclose(errors, np.std(own, axis=1, ddof=1), rtol=1e-6)


def test_too_few_stars_are_refused():
    _, matrix, target, groups = problem(np.random.default_rng(5), stars=100)
    with pytest.raises(ValueError, match="at least 30 velocities"):
        robust_solve(matrix, target, groups)


def test_weights_and_spread():
    residuals = np.random.default_rng(6).normal(size=20_000)
    assert spread(residuals) == pytest.approx(1, rel=0.03)
    assert spread(np.append(residuals, [np.nan] * 100)) == pytest.approx(spread(residuals))
    weights = biweight(np.array([0.0, 1.0, -1.0, 2.0, 1e3, np.nan]))
    assert weights[0] == 1
    assert weights[1] == weights[2] > weights[3] > weights[4] == weights[5] == 0
