"""Seeds, scatter, suites and relations."""

import dataclasses
import pickle

import numpy as np
import pytest

from galflowlab import context
from galflowlab.mocks import MockEDF, make_galaxy, make_suite, relations
from galflowlab.mocks.parameters import LATENTS, draw_latents, from_latents
from galflowlab.schema import COLUMNS, star_matrix

MASSES = (7.4, 9.1, 10.7)  # of the `galaxy` fixture


def median_edf(log10_mstar: float) -> MockEDF:
    return MockEDF(from_latents(log10_mstar, dict.fromkeys(LATENTS, 0.0)))


# -- seeds, scatter, suites


def test_galaxy_has_all_columns_and_its_context(galaxy):
    assert tuple(galaxy.stars.colnames) == tuple(COLUMNS)
    assert galaxy.context == context.measure(galaxy.stars)
    assert all(galaxy.stars[c].dtype == np.float64 for c in galaxy.stars.colnames)
    assert any(galaxy.context["log10_mstar"] == pytest.approx(m, abs=1e-9) for m in MASSES)
    assert "test particles" in galaxy.provenance.notes


def test_seed_fixes_everything():
    first, again = (make_galaxy(9.0, seed=4, n=500) for _ in range(2))
    other = make_galaxy(9.0, seed=5, n=500)
    np.testing.assert_array_equal(first.stars["x"].value, again.stars["x"].value)
    assert first.name == again.name == "mock_m9.000_s4_x1"
    assert first.provenance == again.provenance
    assert not np.any(first.stars["x"] == other.stars["x"])
    assert first.truth.parameters != other.truth.parameters
    generator = make_galaxy(9.0, seed=np.random.default_rng(1), n=10)
    assert generator.name == make_galaxy(9.0, seed=np.random.default_rng(1), n=10).name


def test_without_scatter_all_seeds_have_the_median_parameters():
    a, b = (make_galaxy(9.5, seed=s, n=10, scatter=0).truth.parameters for s in (1, 2))
    assert a == b == median_edf(9.5).parameters


def test_scatter_scales_the_same_latents():
    full, half = (draw_latents(np.random.default_rng(3), s, s) for s in (1.0, 0.5))
    assert half == {name: 0.5 * value for name, value in full.items()}


def test_context_scatter_moves_only_metallicity_and_age():
    plain, moved = (
        make_galaxy(9.5, seed=9, n=4000, scatter=0, context_scatter=c) for c in (0.0, 1.0)
    )
    p, q = plain.truth.parameters, moved.truth.parameters
    shift = q.chemistry.mean_fe_h - p.chemistry.mean_fe_h
    assert shift != 0
    assert q.star_formation_time != p.star_formation_time
    moved_fe_h = tuple(value + shift for value in p.chemistry.fe_h)
    np.testing.assert_allclose(q.chemistry.fe_h[:3], moved_fe_h[:3])
    restored = dataclasses.replace(
        q,
        star_formation_time=p.star_formation_time,
        chemistry=dataclasses.replace(
            q.chemistry, mean_fe_h=p.chemistry.mean_fe_h, fe_h=p.chemistry.fe_h
        ),
    )
    assert restored == p
    assert plain.truth.potential == moved.truth.potential
    assert abs(moved.context["age_p50"] - plain.context["age_p50"]) > 0.05
    ratio = moved.context["mean_metallicity"] / plain.context["mean_metallicity"]
    assert abs(np.log10(ratio)) > 0.02
    assert plain.name != moved.name


def test_suite_covers_the_masses_and_grows_at_its_end():
    suite = make_suite(12, 5, seed=3, log10_mstar=(8.0, 10.0), scatter=0.5)
    masses = np.array([g.context["log10_mstar"] for g in suite])
    assert masses.min() >= 8
    assert masses.max() <= 10
    assert np.diff(np.sort(masses)).max() < 0.35  # 12 random masses would leave larger gaps
    assert len({g.name for g in suite}) == 12
    longer = make_suite(13, 5, seed=3, log10_mstar=(8.0, 10.0), scatter=0.5)
    assert [g.name for g in longer[:12]] == [g.name for g in suite]
    other = make_suite(12, 5, seed=4, log10_mstar=(8.0, 10.0), scatter=0.5)
    assert not {g.name for g in other} & {g.name for g in suite}


def test_suite_does_not_depend_on_the_number_of_processes():
    one, two = (make_suite(3, 200, seed=8, workers=w) for w in (1, 2))
    for a, b in zip(one, two, strict=True):
        assert a.name == b.name
        assert a.context == b.context
        np.testing.assert_array_equal(star_matrix(a.stars, COLUMNS), star_matrix(b.stars, COLUMNS))
        np.testing.assert_array_equal(a.truth.log_prob(a.stars), b.truth.log_prob(a.stars))


def test_truth_survives_pickling(galaxy):
    copy = pickle.loads(pickle.dumps(galaxy.truth))
    some = galaxy.stars[:20]
    np.testing.assert_array_equal(copy.log_prob(some), galaxy.truth.log_prob(some))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"log10_mstar": 5.0}, "log10_mstar between"),
        ({"log10_mstar": np.nan}, "log10_mstar between"),
        ({"n": 0}, "n >= 1"),
        ({"n": 10.5}, "n to be a whole number"),
        ({"scatter": 1.5}, "0 <= scatter <= 1"),
        ({"scatter": np.nan}, "0 <= scatter <= 1"),
        ({"context_scatter": -0.1}, "0 <= context_scatter <= 1"),
        ({"seed": None}, "seed as an integer"),
        ({"seed": -1}, "seed >= 0"),
    ],
)
def test_bad_arguments_are_named(change, message):
    arguments = {"log10_mstar": 9.0, "seed": 1, "n": 10, **change}
    mass = arguments.pop("log10_mstar")
    with pytest.raises(ValueError, match=message):
        make_galaxy(mass, **arguments)


def test_bad_suites_are_named():
    with pytest.raises(ValueError, match="n_galaxies >= 1"):
        make_suite(0, 10, seed=1)
    with pytest.raises(ValueError, match=r"\(low, high\)"):
        make_suite(2, 10, seed=1, log10_mstar=(10.0, 8.0))
    with pytest.raises(ValueError, match="workers >= 1"):
        make_suite(2, 10, seed=1, workers=0)
    with pytest.raises(ValueError, match="at least one star"):
        median_edf(9.0).sample(0, seed=1)


# -- relations


def test_relations_give_the_published_values():
    # Moster et al. (2013): m/M = N at M = M1
    assert relations.halo_mass(11.590 + np.log10(0.0351)) == pytest.approx(11.590, abs=1e-3)
    assert relations.halo_concentration(12 - np.log10(0.671)) == pytest.approx(0.905)
    assert relations.half_mass_radius(np.log10(3.98e10))[0] == pytest.approx(3.61, abs=0.05)
    assert relations.mean_metallicity(6.0) == pytest.approx(-1.69)
    assert relations.mean_metallicity(10.91) == pytest.approx(0.07)
    assert relations.gas_fraction(9.0) == pytest.approx(1.33 * 10**-0.12)


def test_halo_fit_reproduces_the_rotation_curve():
    for mass in MASSES:
        truth = median_edf(mass)
        p = truth.parameters
        R = p.disc.scale_length * np.geomspace(1, 10, 10)
        dark = dataclasses.replace(
            truth.potential, gm=truth.potential.gm[1:], c=truth.potential.c[1:]
        )
        nfw = 0.9 * relations.nfw_velocity2(R, p.log10_mhalo, p.concentration)
        np.testing.assert_allclose(dark.circular_velocity(R), np.sqrt(nfw), rtol=0.25)


def test_galaxies_obey_a_tully_fisher_relation():
    masses = np.array([8.0, 9.0, 10.0, 11.0])
    speeds = [
        float(e.potential.circular_velocity(np.array(2.2 * e.parameters.disc.scale_length)))
        for e in map(median_edf, masses)
    ]
    slope = np.polyfit(np.log10(speeds), masses, 1)[0]
    assert np.all(np.diff(speeds) > 0)
    assert 3 < slope < 5
