"""The population of training contexts: fill-in, ranges and support."""

import time

import numpy as np
import pytest
from astropy import units as u

from galflowlab.population import Population

NAMES = ("log10_mstar", "age_p50", "age_p10", "mean_metallicity")


@pytest.fixture(scope="module")
def population():
    rng = np.random.default_rng(1)
    mass = np.linspace(8, 11, 200)
    age = 5 + (mass - 8) + rng.normal(0, 0.3, 200)
    return Population(
        NAMES,
        np.column_stack(
            [mass, age, 0.3 * age, 10 ** (-3 + 0.4 * (mass - 8) + rng.normal(0, 0.05, 200))]
        ),
    )


def test_fill_in_follows_the_relation(population):
    for mass in (8.5, 9.7, 10.8):
        full = population.complete({"log10_mstar": mass})
        assert full["log10_mstar"] == mass
        assert full["age_p50"] == pytest.approx(5 + mass - 8, abs=0.25)
        assert np.log10(full["mean_metallicity"]) == pytest.approx(-3 + 0.4 * (mass - 8), abs=0.06)
        assert list(full) == list(NAMES)


def test_fill_in_uses_every_given_entry(population):
    old = population.complete({"log10_mstar": 9.5, "age_p50": 7.5})
    young = population.complete({"log10_mstar": 9.5, "age_p50": 5.5})
    assert old["age_p10"] == pytest.approx(0.3 * 7.5, abs=0.15)
    assert young["age_p10"] == pytest.approx(0.3 * 5.5, abs=0.15)


def test_fill_in_is_smooth(population):
    masses = np.linspace(8.2, 10.8, 400)
    ages = [population.complete({"log10_mstar": m})["age_p50"] for m in masses]
    assert np.abs(np.diff(ages, 2)).max() < 2e-3


def test_empty_context_is_a_typical_galaxy(population):
    full = population.complete({})
    assert full["log10_mstar"] == pytest.approx(9.5, abs=0.02)
    assert population.inside(full)


def test_inside_and_outside(population):
    assert population.inside({"log10_mstar": 9.0})
    assert not population.inside({"log10_mstar": 9.0, "age_p50": 13.0})
    assert not population.inside({"log10_mstar": 12.5})
    assert not population.inside({"log10_mstar": 8.1, "mean_metallicity": 0.04})
    inside = [population.inside(dict(zip(NAMES, row, strict=True))) for row in population.values]
    assert np.mean(inside) >= 0.98  # of which 99 % should be


def test_nearly_all_new_galaxies_of_the_population_are_inside(population):
    rng = np.random.default_rng(2)
    hits = []
    for mass in rng.uniform(8.05, 10.95, 200):
        age = 5 + (mass - 8) + rng.normal(0, 0.3)
        metallicity = 10 ** (-3 + 0.4 * (mass - 8) + rng.normal(0, 0.05))
        hits.append(
            population.inside(dict(zip(NAMES, (mass, age, 0.3 * age, metallicity), strict=True)))
        )
    assert np.mean(hits) > 0.95


@pytest.mark.parametrize(
    "context",
    [
        {"mass": 10.0},
        {"log10_mstar": np.nan},
        {"log10_mstar": np.inf},
        {"mean_metallicity": 0.0},
        {"age_p50": "old"},
        {"age_p50": [1.0, 2.0]},
        {"log10_mstar": None},
        [10.0],
    ],
)
def test_bad_context_is_refused_with_names_and_ranges(population, context):
    with pytest.raises(ValueError, match="context") as caught:
        population.complete(context)
    if isinstance(context, dict):
        for name in NAMES:
            assert name in str(caught.value)
        assert "8 to 11" in str(caught.value)


def test_quantities_are_converted(population):
    full = population.complete({"age_p50": 6.5e9 * u.yr, "log10_mstar": 9.5})
    assert full["age_p50"] == pytest.approx(6.5)
    with pytest.raises(ValueError, match="context 'age_p50'"):
        population.complete({"age_p50": 6 * u.kpc})


def test_single_galaxy_population():
    population = Population(NAMES, np.array([[10.0, 6.0, 2.0, 0.01]]))
    assert population.complete({})["age_p50"] == pytest.approx(6)
    assert population.complete({"log10_mstar": 10.0})["mean_metallicity"] == pytest.approx(0.01)
    assert population.inside({"log10_mstar": 10.0})
    assert not population.inside({"log10_mstar": 11.0})


GIVEN = [
    (),
    ("age_p50",),
    ("log10_mstar", "mean_metallicity"),
    ("mean_metallicity", "log10_mstar"),
    ("mean_metallicity", "age_p10", "age_p50"),
    NAMES[::-1],
]


def rows_like(population, names, n=150):
    """Contexts that spread around and beyond the population, shape (row, len(names))."""
    rng = np.random.default_rng(4)
    rows = population.values[rng.integers(len(population), size=n)]
    rows = rows * rng.uniform(0.7, 1.4, rows.shape)
    return rows[:, [NAMES.index(name) for name in names]]


@pytest.mark.parametrize("names", GIVEN)
def test_many_contexts_are_completed_as_each_alone(population, names):
    values = rows_like(population, names)
    before = values.copy()
    many = population.complete_many(names, values)
    for row, given in zip(many, values, strict=True):
        alone = population.complete(dict(zip(names, given, strict=True)))
        assert row.tolist() == list(alone.values())
    np.testing.assert_array_equal(values, before)


def test_many_contexts_are_inside_as_each_alone(population):
    rows = np.concatenate([rows_like(population, NAMES), population.values])
    many = population.inside_many(rows)
    assert many.tolist() == [
        population.inside(dict(zip(NAMES, row, strict=True))) for row in rows.tolist()
    ]
    assert 0 < many.mean() < 1


def test_no_contexts_give_no_rows(population):
    assert population.complete_many(("age_p50",), np.empty((0, 1))).shape == (0, 4)
    assert population.inside_many(np.empty((0, 4))).shape == (0,)


def test_a_plane_of_contexts_is_quick():
    values = np.random.default_rng(0).uniform(1, 2, (720, 4))
    population = Population(NAMES, values)
    plane = np.random.default_rng(1).uniform(1, 2, (1600, 2))
    elapsed = []
    for _ in range(5):
        start = time.perf_counter()
        population.inside_many(population.complete_many(NAMES[:2], plane))
        elapsed.append(time.perf_counter() - start)
    assert min(elapsed) < 0.15


def test_nearest_is_the_closest_by_brute_force(population):
    scaled = population.values.copy()
    scaled[:, 3] = np.log10(scaled[:, 3])
    scaled = (scaled - scaled.mean(axis=0)) / scaled.std(axis=0)
    for i in (0, 57, 199):
        row = population.values[i]
        assert population.nearest(dict(zip(NAMES, row, strict=True))) == (i, 0.0)
    contexts = [dict(zip(NAMES, row, strict=True)) for row in population.values[[3, 150]]]
    expected = np.linalg.norm(scaled[3] - scaled[150])
    assert population.distance(*contexts) == pytest.approx(expected)
    context = {"log10_mstar": 9.333, "age_p50": 6.9}
    index, distance = population.nearest(context)
    members = [dict(zip(NAMES, row, strict=True)) for row in population.values]
    every = [population.distance(context, member) for member in members]
    assert index == np.argmin(every)
    assert distance == pytest.approx(min(every))
    assert distance > 0


@pytest.mark.parametrize(
    ("names", "values", "message"),
    [
        (("mass",), [[1.0]], "distinct context names.*valid entries"),
        (("age_p50", "age_p50"), [[1.0, 1.0]], "distinct context names"),
        (("age_p50",), [1.0], r"shape \(row, 1\), got \(1,\)"),
        (("age_p50",), [[1.0, 2.0]], r"shape \(row, 1\), got \(1, 2\)"),
        (("age_p50",), [[np.nan]], "expected finite contexts"),
        (("mean_metallicity",), [[0.0]], r"positive if of \['mean_metallicity'\]"),
    ],
)
def test_bad_rows_are_refused(population, names, values, message):
    with pytest.raises(ValueError, match=message):
        population.complete_many(names, values)
    if len(names) == 1 and np.ndim(values) == 1:
        with pytest.raises(ValueError, match=r"shape \(row, 4\)"):
            population.inside_many(values)


def test_population_refuses_wrong_shapes():
    with pytest.raises(ValueError, match="expected contexts of shape"):
        Population(NAMES, np.ones((3, 2)))
