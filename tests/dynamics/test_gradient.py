"""The gradient of a log density agrees with differences of it."""

import numpy as np
import pytest

import galflowlab

CONTEXT = {"log10_mstar": 9.8}


@pytest.fixture(scope="module", params=["mock", "mock_accurate"])
def edf(request):
    return galflowlab.load(request.param)


def test_it_agrees_with_differences_for_every_column(edf):
    stars = edf.freeze(CONTEXT, n=500, seed=1).arrays(columns=edf.columns)
    stars = {name: values.astype(float) for name, values in stars.items()}
    value, gradient = edf.log_prob_gradient(stars, CONTEXT)
    np.testing.assert_array_equal(value, edf.log_prob(stars, CONTEXT))
    assert list(gradient) == list(edf.columns)
    # Single precision inside: steps that are not too small, and nearly all stars.
    steps = {name: np.full(500, 2e-3 * np.std(values)) for name, values in stars.items()}
    steps["metallicity"] = 0.002 * stars["metallicity"]
    steps["age"] = 0.003 * np.minimum(stars["age"], 14 - stars["age"])
    for name, step in steps.items():
        ends = [edf.log_prob(stars | {name: stars[name] + s}, CONTEXT) for s in (-step, step)]
        change = 2 * step * gradient[name]
        close = np.abs(ends[1] - ends[0] - change) < 0.05 * np.abs(change) + 1e-3
        assert np.mean(close) > 0.9, name  # the others sit on a knot


def test_the_expected_gradient_vanishes(edf):
    """E[d ln f / dv] = 0, because f does at infinity."""
    stars = edf.freeze(CONTEXT, n=20_000, seed=2).arrays(columns=edf.columns)
    _, gradient = edf.log_prob_gradient(stars, CONTEXT)
    for name in ("vx", "vy", "vz"):
        typical = np.median(np.abs(gradient[name]))
        trimmed = np.sort(gradient[name])[200:-200]
        assert abs(trimmed.mean()) < 0.1 * typical
        # E[v d ln f / dv] = -1, by parts.
        assert np.median(gradient[name] * stars[name]) < 0


def test_no_gradient_where_there_is_no_density_and_no_bad_stars():
    edf = galflowlab.load("mock")
    stars = edf.freeze(CONTEXT, n=10, seed=1).arrays(columns=edf.columns)
    stars["age"][0] = 15.0
    value, gradient = edf.log_prob_gradient(stars, CONTEXT)
    assert value[0] == -np.inf
    assert np.isnan([values[0] for values in gradient.values()]).all()
    assert np.isfinite([values[1:] for values in gradient.values()]).all()
    stars["x"][3] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        edf.log_prob_gradient(stars, CONTEXT)
