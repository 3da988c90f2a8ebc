"""Preparation: frame, cuts and what they report."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from galflowlab.data import galacticflow, prepare, read
from galflowlab.data.frame import align, centre, half_mass_radius, radii, turn_about_z
from galflowlab.data.prepare import (
    centre_and_cut,
    cut_abundances,
    cut_ages,
    cut_metallicity,
    cut_radius,
    require_stars,
)
from galflowlab.galaxy import Galaxy, Provenance
from galflowlab.schema import PHASE_SPACE, POSITION, VELOCITY, as_stars, star_matrix

SHORT = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def disc(n=2000, seed=0, satellite=0.1, **changes):
    """A rotating exponential disc in x-y with a heavy satellite at 40 kpc."""
    rng = np.random.default_rng(seed)
    r, phi = rng.gamma(2.0, 2.0, n), rng.uniform(0, 2 * np.pi, n)
    v = 200 * np.tanh(r)
    columns = {
        "x": r * np.cos(phi),
        "y": r * np.sin(phi),
        "z": rng.normal(0, 0.3, n),
        "vx": -v * np.sin(phi) + rng.normal(0, 20, n),
        "vy": v * np.cos(phi) + rng.normal(0, 20, n),
        "vz": rng.normal(0, 20, n),
        "metallicity": 10 ** rng.uniform(-3, -1.5, n),
        "fe_h": rng.normal(-0.5, 0.3, n),
        "o_fe": rng.normal(0.2, 0.1, n),
        "age": rng.uniform(0, 13, n),
        "mass": rng.uniform(1e4, 3e4, n),
    }
    k = int(satellite * n)
    columns["x"][:k] = 40 + rng.normal(0, 0.5, k)
    columns["z"][:k] = 20 + rng.normal(0, 0.5, k)
    columns["vy"][:k], columns["vz"][:k] = rng.normal(0, 10, k), 300 + rng.normal(0, 10, k)
    return Galaxy("disc", as_stars(columns | changes), Provenance("here"))


def moved(galaxy, matrix, shift=(0, 0, 0), boost=(0, 0, 0)):
    stars = galaxy.stars.copy()
    for names, offset in ((POSITION, shift), (VELOCITY, boost)):
        values = star_matrix(galaxy.stars, names) @ np.asarray(matrix).T + offset
        for name, column in zip(names, values.T, strict=True):
            stars[name] = column * stars[name].unit
    return replace(galaxy, stars=stars)


def phase_space(galaxy):
    return star_matrix(galaxy.stars, PHASE_SPACE)


def cylindrical(galaxy):
    """What a rotation about z leaves as it is."""
    x, y, z, vx, vy, vz = phase_space(galaxy).T
    r = np.hypot(x, y)
    return np.column_stack([r, z, (x * vx + y * vy) / r, (x * vy - y * vx) / r, vz])


# --- frame ------------------------------------------------------------------------------


def test_centre_ignores_a_satellite():
    galaxy = centre(moved(disc(), np.eye(3), (500.0, -3e4, 7.0), (-50.0, 800.0, 3.0)))
    own = phase_space(disc())[200:] - phase_space(galaxy)[200:]
    assert np.abs(own[:, :3]).max() < 0.6
    assert np.abs(own[:, 3:]).max() < 12


def test_align_recovers_the_disc():
    tilt = Rotation.from_euler("xyz", [2.0, 1.0, 0.5]).as_matrix()
    galaxy = align(moved(disc(satellite=0.0), tilt))
    assert np.std(galaxy.stars["z"].value) < 0.5
    x, y, _, vx, vy, _ = phase_space(galaxy).T
    assert np.mean(x * vy - y * vx) > 500


@pytest.mark.parametrize("axis", [(0, 0, 0), (np.pi, 0, 0), (0, np.pi, 0)])
def test_align_at_the_poles(axis):
    galaxy = moved(disc(), Rotation.from_rotvec(axis).as_matrix())
    np.testing.assert_allclose(cylindrical(align(galaxy)), cylindrical(align(disc())), atol=1e-6)


def test_align_refuses_a_galaxy_at_rest():
    still = dict.fromkeys(("vx", "vy", "vz"), np.zeros(2000))
    with pytest.raises(ValueError, match=r"'disc'.*no angular momentum"):
        align(disc(**still))


def test_masses_must_be_positive():
    mass = np.ones(2000)
    mass[:2] = 0.0
    with pytest.raises(ValueError, match="'mass' has 2 values"):
        centre(disc(mass=mass))


def test_turn_about_z():
    galaxy = turn_about_z(disc(), np.pi / 2)
    np.testing.assert_allclose(galaxy.stars["y"].value, disc().stars["x"].value)
    np.testing.assert_allclose(galaxy.stars["vx"].value, -disc().stars["vy"].value)


def test_a_known_truth_does_not_survive_cuts_or_a_change_of_frame():
    galaxy = replace(disc(), truth=object())
    assert cut_ages(galaxy).truth is None
    assert centre(galaxy).truth is None
    assert align(galaxy).truth is None


# --- the whole --------------------------------------------------------------------------


@SHORT
@given(
    seed=st.integers(0, 2**32 - 1),
    shift=st.tuples(*[st.floats(-1e4, 1e4)] * 3),
    boost=st.tuples(*[st.floats(-1e3, 1e3)] * 3),
)
def test_prepared_galaxy_does_not_depend_on_the_frame(seed, shift, boost):
    rotation = Rotation.random(rng=np.random.default_rng(seed)).as_matrix()
    ready, other = prepare(disc()), prepare(moved(disc(), rotation, shift, boost))
    assert other.provenance.cuts == ready.provenance.cuts
    np.testing.assert_allclose(cylindrical(other), cylindrical(ready), atol=1e-5)
    assert other.context == pytest.approx(ready.context)


def test_order_of_stars_does_not_matter():
    order = np.random.default_rng(0).permutation(2000)
    shuffled = disc().with_stars(disc().stars[order])
    one, other = prepare(disc()), prepare(shuffled)
    np.testing.assert_allclose(
        np.sort(one.stars["x"].value), np.sort(other.stars["x"].value), atol=1e-9
    )


def test_prepare_twice_is_prepare_once():
    once = prepare(disc(), half_mass_radii=5)
    twice = prepare(once, half_mass_radii=5)
    np.testing.assert_allclose(phase_space(twice), phase_space(once), atol=1e-9)
    assert twice.context == once.context
    assert [cut.dropped for cut in twice.provenance.cuts[len(once.provenance.cuts) :]] == [0] * 5


@pytest.mark.parametrize(
    "name", ["simspin_eagle_g92s9", "illustris1_417175", "simspin_colibre", "cogsworth_changa"]
)
def test_real_galaxies_do_not_depend_on_the_frame(shared_data, name):
    galaxy = read(shared_data / "real" / f"{name}.npz")
    rotation = Rotation.random(rng=np.random.default_rng(3)).as_matrix()
    ready, other = prepare(galaxy), prepare(moved(galaxy, rotation, (1e3, -50, 7), (99, 1, -300)))
    assert other.provenance.cuts == ready.provenance.cuts
    np.testing.assert_allclose(cylindrical(other), cylindrical(ready), atol=1e-4)
    np.testing.assert_allclose(phase_space(prepare(ready)), phase_space(ready), atol=1e-8)


def test_prepare_counts_what_it_drops():
    age = np.full(2000, 5.0)
    age[300:305] = 14.5, -0.1, 20.0, 0.0, 14.0
    metallicity = np.full(2000, 0.01)
    metallicity[400:404] = 0.0, -1e-9, 1e-20, 1e-6
    fe_h, o_fe = np.zeros(2000), np.zeros(2000)
    fe_h[500:503], o_fe[501:504] = (np.nan, -9.0, -7.9), (np.nan, -1.5, np.nan)
    ready = prepare(disc(age=age, metallicity=metallicity, fe_h=fe_h, o_fe=o_fe), half_mass_radii=6)
    dropped = {cut.name: cut.dropped for cut in ready.provenance.cuts}
    assert dropped == {
        "0 <= age <= 14 Gyr": 3,
        "metallicity >= 1e-06": 3,
        "[Fe/H] >= -8": 2,
        "[O/Fe] >= -1": 2,
        "radius <= 6 half-mass radii": dropped["radius <= 6 half-mass radii"],
    }
    assert dropped["radius <= 6 half-mass radii"] >= 200  # the satellite
    assert len(ready) == 2000 - sum(dropped.values()) == ready.provenance.cuts[-1].kept
    assert ready.context["log10_mstar"] == pytest.approx(np.log10(ready.stars["mass"].value.sum()))
    assert radii(ready).max() <= 6 * half_mass_radius(ready)


def test_prepare_leaves_the_input_alone():
    galaxy, before = disc(), phase_space(disc())
    prepare(galaxy)
    np.testing.assert_array_equal(phase_space(galaxy), before)
    assert galaxy.provenance.cuts == ()


def test_prepare_without_abundances_or_metallicity():
    stars = disc().stars
    stars.remove_columns(["fe_h", "o_fe", "metallicity"])
    ready = prepare(Galaxy("bare", stars, Provenance("here")))
    assert [cut.name for cut in ready.provenance.cuts] == [
        "0 <= age <= 14 Gyr",
        "radius <= 10 half-mass radii",
    ]


def test_prepare_refuses_what_is_too_small():
    with pytest.raises(ValueError, match=r"'disc' has 300 star particles; expected at least 500"):
        prepare(disc(300, satellite=0))
    assert len(prepare(disc(120, satellite=0), min_stars=100)) == 120
    assert len(prepare(disc(3, satellite=0), min_stars=1)) == 3
    with pytest.raises(ValueError, match="no star particles left with 0 <= age"):
        prepare(disc(age=np.full(2000, 15.0)))
    with pytest.raises(ValueError, match="half_mass_radii"):
        prepare(disc(), half_mass_radii=0.5)


# --- steps and recipes ------------------------------------------------------------------


def test_steps_compose():
    galaxy = align(cut_radius(centre(cut_metallicity(cut_ages(disc()))), 15.0))
    assert radii(galaxy).max() <= 15
    assert len(galaxy.provenance.cuts) == 3
    assert require_stars(galaxy, 100) is galaxy
    assert len(cut_abundances(galaxy, fe_h_min=-0.5)) < len(galaxy)
    assert len(centre_and_cut(disc(), 1e9)) == 2000


def test_galacticflow_recipe():
    galaxy = disc(satellite=0.02)
    radius, metallicity = radii(galaxy), galaxy.stars["metallicity"].value
    ready = galacticflow(galaxy)
    names = [cut.name for cut in ready.provenance.cuts]
    assert names[1:] == ["not the 10 highest metallicities", "[Fe/H] >= -8", "[O/Fe] >= -1"]
    keep = radius <= np.percentile(radius, 95)
    keep[np.argsort(metallicity)[-10:]] = False
    assert len(ready) == keep.sum()
    np.testing.assert_allclose(np.sort(radii(ready)), np.sort(radius[keep]))


def test_galacticflow_caps_the_radius():
    galaxy = disc(satellite=0.1)
    radius = radii(galaxy)
    ready = galacticflow(galaxy)
    limit = np.percentile(radius[radius <= 27.7], 95)
    assert radii(ready).max() <= limit < 27.7
    with pytest.raises(ValueError, match=r"27\.7 kpc; centre it first"):
        galacticflow(moved(galaxy, np.eye(3), (1e3, 0, 0)))
    with pytest.raises(ValueError, match="at least 500 after radius"):
        galacticflow(disc(400))


@pytest.mark.parametrize("angle", [-80, -30, 0, 45, 85])
def test_galacticflow_turns_the_bar_to_x(angle):
    rng = np.random.default_rng(1)
    bar = {"x": rng.normal(0, 4, 20_000), "y": rng.normal(0, 1, 20_000)}
    galaxy = disc(20_000, satellite=0, **bar)
    turned = galacticflow(turn_about_z(galaxy, np.radians(angle)))
    x, y = turned.stars["x"].value, turned.stars["y"].value
    assert np.degrees(0.5 * np.arctan2(2 * np.mean(x * y), np.mean(x**2 - y**2))) == pytest.approx(
        0, abs=3
    )


def test_galacticflow_of_a_sparse_image(shared_data):
    galaxy = read(shared_data / "real" / "simspin_colibre.npz")
    assert len(galacticflow(align(centre(galaxy)))) > 800
