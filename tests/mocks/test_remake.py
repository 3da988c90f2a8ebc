"""Mock galaxies made again from their names."""

import numpy as np
import pytest

from galflowlab.mocks import is_mock_name, make_galaxy, make_suite, remake, suite_members
from galflowlab.schema import COLUMNS, star_matrix


@pytest.mark.parametrize("scatter", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("context_scatter", [None, 1.0, 1e-5])
def test_a_remade_galaxy_is_the_same(scatter, context_scatter):
    galaxy = make_galaxy(9.1234567, seed=7, n=300, scatter=scatter, context_scatter=context_scatter)
    again = remake(galaxy.name, 9.1234567, 300)
    assert again.name == galaxy.name
    assert again.context == galaxy.context
    assert again.truth.parameters == galaxy.truth.parameters
    assert again.provenance == galaxy.provenance
    np.testing.assert_array_equal(
        star_matrix(again.stars, COLUMNS), star_matrix(galaxy.stars, COLUMNS)
    )


def test_it_is_the_same_galaxy_with_any_number_of_stars():
    galaxy = make_galaxy(10.5, seed=3, n=50)
    larger = remake(galaxy.name, galaxy.context["log10_mstar"], 4000)
    assert len(larger) == 4000
    assert larger.truth.parameters.disc == galaxy.truth.parameters.disc
    assert larger.context["log10_mstar"] == pytest.approx(10.5, abs=1e-9)


def test_a_mass_half_way_between_two_names_keeps_the_name():
    name = make_galaxy(9.0004999, seed=1, n=5).name
    assert remake(name, 9.0005000001, 5).name == name == "mock_m9.000_s1_x1"


def test_the_members_of_a_suite_are_known_without_making_it():
    members = suite_members(4, seed=5, log10_mstar=(8.0, 9.0))
    suite = make_suite(4, 20, seed=5, log10_mstar=(8.0, 9.0), scatter=0.5)
    for (mass, seed), galaxy in zip(members, suite, strict=True):
        assert make_galaxy(mass, seed=seed, n=20, scatter=0.5).name == galaxy.name
        assert galaxy.context["log10_mstar"] == pytest.approx(mass, abs=1e-9)
    assert members == suite_members(9, seed=5, log10_mstar=(8.0, 9.0))[:4]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "eagle_1",
        "mock_m9.000_s1",
        "mock_m9.0_s1_x1",
        "mock_m9.000_s1_x1_",
        "mock_m9.000_s-1_x1",
        "mock_m9.000_s1_x1_c",
        "mock_m9.000_s1_x1\n",
        "a mock_m9.000_s1_x1",
        "mock_m٩.000_s1_x1",
    ],
)
def test_other_names_are_refused(name):
    assert not is_mock_name(name)
    with pytest.raises(ValueError, match="expected the name of a mock"):
        remake(name, 9.0, 10)


@pytest.mark.parametrize(
    ("name", "log10_mstar", "n", "message"),
    [
        ("mock_m9.000_s1_x1", 9.001, 10, "expected log10_mstar as in the name"),
        ("mock_m9.000_s1_x1", np.nan, 10, "expected log10_mstar as in the name"),
        ("mock_m9.000_s1_x1", 9.0, 0, "n >= 1"),
        ("mock_m9.000_s1_x2", 9.0, 10, "0 <= scatter <= 1"),
        ("mock_m5.000_s1_x1", 5.0, 10, "log10_mstar between"),
    ],
)
def test_what_does_not_fit_is_refused(name, log10_mstar, n, message):
    with pytest.raises(ValueError, match=message):
        remake(name, log10_mstar, n)
