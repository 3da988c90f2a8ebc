"""The Boltzmann equation gives back the field of a galaxy whose density is known exactly."""

import numpy as np
import pytest
from astropy import units as u

import galflowlab
from galflowlab import dynamics, mocks
from galflowlab.profiles import half_mass_radius
from tests.dynamics.exact import exact_disc

CONTEXT = {"log10_mstar": 10.2, "mean_metallicity": 0.011}


@pytest.fixture(scope="module", autouse=True)
def few_drawn():
    """Fewer stars to choose velocities from: an exact mock draws them slowly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("galflowlab.dynamics.trial_stars._DRAWN", 20_000)
        yield


@pytest.fixture(scope="module")
def exact():
    return exact_disc()


@pytest.fixture(scope="module")
def edf():
    return galflowlab.load("mock")


def meridional(points, values):
    """Components along R, the azimuth and z."""
    x, y, _ = points.T
    R = np.hypot(x, y)
    ax, ay, az = values.T
    return (x * ax + y * ay) / R, (x * ay - y * ax) / R, az


def test_on_the_exact_density_it_is_that_of_the_potential(exact):
    points = np.array([[2.0, 1.0, 0.0], [-3.0, 4.0, 0.3], [0.0, -6.0, -1.0], [1.0, 0.0, 2.0]])
    found = dynamics.acceleration(exact, {}, points, velocities=400, seed=1)
    radial, around, vertical = meridional(points, found.values)
    size = np.hypot(*exact.truth.potential.forces(np.hypot(*points[:, :2].T), points[:, 2]))
    true_radial, true_vertical = exact.truth.potential.forces(
        np.hypot(*points[:, :2].T), points[:, 2]
    )
    assert np.abs(radial - true_radial).max() < 0.005 * size.max()
    assert np.abs(radial / true_radial - 1).max() < 0.02
    assert np.abs(vertical - true_vertical).max() < 0.005 * size.max()
    assert np.abs(around).max() < 0.005 * size.max()
    assert (found.imbalance < 0.02).all()
    assert found.unit.to_string() == "km2 / (kpc s2)"


def test_the_error_covers_the_deviation_on_a_learned_density(edf):
    galaxy = mocks.make_galaxy(10.2, seed=11, n=4000, scatter=0)
    context = {name: galaxy.context[name] for name in edf.context_names}
    angle = np.linspace(0, 6, 12)
    R = 2 * half_mass_radius(galaxy.stars)
    points = np.column_stack([R * np.cos(angle), R * np.sin(angle), 0 * angle])
    found = dynamics.acceleration(edf, context, points, velocities=400, seed=1)
    radial, around, vertical = meridional(points, found.values)
    truth = galaxy.truth.potential.forces(R, 0.0)[0]
    errors = np.hypot(*found.errors[:, :2].T)
    assert np.mean(np.abs(radial - truth) < 2 * errors) > 0.7
    assert (errors < 0.2 * abs(truth)).all()
    assert np.abs(radial.mean() / truth - 1) < 0.05
    assert np.abs(around.mean()) < 0.02 * abs(truth)
    # The learned plane of symmetry may lie a few parsecs off, where the disc pulls hardest.
    assert np.abs(vertical.mean()) < 0.1 * abs(truth)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([[1.0, 2.0]], r"shape \(point, 3\)"),
        (np.zeros((0, 3)), r"shape \(point, 3\)"),
        ([[np.nan, 0.0, 0.0]], "finite points"),
    ],
)
def test_bad_points_are_refused(edf, points, message):
    with pytest.raises(ValueError, match=message):
        dynamics.acceleration(edf, CONTEXT, points, seed=1)


def test_few_velocities_and_unknown_contexts_are_refused(edf):
    with pytest.raises(ValueError, match="at least 400 velocities"):
        dynamics.acceleration(edf, CONTEXT, [[8.0, 0.0, 0.0]], velocities=50, seed=1)
    with pytest.raises(ValueError, match="unknown"):
        dynamics.acceleration(edf, {"mass": 1.0}, [[8.0, 0.0, 0.0]], seed=1)


def test_the_seed_decides(edf):
    def at(seed):
        return dynamics.circular_velocity(edf, CONTEXT, [3.0], velocities=400, seed=seed).values

    assert at(1) == at(1)
    assert at(1) != at(2)


def test_the_axis_of_a_learned_density_has_no_gradient(edf):
    stars = edf.freeze(CONTEXT, n=2, seed=1).arrays(columns=edf.columns)
    stars["x"][0] = stars["y"][0] = 0.0
    value, gradient = edf.log_prob_gradient(stars, CONTEXT)
    assert np.isfinite(value).all()
    assert np.isnan(gradient["vx"]).tolist() == [True, False]


def test_where_there_are_no_stars_nothing_is_said(edf):
    found = dynamics.acceleration(edf, CONTEXT, [[4, 0, 0], [300, 0, 0], [1e-3, 0, 0]], seed=1)
    assert found.values.mask[:, 0].tolist() == [False, True, True]
    assert found.imbalance.mask.tolist() == [False, True, True]
    curve = dynamics.circular_velocity(edf, CONTEXT, [4.0, 300.0], seed=1)
    assert curve.values.mask.tolist() == curve.errors.mask.tolist() == [False, True]


def test_units_are_converted_or_refused(edf):
    settings = {"velocities": 400, "seed": 1}
    in_kpc = dynamics.circular_velocity(edf, CONTEXT, [4.0], **settings)
    in_pc = dynamics.circular_velocity(edf, CONTEXT, [4000] * u.pc, **settings)
    assert in_pc.values == in_kpc.values
    assert in_pc.at == [4.0]
    pull = dynamics.vertical_force(edf, CONTEXT, 4 * u.kpc, [0.3] * u.kpc, **settings)
    assert pull.values == dynamics.vertical_force(edf, CONTEXT, 4, [0.3], **settings).values
    with pytest.raises(ValueError, match="should be in kpc"):
        dynamics.acceleration(edf, CONTEXT, [[8, 0, 0]] * u.km / u.s, seed=1)


def test_extrapolation_is_said():
    edf = galflowlab.load("mock")
    with pytest.warns(galflowlab.ExtrapolationWarning):
        dynamics.circular_velocity(edf, {"log10_mstar": 13.0}, [20.0], velocities=400, seed=1)


def test_a_point_on_the_axis_of_an_exact_density_is_a_point_like_others(exact):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("galflowlab.dynamics.trial_stars._NEAR", 2.0)  # few stars are that high
        found = dynamics.acceleration(exact, {}, [[0.0, 0.0, 1.5]], velocities=400, seed=1)
    true = exact.truth.potential.forces(0.0, 1.5)[1]
    assert found.values[0, 2] == pytest.approx(float(true), rel=0.03)
    assert np.abs(found.values[0, :2]).max() < 0.05 * abs(true)


def test_curves_of_the_exact_density(exact):
    potential = exact.truth.potential
    radii = np.array([1.5, 3.0, 6.0, 9.0])
    found = dynamics.circular_velocity(exact, {}, radii, velocities=400, seed=1)
    np.testing.assert_allclose(found.values, potential.circular_velocity(radii), rtol=0.003)
    assert (found.errors < 0.02 * found.values).all()
    heights = np.array([-1.0, -0.3, 0.3, 1.0])
    pull = dynamics.vertical_force(exact, {}, 4.0, heights, velocities=400, seed=1)
    true = potential.forces(np.full(4, 4.0), heights)[1]
    np.testing.assert_allclose(pull.values, true, rtol=0.02)
    assert (np.sign(pull.values) == [1, 1, -1, -1]).all()


@pytest.mark.parametrize("radii", [[0.0], [-1.0], [np.inf], 3.0, []])
def test_bad_radii_are_refused(edf, radii):
    with pytest.raises(ValueError, match="radii"):
        dynamics.circular_velocity(edf, CONTEXT, radii, seed=1)


@pytest.mark.slow
def test_circular_velocity_of_unseen_discs_within_five_per_cent(edf):
    share = np.array([0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0])
    suite = mocks.make_suite(
        6, 3000, seed=31, scatter=0, context_scatter=1, log10_mstar=(9.0, 11.2)
    )
    pulls = []
    for galaxy in suite:
        context = {name: galaxy.context[name] for name in edf.context_names}
        assert edf.support(context) > 1
        radii = share * half_mass_radius(galaxy.stars)
        found = dynamics.circular_velocity(edf, context, radii, seed=2)
        truth = galaxy.truth.potential.circular_velocity(radii)
        np.testing.assert_allclose(found.values, truth, rtol=0.05)
        assert np.sqrt(np.mean((found.values / truth - 1) ** 2)) < 0.02
        pulls.append((found.values - truth) / found.errors)
    assert np.sqrt(np.mean(np.square(pulls))) < 2.5  # errors that mean something
