"""Two-sample metrics: exact values, drawn stars, seeds, units, and what is refused."""

import json

import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist
from scipy.stats import ks_2samp, wasserstein_distance

from galflowlab import metrics
from galflowlab.metrics import mmd
from galflowlab.metrics.mmd import features_between, linear_between, rbf_between
from galflowlab.metrics.one_dimensional import sliced_between, smirnov_between
from galflowlab.metrics.splits import draw


def stars(rng, n, features=3):
    return rng.normal(size=(n, features))


TWO_SAMPLE = {
    "linear_mmd2": metrics.linear_mmd2,
    "kolmogorov_smirnov": metrics.kolmogorov_smirnov,
    "rbf_mmd2": metrics.rbf_mmd2,
    "rbf_mmd2_features": metrics.rbf_mmd2_features,
    "sliced_wasserstein": metrics.sliced_wasserstein,
    "c2st": lambda *a, **k: metrics.c2st(*a, trees=5, **k),
}


@pytest.fixture(params=TWO_SAMPLE)
def metric(request):
    return TWO_SAMPLE[request.param]


@pytest.fixture
def drawn():
    rng = np.random.default_rng(11)
    splits = draw(stars(rng, 200), stars(rng, 90) + 0.3, size=50, resamples=4, seed=11, rng=rng)
    return splits


def pairs(splits):
    """Both sides of every comparison."""
    return [(splits.stars[side == 1], splits.stars[side == -1]) for side in splits.sides.T]


def values(comparison):
    """Value and null, scaled back."""
    return np.append(comparison.value, comparison.null)


def test_the_null_compares_disjoint_real_stars(drawn):
    assert drawn.pool == 200
    assert set(np.flatnonzero(drawn.sides[:, 0] == -1)) == set(range(200, 250))
    assert not drawn.sides[200:, 1:].any()
    assert (np.count_nonzero(drawn.sides == 1, axis=0) == 50).all()
    assert (np.count_nonzero(drawn.sides == -1, axis=0) == 50).all()


def test_linear_mmd_is_the_published_one(drawn):
    distance = [((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum() for a, b in pairs(drawn)]
    spread = np.array([a.var(axis=0).sum() + b.var(axis=0).sum() for a, b in pairs(drawn)])
    np.testing.assert_allclose(
        values(linear_between(drawn)), np.array(distance) * spread[0] / spread
    )


@pytest.mark.parametrize("chunk", [7, 50, 1000])
def test_rbf_mmd_in_chunks_is_the_direct_formula(drawn, chunk, monkeypatch):
    monkeypatch.setattr(mmd, "CHUNK", chunk)
    outcome = rbf_between(drawn)
    width = outcome.details["bandwidth"]
    assert width == pytest.approx(np.median(pdist(drawn.stars[:200])) / 2)
    for (a, b), value in zip(pairs(drawn), values(outcome), strict=True):
        aa, bb, ab = (np.exp(-(cdist(*p) ** 2) / (2 * width**2)) for p in ((a, a), (b, b), (a, b)))
        direct = (aa.sum() + bb.sum() - 100) / (50 * 49) - 2 * ab.mean()
        assert value == pytest.approx(direct, abs=1e-12)


def test_random_features_agree_within_their_error(drawn):
    exact = values(rbf_between(drawn))
    pulls = []
    for seed in range(20):
        outcome = features_between(drawn, np.random.default_rng(seed), features=600)
        pulls.append((outcome.value - exact[0]) / outcome.error)
        np.testing.assert_allclose(outcome.null, exact[1:], atol=6 * outcome.error)
    assert np.abs(pulls).max() < 4
    assert 0.6 < np.std(pulls) < 1.5


def test_sliced_wasserstein_is_that_of_scipy(drawn):
    outcome = sliced_between(drawn, np.random.default_rng(1), directions=3)
    axes = np.random.default_rng(1).normal(size=(3, 3))
    axes /= np.linalg.norm(axes, axis=0)
    a, b = pairs(drawn)[0]
    direct = [wasserstein_distance(a @ axis, b @ axis) for axis in axes.T]
    assert outcome.value == pytest.approx(np.mean(direct), rel=1e-6)
    assert outcome.error == pytest.approx(np.std(direct, ddof=1) / np.sqrt(3), rel=1e-6)


def test_sliced_wasserstein_of_one_column_is_its_shift():
    x = np.random.default_rng(2).normal(size=(3000, 1))
    outcome = metrics.sliced_wasserstein(
        x, x[:1000] + 2.5, size=1000, resamples=2, seed=3, directions=4
    )
    assert outcome.value == pytest.approx(2.5, abs=0.1)


def test_kolmogorov_smirnov_is_that_of_scipy_also_for_equal_values():
    rng = np.random.default_rng(4)
    real, generated = stars(rng, 300).round(1), stars(rng, 100).round(1) * 1.3
    splits = draw(real, generated, size=100, resamples=5, seed=4, rng=rng)
    outcome = smirnov_between(splits, ["x", "y", "z"])
    direct = [
        [ks_2samp(*column).statistic for column in zip(a.T, b.T, strict=True)]
        for a, b in pairs(splits)
    ]
    np.testing.assert_allclose(values(outcome), np.mean(direct, axis=1), rtol=1e-6)
    per_column = [column["value"] for column in outcome.details["columns"].values()]
    np.testing.assert_allclose(per_column, direct[0], rtol=1e-6)


def test_accuracy_is_that_of_separable_stars():
    rng = np.random.default_rng(5)
    outcome = metrics.c2st(
        stars(rng, 200), stars(rng, 100) + 20, size=100, resamples=2, seed=6, trees=5
    )
    assert outcome.value == 1
    assert outcome.details["interval"] == pytest.approx([0.981, 1.0], abs=0.001)


def test_seeds_repeat_and_differ(metric):
    rng = np.random.default_rng(12)
    real, generated = stars(rng, 300), stars(rng, 300)
    first, again, other = (
        metric(real, generated, size=60, resamples=4, seed=seed) for seed in (1, 1, 2)
    )
    assert first.as_dict() == again.as_dict() != other.as_dict()
    same = metric(real, generated, size=60, resamples=4, seed=np.random.default_rng(1))
    assert same.value == first.value
    assert (same.details["seed"], first.details["seed"]) == (None, 1)


def test_units_do_not_matter(metric):
    rng = np.random.default_rng(13)
    real, generated = stars(rng, 200), stars(rng, 100)
    outcome = metric(real, generated, size=60, resamples=4, seed=1)
    scale, offset = np.array([1e-3, 1, 3e5]), np.array([-5, 0, 1e6])
    other = metric(real * scale + offset, generated * scale + offset, size=60, resamples=4, seed=1)
    np.testing.assert_allclose(values(other), values(outcome), rtol=1e-6, atol=1e-9)


def test_compare_runs_everything_on_named_columns():
    rng = np.random.default_rng(14)
    outcome = metrics.compare(
        stars(rng, 200),
        stars(rng, 100),
        columns=["x", "y", "age"],
        size=60,
        resamples=5,
        c2st_resamples=2,
        seed=1,
    )
    assert list(outcome) == list(TWO_SAMPLE) == [c.name for c in outcome.values()]
    assert list(outcome["kolmogorov_smirnov"].details["columns"]) == ["x", "y", "age"]
    assert (len(outcome["c2st"].null), len(outcome["rbf_mmd2"].null)) == (2, 5)
    for comparison in outcome.values():
        json.dumps(comparison.as_dict(), allow_nan=False)
        assert comparison.details["size"] == 60


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"real": np.zeros(100)}, "expected real stars of shape"),
        ({"generated": np.zeros((100, 0))}, "expected generated stars of shape"),
        ({"generated": np.zeros((100, 2))}, "got 3 real and 2 generated"),
        ({"real": np.full((100, 3), np.nan)}, "100 of 100 real stars are not finite"),
        ({"generated": np.full((100, 3), np.inf)}, "100 of 100 generated stars are not finite"),
        ({"generated": np.full((100, 3), 1e99), "real": "tiny"}, "standard deviations off"),
        ({"real": np.ones((100, 3))}, "column 0 of the real stars is constant"),
        ({"size": 51}, "size 51 needs 102 real stars"),
        ({"size": 1}, "at least 2"),
        ({"resamples": 1}, "at least 2"),
        ({"columns": ["x", "x", "z"]}, "3 different names"),
        ({"columns": ["x", "y"]}, "3 different names"),
        ({"c2st_resamples": 6}, "2 to 5 resamples"),
    ],
)
def test_bad_stars_are_refused(change, message):
    rng = np.random.default_rng(15)
    asked = {
        "real": stars(rng, 100),
        "generated": stars(rng, 100),
        "columns": ["x", "y", "z"],
        "size": 50,
        "resamples": 5,
        "c2st_resamples": 2,
        "seed": 1,
    } | change
    if isinstance(asked["real"], str):
        asked["real"] = stars(rng, 100) * 1e-5
    with pytest.raises(ValueError, match=message):
        metrics.compare(asked.pop("real"), asked.pop("generated"), **asked)
