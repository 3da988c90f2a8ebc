"""Fits recover the profiles that stars were drawn from, within their errors."""

import json

import numpy as np
import pytest
from scipy.special import gammaincinv

from galflowlab.profiles import fit_exponential, fit_sersic, half_mass_radius, radial_profiles


def sersic(n, index, effective_radius, *, mass=1e10, seed=0):
    rng = np.random.default_rng(seed)
    b = gammaincinv(2 * index, 0.5)
    R = effective_radius * (gammaincinv(2 * index, rng.random(n)) / b) ** index
    angle = rng.uniform(0, 2 * np.pi, n)
    return {"x": R * np.cos(angle), "y": R * np.sin(angle), "mass": np.full(n, mass / n)}


def exponential(n, scale_length, *, mass=1e10, seed=0):
    rng = np.random.default_rng(seed)
    R, angle = rng.gamma(2, scale_length, n), rng.uniform(0, 2 * np.pi, n)
    return {"x": R * np.cos(angle), "y": R * np.sin(angle), "mass": np.full(n, mass / n)}


def test_exponential_errors_cover_the_truth():
    density = 1e10 / (2 * np.pi * 9)
    pulls = []
    for seed in range(60):
        fit = fit_exponential(exponential(1000, 3.0, seed=seed), seed=seed, resamples=30)
        pulls.append(
            [
                (fit.scale_length - 3) / fit.scale_length_error,
                (fit.central_density - density) / fit.central_density_error,
            ]
        )
    assert np.abs(np.mean(pulls, axis=0)).max() < 0.5
    assert np.std(pulls, axis=0).min() > 0.8
    assert np.std(pulls, axis=0).max() < 1.4


@pytest.mark.slow
@pytest.mark.parametrize("index", [1.0, 4.0])
def test_sersic_errors_cover_the_truth(index):
    pulls = []
    for seed in range(18):
        fit = fit_sersic(sersic(2000, index, 3.0, seed=seed), seed=seed, resamples=25)
        pulls.append(
            [
                (fit.index - index) / fit.index_error,
                (fit.effective_radius - 3) / fit.effective_radius_error,
            ]
        )
    assert np.abs(np.mean(pulls, axis=0)).max() < 0.7
    assert np.std(pulls, axis=0).min() > 0.55
    assert np.std(pulls, axis=0).max() < 1.6


def test_a_fit_is_the_surface_density():
    stars = sersic(200_000, 2.0, 3.0)
    fit = fit_sersic(stars, seed=1, resamples=2)
    edges = np.linspace(0.5, 8, 12)
    measured = radial_profiles(stars, ["surface_density"], edges)["surface_density"]
    np.testing.assert_allclose(fit(measured.centres), measured.values, rtol=0.05)
    assert fit.effective_radius == pytest.approx(half_mass_radius(stars, projected=True), rel=0.02)
    assert fit.residual == pytest.approx(3.5 / np.sqrt(fit.counts), rel=0.4)
    disc = exponential(200_000, 3.0)
    found = fit_exponential(disc, seed=1, resamples=2)
    measured = radial_profiles(disc, ["surface_density"], edges)["surface_density"]
    np.testing.assert_allclose(found(measured.centres), measured.values, rtol=0.04)
    assert fit_exponential(stars, seed=1, resamples=2).residual > 5 * fit.residual


def test_a_range_leaves_the_bulge_out():
    disc, bulge = exponential(20_000, 3.0), exponential(10_000, 0.3, seed=1)
    both = {name: np.concatenate([disc[name], bulge[name]]) for name in disc}
    whole = fit_exponential(both, seed=1, resamples=10)
    outer = fit_exponential(both, seed=1, resamples=10, radii=(3.0, 15.0))
    assert whole.scale_length < 2.5
    assert abs(outer.scale_length - 3) < 4 * outer.scale_length_error
    assert outer.radii == (3.0, 15.0)


def test_units_scale():
    stars = sersic(3000, 1.5, 3.0)
    fit = fit_sersic(stars, seed=1, resamples=10)
    large = fit_sersic(
        {"x": 10 * stars["x"], "y": 10 * stars["y"], "mass": 7 * stars["mass"]},
        seed=1,
        resamples=10,
    )
    assert large.index == pytest.approx(fit.index, rel=1e-3)
    assert large.effective_radius == pytest.approx(10 * fit.effective_radius, rel=1e-3)
    assert large.effective_density == pytest.approx(0.07 * fit.effective_density, rel=2e-3)
    assert large.effective_density_error == pytest.approx(
        0.07 * fit.effective_density_error, rel=0.05
    )
    json.dumps(fit.as_dict(), allow_nan=False)
    json.dumps(fit_exponential(stars, seed=1, resamples=2).as_dict(), allow_nan=False)


def test_resamples_may_rest_on_a_limit():
    stars = sersic(600, 9.0, 3.0, seed=5)  # one of twenty resamples has an index of 12
    fit = fit_sersic(stars, seed=1, resamples=20)
    assert fit.index < 11
    assert 0.3 < fit.index_error < 3
    assert np.isfinite([fit.effective_radius_error, fit.effective_density_error]).all()


def test_what_cannot_be_fitted_is_refused():
    stars = exponential(1000, 3.0)
    few = {name: values[:50] for name, values in stars.items()}
    for fit in (fit_exponential, fit_sersic):
        with pytest.raises(ValueError, match="needs 100 stars"):
            fit(few, seed=1)
        with pytest.raises(ValueError, match="increase from at least 0"):
            fit(stars, seed=1, radii=(5.0, 1.0))
        with pytest.raises(ValueError, match="64 radii"):
            fit({**stars, "x": 0 * stars["x"] + 1, "y": 0 * stars["x"]}, seed=1)
        with pytest.raises(ValueError, match="resamples"):
            fit(stars, seed=1, resamples=1)
        with pytest.raises(ValueError, match="not finite"):
            fit({**stars, "mass": np.nan * stars["mass"]}, seed=1)
    rng = np.random.default_rng(0)
    R = rng.uniform(0, 1, 2000) ** 0.25  # density rises outwards as R²
    rising = {"x": R, "y": 0 * R, "mass": 0 * R + 1}
    with pytest.raises(ValueError, match="does not fall outwards"):
        fit_exponential(rising, seed=1)
    with pytest.raises(ValueError, match="index"):
        fit_sersic(rising, seed=1)
