"""Support and completion of contexts, in populations of mocks and in closed form."""

import numpy as np
import pytest
from scipy.stats import kstest

import galflowlab
from galflowlab.mocks import make_suite
from galflowlab.population import Population
from galflowlab.schema import CONTEXT

NAMES = tuple(CONTEXT)
MASS = ("log10_mstar",)


def contexts(galaxies):
    return np.array([[g.context[name] for name in NAMES] for g in galaxies])


@pytest.fixture(scope="module")
def model():
    return galflowlab.load("mock")


@pytest.fixture(scope="module")
def scattered_context(model):
    """720 mocks with scatter=0, context_scatter=1: the training galaxies of `mock`, shuffled."""
    return np.random.default_rng(0).permutation(model.population.values)


@pytest.fixture(scope="module")
def fully_scattered():
    return contexts(make_suite(400, 200, seed=11, scatter=1.0))


def gaussian(n, seed):
    """Contexts of which every conditional is known: mean and covariance of mass to log Z."""
    mean = np.array([9.5, 6.5, 2.0, -2.2])
    spread = np.array([0.6, 0.8, 0.4, 0.3])
    correlation = np.array(
        [[1, 0.5, -0.3, 0.8], [0.5, 1, 0.4, 0.2], [-0.3, 0.4, 1, 0], [0.8, 0.2, 0, 1]]
    )
    covariance = correlation * np.outer(spread, spread)
    rows = np.random.default_rng(seed).multivariate_normal(mean, covariance, n)
    rows[:, 3] = 10 ** rows[:, 3]
    return rows, mean, covariance


@pytest.fixture(scope="module")
def known():
    return Population(NAMES, gaussian(3000, 1)[0])


def check_rates(values, size, repeats):
    """Train on `size` galaxies, several times, and try the others."""
    found = []
    for i in range(repeats):
        training = np.zeros(len(values), bool)
        training[i * size : (i + 1) * size] = True
        support = Population(NAMES, values[training]).support_many(values[~training])
        limit = np.sqrt(1 / size + 1 / len(support))
        assert kstest(support / 100, "uniform").statistic < 1.63 * limit  # 1 % of chance
        found.append(support)
    for percentile in (1, 5, 20):
        share = percentile / 100
        sigma = limit * np.sqrt(share * (1 - share) / repeats)
        assert np.mean(np.array(found) < percentile) == pytest.approx(share, abs=3 * sigma)


@pytest.mark.parametrize(("size", "repeats"), [(60, 12), (200, 3)])
def test_unseen_galaxies_are_inside_at_the_nominal_rate(scattered_context, size, repeats):
    check_rates(scattered_context, size, repeats)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "repeats"), [(60, 6), (200, 2)])
def test_so_they_are_if_everything_scatters(fully_scattered, size, repeats):
    check_rates(fully_scattered, size, repeats)


def check_extremes(population):
    typical = population.complete({"log10_mstar": 9.0})
    assert population.support(typical) > 20
    metals = typical["mean_metallicity"]
    for extreme in (
        {"log10_mstar": 13.0},
        {"log10_mstar": 4.0},
        {"log10_mstar": 9.0, "mean_metallicity": 30 * metals},
        {"log10_mstar": 9.0, "mean_metallicity": metals / 30},
        {"log10_mstar": 9.0, "age_p50": 13.0, "age_p10": 0.5},  # neither by itself
        {**typical, "age_p50": 11.5, "age_p10": 1.0},
        {"log10_mstar": 11.0, "mean_metallicity": metals},  # metals of a dwarf
        {"log10_mstar": 1e300},
        {"mean_metallicity": 1e-300, "age_p50": -1e300},
    ):
        assert population.support(extreme) < 0.5
        assert not population.inside(extreme)
        assert all(np.isfinite(list(population.complete(extreme).values())))
    assert population.support({"log10_mstar": 13.5}) < 1e-2


@pytest.mark.parametrize("size", [60, 200, 720])
def test_extremes_are_outside(scattered_context, size):
    check_extremes(Population(NAMES, scattered_context[:size]))


@pytest.mark.slow
@pytest.mark.parametrize("size", [60, 200])
def test_so_they_are_if_all_else_scatters(fully_scattered, size):
    check_extremes(Population(NAMES, fully_scattered[-size:]))


def test_impossible_ages_have_no_support(model):
    typical = model.complete({"log10_mstar": 9.5})
    for wrong in ({"age_p50": 14.1}, {"age_p10": -0.01}, {"age_p50": 5.0, "age_p10": 5.01}):
        assert model.support({**typical, **wrong}) == 0


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_a_handful_of_galaxies_is_a_population(scattered_context, size):
    population = Population(NAMES, scattered_context[:size])
    assert population.inside_many(population.values).all()
    assert not population.inside({"log10_mstar": 1e4})
    full = population.complete({"log10_mstar": 9.0}, seed=1)
    assert full["log10_mstar"] == 9.0
    assert all(np.isfinite(list(full.values())))


def test_galaxies_that_are_all_the_same():
    row = {"log10_mstar": 10.0, "age_p50": 6.0, "age_p10": 2.0, "mean_metallicity": 0.01}
    population = Population(NAMES, np.tile(list(row.values()), (30, 1)))
    assert population.support(row) > 20
    assert population.complete({"age_p50": 6.0}) == pytest.approx(row)
    assert not population.inside({**row, "log10_mstar": 11.0})


def test_open_entries_get_the_conditional_medians(known):
    _, mean, covariance = gaussian(1, 0)
    given = {"log10_mstar": 10.2, "mean_metallicity": 10**-2.3}
    full = known.complete(given)
    assert {name: full[name] for name in given} == given
    slopes = covariance[1:3][:, [0, 3]] @ np.linalg.inv(covariance[np.ix_([0, 3], [0, 3])])
    expected = mean[1:3] + slopes @ (np.array([10.2, -2.3]) - mean[[0, 3]])
    np.testing.assert_allclose([full["age_p50"], full["age_p10"]], expected, atol=0.06)


def test_draws_follow_the_conditional(known):
    _, mean, covariance = gaussian(1, 0)
    rng = np.random.default_rng(3)
    draws = [known.complete({"log10_mstar": 10.2}, seed=rng) for _ in range(1500)]
    assert {row["log10_mstar"] for row in draws} == {10.2}
    rows = np.array([[r["age_p50"], r["age_p10"], np.log10(r["mean_metallicity"])] for r in draws])
    slopes = covariance[1:, 0] / covariance[0, 0]
    expected = covariance[1:, 1:] - np.outer(slopes, covariance[0, 1:])
    spread = np.sqrt(np.diag(expected))
    offset = (rows - mean[1:] - slopes * (10.2 - mean[0])) / spread
    for i in range(3):
        assert kstest(offset[:, i], "norm").pvalue > 1e-3
    np.testing.assert_allclose(np.cov(offset.T), expected / np.outer(spread, spread), atol=0.15)


def test_the_median_is_not_the_mean():
    """Two kinds of galaxies of the same mass: the median is of the more frequent kind."""
    rng = np.random.default_rng(5)
    old = rng.random(600) < 0.3
    age = np.where(old, 11.0, 4.0) + rng.normal(0, 0.3, 600)
    mass = rng.uniform(9, 11, 600)
    population = Population(("log10_mstar", "age_p50"), np.column_stack([mass, age]))
    assert population.complete({"log10_mstar": 10.0})["age_p50"] == pytest.approx(
        np.median(age), abs=0.15
    )
    assert age.mean() > np.median(age) + 1
    drawn = [population.complete({}, seed=i)["age_p50"] for i in range(300)]
    assert np.mean(np.array(drawn) > 7.5) == pytest.approx(0.3, abs=0.08)


def test_seeds_fix_draws(known):
    given = {"log10_mstar": 9.8}
    draw = known.complete(given, seed=4)
    assert known.complete(given, seed=4) == draw
    assert known.complete(given, seed=np.random.default_rng(4)) == draw
    assert known.complete(given, seed=5)["age_p50"] != draw["age_p50"]
    assert known.complete(given) == known.complete(given, seed=None)
    assert known.complete(draw, seed=6) == draw


def test_draws_are_typical(known):
    rng = np.random.default_rng(8)
    rows = np.array([list(known.complete({}, seed=rng).values()) for _ in range(400)])
    assert kstest(known.support_many(rows) / 100, "uniform").pvalue > 1e-3


def test_ages_stay_in_order():
    """Galaxies that formed at once: a Gaussian alone puts many percentiles above the median."""
    rng = np.random.default_rng(6)
    median = rng.uniform(1, 13, 300)
    tenth = median * (1 - 0.1 * rng.random(300))
    population = Population(("age_p50", "age_p10"), np.column_stack([median, tenth]))
    draws = [population.complete({"age_p50": 6.0}, seed=i) for i in range(200)]
    assert all(row["age_p50"] == 6.0 >= row["age_p10"] >= 0 for row in draws)
    assert len({row["age_p10"] for row in draws}) == 200
    later = [population.complete({"age_p10": 13.2}, seed=i)["age_p50"] for i in range(50)]
    assert all(13.2 <= age <= 14 for age in later)
    assert population.complete({"age_p50": 0.1})["age_p10"] <= 0.1
    assert population.complete({"age_p10": 13.9})["age_p50"] >= 13.9
    hopeless = population.complete({"age_p50": -3.0}, seed=1)
    assert hopeless == {"age_p50": -3.0, "age_p10": -3.0}


@pytest.mark.parametrize("names", [(), MASS, ("mean_metallicity", "age_p10"), NAMES[::-1]])
def test_many_are_completed_and_rated_as_each_alone(model, names):
    population = model.population
    rng = np.random.default_rng(2)
    rows = population.values[rng.integers(len(population), size=70)]
    rows = rows * rng.uniform(0.9, 1.1, rows.shape)
    given = rows[:, [NAMES.index(name) for name in names]]
    many = population.complete_many(names, given)
    support = population.support_many(many)
    for row, percentile, values in zip(many.tolist(), support, given.tolist(), strict=True):
        context = dict(zip(names, values, strict=True))
        assert list(population.complete(context).values()) == row
        assert population.support(context) == percentile
    np.testing.assert_array_equal(population.inside_many(many), support >= 1)


def test_completion_follows_the_mass_without_jumps(model):
    """Steps are bounded by the step in mass, and so are their changes."""
    low, high = model.population.range("log10_mstar")
    mass = np.linspace(low, high, 2000)
    rows = model.population.complete_many(MASS, mass[:, None])
    rows[:, 3] = np.log10(rows[:, 3])
    assert (np.diff(rows[:, 3]) > 0).all()  # the mass-metallicity relation
    per_dex = np.diff(rows, axis=0) / (mass[1] - mass[0])
    assert np.abs(per_dex).max() < 5  # Gyr or dex per dex
    assert np.abs(np.diff(per_dex, axis=0)).max() < 0.05
    values = model.population.values.copy()
    values[:, 3] = np.log10(values[:, 3])
    within = (rows >= values.min(axis=0) - 1e-12) & (rows <= values.max(axis=0) + 1e-12)
    assert within.all()


@pytest.mark.parametrize("context", [{"mass": 9.0}, {"age_p50": np.nan}, {"mean_metallicity": -1}])
def test_bad_contexts_are_refused(model, context):
    for ask in (model.complete, model.support, model.population.inside):
        with pytest.raises(ValueError, match=r"context .*valid entries: log10_mstar \(6.8"):
            ask(context)
    with pytest.raises(ValueError, match="valid entries"):
        model.complete(context, seed=1)


def test_support_is_saved_with_the_model(model, tmp_path):
    again = galflowlab.load(model.save(tmp_path / "model.safetensors"))
    rows = model.population.values[::9] * [1, 1.02, 0.98, 1.1]
    support = model.population.support_many(rows)
    np.testing.assert_array_equal(again.population.support_many(rows), support)
    assert again.complete({"age_p50": 7.0}, seed=2) == model.complete({"age_p50": 7.0}, seed=2)
    assert 0 < np.mean(support < 1) < 0.5
