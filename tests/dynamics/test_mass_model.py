"""A mass whose field keeps the stars, and what it says of equilibrium."""

from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u

import galflowlab
from galflowlab import dynamics, mocks
from galflowlab.constants import G
from galflowlab.dynamics import MassModel
from galflowlab.profiles import half_mass_radius
from tests.dynamics.exact import exact_disc

MODEL = MassModel(
    masses=np.array([3e10, 5e10, 0.0]),
    a=np.array([0.0, 3.0, 1.0]),
    b=np.array([1.5, 0.3, 1.0]),
    by_group=np.array([[3e10, 5e10, 0.0], [3.3e10, 5.5e10, 0.0]]),
    reach=(0.5, 20.0),
)


@pytest.fixture(scope="module")
def exact():
    return exact_disc()


@pytest.fixture(scope="module")
def weighed(exact):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("galflowlab.dynamics.mass_model._DRAWN", 20_000)
        return dynamics.fit_mass_model(exact, {}, n=6000, seed=1)


def test_forces_are_the_gradient_of_the_potential():
    R, z = np.array([0.5, 2.0, 8.0, 3.0]), np.array([0.1, -1.0, 0.0, 5.0])
    h = 1e-5
    radial, vertical = MODEL.forces(R, z)
    np.testing.assert_allclose(radial, -(MODEL(R + h, z) - MODEL(R - h, z)) / (2 * h), rtol=1e-6)
    np.testing.assert_allclose(
        vertical, -(MODEL(R, z + h) - MODEL(R, z - h)) / (2 * h), rtol=1e-6, atol=1e-4
    )
    np.testing.assert_allclose(MODEL.circular_velocity(R) ** 2 / R, -MODEL.forces(R, 0 * R)[0])


def test_enclosed_mass_of_a_plummer_sphere_and_of_everything():
    sphere = MassModel(
        np.array([2e10]), np.zeros(1), np.array([1.5]), np.array([[2e10], [3e10]]), (1, 9)
    )
    radii = np.array([0.1, 1.0, 5.0, 50.0])
    mass, error = sphere.enclosed_mass(radii)
    closed = radii**3 / (radii**2 + 1.5**2) ** 1.5
    np.testing.assert_allclose(mass, 2e10 * closed, rtol=1e-8)
    np.testing.assert_allclose(error, 1e10 / np.sqrt(2) * closed, rtol=1e-8)
    assert MODEL.enclosed_mass(1e5)[0] == pytest.approx(8e10, rel=1e-4)
    np.testing.assert_allclose(-G * 8e10 / 1e5, MODEL(1e5, 0.0), rtol=1e-4)


def test_the_exact_density_is_weighed_right(exact, weighed):
    potential = exact.truth.potential
    radii = np.array([1.0, 2.0, 4.0, 8.0])
    np.testing.assert_allclose(
        weighed.circular_velocity(radii), potential.circular_velocity(radii), rtol=0.01
    )
    R, z = np.array([2.0, 4.0, 6.0]), np.array([0.5, 0.3, 2.0])
    for found, true in zip(weighed.forces(R, z), potential.forces(R, z), strict=True):
        np.testing.assert_allclose(found, true, rtol=0.06)


def test_only_the_right_field_keeps_the_density(exact, weighed):
    stars = {name: exact.truth.sample(3000, seed=8)[name].value for name in exact.columns}
    rate, streaming = dynamics.rates(exact, {}, stars, exact.truth.potential)
    assert np.nanmedian(np.abs(rate)) < 1e-3 * np.nanmedian(np.abs(streaming))
    near, _ = dynamics.rates(exact, {}, stars, weighed)
    heavier = replace(weighed, masses=1.3 * weighed.masses)
    wrong, _ = dynamics.rates(exact, {}, stars, heavier)
    assert np.nanmedian(np.abs(wrong)) > 5 * np.nanmedian(np.abs(near))


def test_the_virial_ratio_of_a_mock_is_one_in_its_own_field():
    galaxy = mocks.make_galaxy(10.0, seed=3, n=40_000, scatter=0)
    field = galaxy.truth.potential
    assert dynamics.virial_ratio(galaxy.stars, field) == pytest.approx(1, abs=0.02)
    hot = galaxy.stars.copy()
    for name in ("vx", "vy", "vz"):
        hot[name] *= 1.1
    cold = dynamics.virial_ratio(galaxy.stars, field)
    assert dynamics.virial_ratio(hot, field) == pytest.approx(1.21 * cold)


def test_a_field_that_does_not_bind_is_refused():
    stars = mocks.make_galaxy(10.0, seed=3, n=100).stars
    empty = MassModel(np.zeros(1), np.zeros(1), np.ones(1), np.zeros((2, 1)), (1, 9))
    with pytest.raises(ValueError, match="does not bind"):
        dynamics.virial_ratio(stars, empty)


@pytest.fixture(scope="module")
def learned():
    edf = galflowlab.load("mock")
    galaxy = mocks.make_galaxy(10.0, seed=12, n=4000, scatter=0, context_scatter=1)
    context = {name: galaxy.context[name] for name in edf.context_names}
    return edf, galaxy, context, dynamics.fit_mass_model(edf, context, n=6000, seed=1)


def test_enclosed_mass_of_an_unseen_galaxy(learned):
    edf, galaxy, context, model = learned
    radii = np.array([0.5, 1.0, 3.0]) * half_mass_radius(galaxy.stars)
    mass, error = model.enclosed_mass(radii)
    true = _mass_of(galaxy.truth.potential, radii)
    np.testing.assert_allclose(dynamics.mass_within(galaxy.truth.potential, radii), true, rtol=1e-6)
    np.testing.assert_allclose(dynamics.mass_within(model, radii), mass)
    np.testing.assert_allclose(mass, true, rtol=0.1)
    assert ((error > 0) & (error < 0.2 * mass)).all()
    curve = dynamics.enclosed_mass(edf, context, radii, seed=1)
    np.testing.assert_allclose(curve.values, true, rtol=0.1)
    assert curve.quantity.unit.to_string() == "solMass"
    far = dynamics.enclosed_mass(edf, context, [1.0, 2 * model.reach[1]], seed=1)
    assert far.values.mask.tolist() == [False, True]


def _mass_of(potential, radii):
    """Gauss's theorem for any field, by a rule of its own."""
    angle = (np.arange(20_000) + 0.5) / 20_000  # sine of the latitude
    cos = np.sqrt(1 - angle**2)
    flux = []
    for r in radii:
        radial, vertical = potential.forces(r * cos, r * angle)
        flux.append(-np.mean(radial * cos + vertical * angle) * r**2 / G)
    return np.array(flux)


def test_the_residual_map_shows_where_the_field_is_wrong(learned):
    edf, galaxy, context, model = learned
    size = half_mass_radius(galaxy.stars)
    settings = {"half_width": 3 * size, "bins": 12, "n": 8000, "seed": 4}
    right = dynamics.residual_map(edf, context, model, **settings)
    heavier = replace(model, masses=1.5 * model.masses)
    wrong = dynamics.residual_map(edf, context, heavier, **settings)
    assert right.values.shape == (12, 12)
    assert right.values.mask.any()  # corners with few stars
    assert (right.values.mask == wrong.values.mask).all()
    assert np.ma.median(right.imbalance) < 0.5 * np.ma.median(wrong.imbalance)
    assert np.ma.median(right.values) < 0.5 * np.ma.median(wrong.values)


@pytest.mark.parametrize(("half_width", "bins"), [(0.0, 8), (np.nan, 8), (5.0, 0)])
def test_a_map_needs_a_field_of_view(learned, half_width, bins):
    edf, _, context, model = learned
    with pytest.raises(ValueError, match="positive"):
        dynamics.residual_map(edf, context, model, half_width=half_width, bins=bins, seed=1)


def test_few_stars_are_refused(learned):
    edf, _, context, _ = learned
    with pytest.raises(ValueError, match="at least 1000"):
        dynamics.fit_mass_model(edf, context, n=500, seed=1)


def test_units_are_converted_or_refused():
    assert MODEL.circular_velocity(8000 * u.pc) == pytest.approx(float(MODEL.circular_velocity(8)))
    assert MODEL(1 * u.Mpc, 0.0) == pytest.approx(float(MODEL(1000.0, 0.0)))
    np.testing.assert_allclose(MODEL.enclosed_mass([8000] * u.pc)[0], MODEL.enclosed_mass([8])[0])
    for call in (MODEL.circular_velocity, MODEL.enclosed_mass):
        with pytest.raises(ValueError, match="should be in kpc"):
            call([8] * u.km / u.s)
    for radius in (-1.0, np.nan):
        with pytest.raises(ValueError, match="at least 0"):
            MODEL.enclosed_mass([radius])


def test_no_circular_orbit_where_the_force_points_outwards():
    assert replace(MODEL, masses=-MODEL.masses).circular_velocity(8.0) == 0
