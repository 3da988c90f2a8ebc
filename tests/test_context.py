"""The population of training contexts: fill-in, ranges and support."""

import numpy as np
import pytest
from astropy import units as u

from galflowlab.context import Population

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
    assert np.mean(inside) == 1


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


def test_population_refuses_wrong_shapes():
    with pytest.raises(ValueError, match="expected contexts of shape"):
        Population(NAMES, np.ones((3, 2)))
