"""Circularities in potentials with closed forms, and the potential of a rotation curve."""

import json

import numpy as np
import pytest

from galflowlab import mocks
from galflowlab.profiles import SphericalPotential, circularity, circularity_distribution


class Isochrone:
    """Henon's isochrone with G M = 4e4 kpc (km/s)² and b = 2 kpc."""

    gm, b = 4e4, 2.0

    def __call__(self, R, z):
        return -self.gm / (self.b + np.sqrt(self.b**2 + R**2 + z**2))

    def circular_velocity(self, R):
        a = np.sqrt(self.b**2 + R**2)
        return R * np.sqrt(self.gm / a) / (self.b + a)

    def largest_momentum(self, energy):
        """j_c(E), from J_R = 0 (Binney & Tremaine 2008, eq. 3.225)."""
        k = self.gm / np.sqrt(-2 * energy)  # (L + sqrt(L² + 4 G M b)) / 2
        return k - self.gm * self.b / k


def orbits(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    position, velocity = rng.normal(0, 4, (3, n)), rng.normal(0, 40, (3, n))
    names = ("x", "y", "z", "vx", "vy", "vz")
    return dict(zip(names, [*position, *velocity], strict=True)) | {"mass": np.ones(n)}


def on_circles(potential, radius):
    angle = np.linspace(0, 6, len(radius))
    speed = potential.circular_velocity(radius)
    stars = {"x": radius * np.cos(angle), "y": radius * np.sin(angle), "z": 0 * radius}
    stars |= {"vx": -speed * np.sin(angle), "vy": speed * np.cos(angle), "vz": 0 * radius}
    return stars | {"mass": 0 * radius + 1}


def test_the_isochrone_in_closed_form():
    potential, stars = Isochrone(), orbits()
    found = circularity(stars, potential)
    energy = 0.5 * (stars["vx"] ** 2 + stars["vy"] ** 2 + stars["vz"] ** 2)
    energy += potential(np.hypot(stars["x"], stars["y"]), stars["z"])
    momentum = stars["x"] * stars["vy"] - stars["y"] * stars["vx"]
    bound = energy < 0
    assert found.mask.tolist() == (~bound).tolist()
    expected = momentum[bound] / potential.largest_momentum(energy[bound])
    np.testing.assert_allclose(found.compressed(), expected, atol=1e-9)


@pytest.mark.parametrize("n", [3000])
def test_bound_orbits_lie_between_the_circles(n):
    galaxy = mocks.make_galaxy(10.3, seed=3, n=n)
    found = circularity(galaxy.stars, galaxy.truth.potential)
    assert not found.mask.any()
    assert np.abs(found).max() < 1 + 1e-9
    assert np.ma.median(found) > 0.7
    potential = galaxy.truth.potential
    circles = on_circles(potential, np.geomspace(0.01, 100, 50))
    np.testing.assert_allclose(circularity(circles, potential), 1, atol=1e-8)
    backwards = circles | {"vx": -circles["vx"], "vy": -circles["vy"]}
    np.testing.assert_allclose(circularity(backwards, potential), -1, atol=1e-8)


def test_what_is_not_bound_is_masked():
    stars, potential = orbits(500), Isochrone()
    fast = stars | {"vx": stars["vx"] + 500}
    assert circularity(fast, potential).mask.all()
    with pytest.raises(ValueError, match="is bound"):
        circularity_distribution(fast, potential, seed=1)
    escape = np.sqrt(-2 * potential(10.0, 0.0))
    barely = {"x": 10.0, "y": 0.0, "z": 0.0, "vx": 0.0, "vz": 0.0, "mass": 1.0}
    for speed, masked in ((0.9999, False), (1.0001, True)):
        one = barely | {"vy": speed * escape}
        more = {name: np.append(values, one[name]) for name, values in stars.items()}
        assert circularity(more, potential).mask[-1] == masked
    rest = {name: np.append(values, 0.0) for name, values in stars.items()}
    assert circularity(rest, potential).mask[-1]  # at rest in the centre: no angular momentum
    with pytest.raises(ValueError, match="away from the centre"):
        circularity({name: np.zeros(3) for name in stars}, potential)


def test_a_potential_of_the_wrong_sign_is_refused():
    class Upside(Isochrone):
        def __call__(self, R, z):
            return -3 * super().__call__(R, z)

    with pytest.raises(ValueError, match="rising outwards"):
        circularity(orbits(100), Upside())


# -- distribution


def test_the_distribution_of_a_mixture():
    potential = Isochrone()
    disc = on_circles(potential, np.linspace(1, 10, 600))
    back = on_circles(potential, np.linspace(1, 10, 200))
    back |= {"vx": -back["vx"], "vy": -back["vy"]}
    still = on_circles(potential, np.linspace(1, 10, 200)) | {"vx": np.zeros(200)}
    still["vy"] = np.zeros(200)
    away = on_circles(potential, np.linspace(1, 10, 250))
    away["vz"] = away["vz"] + 1e3
    parts = (disc, back, still, away)
    stars = {name: np.concatenate([p[name] for p in parts]) for name in disc}
    found = circularity_distribution(stars, potential, seed=1, resamples=200)
    assert found.disc_fraction == pytest.approx(0.6)
    assert found.disc_fraction_error == pytest.approx(np.sqrt(0.6 * 0.4 / 1000), rel=0.2)
    assert found.unbound == pytest.approx(0.2)
    width = np.diff(found.edges)
    assert (found.density * width).sum() == pytest.approx(1)
    assert found.density[-1] * width[-1] == pytest.approx(0.6)
    assert found.density[0] * width[0] == pytest.approx(0.2)
    assert found.density_errors[-1] * width[-1] == pytest.approx(found.disc_fraction_error)
    json.dumps(found.as_dict(), allow_nan=False)


def test_arguments_of_the_distribution():
    stars, potential = orbits(200), Isochrone()
    for change in ({"bins": 0}, {"threshold": 2.0}, {"resamples": 1}):
        with pytest.raises(ValueError, match="expected"):
            circularity_distribution(stars, potential, seed=1, **change)


# -- potential of a rotation curve


def test_closed_forms_of_a_rotation_curve():
    exact = Isochrone()
    radius = np.geomspace(0.01, 1000, 400)
    found = SphericalPotential.from_circular_velocity(radius, exact.circular_velocity(radius))
    R, z = np.array([0.0, 0.5, 2.0, 30.0, 3000.0]), np.array([0.3, 0.0, 5.0, -40.0, 0.0])
    np.testing.assert_allclose(found(R, z), exact(R, z), rtol=5e-3)
    inside = R[1:4]
    np.testing.assert_allclose(
        found.circular_velocity(inside), exact.circular_velocity(inside), rtol=1e-3
    )
    stars = orbits(500)
    np.testing.assert_allclose(circularity(stars, found), circularity(stars, exact), atol=5e-3)


def test_a_point_mass_outside_and_a_homogeneous_core_inside():
    r = np.array([1.0, 2.0, 4.0])
    kepler = SphericalPotential.from_circular_velocity(r, 100 / np.sqrt(r))
    far = np.array([4.0, 10.0, 1e4])
    np.testing.assert_allclose(kepler(far, 0 * far), -1e4 / far)
    np.testing.assert_allclose(kepler.circular_velocity(far), 100 / np.sqrt(far))
    centre, edge = kepler(np.array([0.0, 1.0]), np.zeros(2))
    assert edge - centre == pytest.approx(0.5e4)
    assert kepler.circular_velocity(np.array([0.25]))[0] == pytest.approx(25)


def test_the_potential_is_the_integral_of_the_force():
    rng = np.random.default_rng(4)
    radius = np.sort(rng.uniform(0.5, 30, 12))
    curve = SphericalPotential.from_circular_velocity(radius, rng.uniform(50, 250, 12))
    r = np.geomspace(0.1, 200, 200)
    step = 1e-5 * r
    force = (curve(r + step, 0 * r) - curve(r - step, 0 * r)) / (2 * step)
    np.testing.assert_allclose(np.sqrt(r * force), curve.circular_velocity(r), rtol=1e-3)


@pytest.mark.parametrize(
    ("radius", "speed"),
    [
        ([1.0, 1.0], [1.0, 1.0]),
        ([0.0, 1.0], [1.0, 1.0]),
        ([1.0, 2.0], [0.0, 1.0]),
        ([1.0, 2.0], [np.nan, 1.0]),
        ([1.0, np.inf], [1.0, 1.0]),
        ([1.0], [1.0]),
        ([1.0, 2.0], [1.0, 1.0, 1.0]),
        ([1.0, 2.0], np.ma.MaskedArray([1.0, 2.0], [False, True])),
    ],
)
def test_a_rotation_curve_that_is_none(radius, speed):
    with pytest.raises(ValueError, match="expected"):
        SphericalPotential.from_circular_velocity(radius, speed)
