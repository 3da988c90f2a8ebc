"""The Jeans equation finds the circular velocity that the stars were made with."""

import json

import numpy as np
import pytest

from galflowlab import mocks
from galflowlab.constants import G
from galflowlab.profiles import half_mass_radius
from galflowlab.profiles.jeans import circular_velocity, local_circular_velocity


@pytest.fixture(scope="module")
def galaxy():
    return mocks.make_galaxy(10.3, seed=5, n=20_000)


def plain(stars):
    return {name: np.array(stars[name].value) for name in stars.colnames}


def plummer(n, *, mass=1e10, scale=2.0, seed=0):
    """Isotropic Plummer sphere: no rotation, all support from pressure."""
    rng = np.random.default_rng(seed)
    radius = scale / np.sqrt(rng.random(n) ** (-2 / 3) - 1)
    q = np.zeros(0)  # v / v_escape has density q² (1 - q²)^3.5 (Aarseth et al. 1974)
    while len(q) < n:
        x, y = rng.random(4 * n), 0.1 * rng.random(4 * n)
        q = np.append(q, x[y < x**2 * (1 - x**2) ** 3.5])
    speed = q[:n] * np.sqrt(2 * G * mass) * (radius**2 + scale**2) ** -0.25
    directions = rng.normal(size=(2, 3, n))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    stars = dict(zip(("x", "y", "z"), radius * directions[0], strict=True))
    stars |= dict(zip(("vx", "vy", "vz"), speed * directions[1], strict=True))
    return stars | {"mass": np.full(n, mass / n)}


def test_the_potential_of_a_mock_is_found(galaxy):
    radii = half_mass_radius(galaxy.stars, projected=True) * np.array([1.0, 1.5, 2.0, 3.0])
    found = circular_velocity(galaxy.stars, radii, seed=1)
    truth = galaxy.truth.potential.circular_velocity(radii)
    np.testing.assert_allclose(found.values, truth, rtol=0.04)
    assert (np.abs(found.values - truth) / found.errors).max() < 4
    local = [local_circular_velocity(galaxy.stars, radius) for radius in radii]
    np.testing.assert_allclose(found.values, local)
    json.dumps(found.as_dict(), allow_nan=False)


def test_rotation_alone_would_miss_it(galaxy):
    radius = half_mass_radius(galaxy.stars, projected=True)
    stars = plain(galaxy.stars)
    cold = stars | {"vz": 0 * stars["vz"]}
    truth = galaxy.truth.potential.circular_velocity(radius)
    R = np.hypot(stars["x"], stars["y"])
    near = np.abs(R / radius - 1) < 0.1
    v_phi = (stars["x"] * stars["vy"] - stars["y"] * stars["vx"])[near] / R[near]
    assert np.sqrt((v_phi**2).mean()) < 0.95 * truth
    assert local_circular_velocity(cold, radius) != local_circular_velocity(stars, radius)


def test_pressure_supports_a_plummer_sphere():
    stars = plummer(40_000)
    radii = np.array([1.0, 2.0, 4.0])
    truth = np.sqrt(G * 1e10 * radii**2 / (radii**2 + 4) ** 1.5)
    found = circular_velocity(stars, radii, seed=1)
    assert (found.values / truth < 1.03).all()
    assert (found.values / truth > 0.88).all()  # the stars are far from the plane


@pytest.mark.parametrize("radial", [0.2, 1.0])
def test_tilted_ellipsoids_in_an_oscillator(radial):
    """Every star on a closed ellipse about the centre; radial ones point at it wherever they are.

    The radial force does not depend on the height there, so that nothing but the equation
    is tested.
    """
    rng = np.random.default_rng(3)
    n, omega = 300_000, 30.0
    major, minor = rng.normal(size=(2, 3, n)) * np.array([3.0, 3.0 * radial])[:, None, None]
    phase = rng.uniform(0, 2 * np.pi, n)
    position = major * np.cos(phase) + minor * np.sin(phase)
    velocity = omega * (minor * np.cos(phase) - major * np.sin(phase))
    names = ("x", "y", "z", "vx", "vy", "vz")
    stars = dict(zip(names, [*position, *velocity], strict=True)) | {"mass": np.ones(n)}
    radii = np.array([3.0, 6.0])
    found = circular_velocity(stars, radii, seed=1)
    curved = 1 + 0.5 * (2 * 0.4) ** 2 / 9  # mean of R² in the kernel, whose variance is h² / 9
    expected = omega * radii * np.sqrt(curved)
    assert (found.errors / expected).max() < 0.03
    assert (np.abs(found.values - expected) / found.errors).max() < 3


@pytest.mark.parametrize("power", [-3.0, -1.0, 0.5])
def test_the_pressure_of_a_power_law_is_exact(power):
    """With density R^(power - 2) and constant dispersion s, v_c² = s² (1 - power)."""
    log_R = np.linspace(-2, 2, 4001)
    R = np.exp(log_R)
    stars = {"x": R, "y": 0 * R, "z": 0 * R, "vy": 0 * R, "vz": 0 * R}
    stars |= {"vx": 100 * (-1.0) ** np.arange(4001), "mass": R**power}
    for radius in (0.7, 1.0, 2.0):
        expected = 100 * np.sqrt(1 - power)
        assert local_circular_velocity(stars, radius) == pytest.approx(expected, rel=1e-4)


def test_circular_orbits_give_their_speed():
    rng = np.random.default_rng(1)
    R, angle = rng.gamma(2, 2.0, 5000), rng.uniform(0, 2 * np.pi, 5000)
    stars = {"x": R * np.cos(angle), "y": R * np.sin(angle), "z": 0 * R, "vz": 0 * R}
    stars |= {"vx": -120 * np.sin(angle), "vy": 120 * np.cos(angle), "mass": 0 * R + 1}
    assert local_circular_velocity(stars, 4.0) == pytest.approx(120)
    rising = stars | {"vx": -100 * np.sqrt(R / 4) * np.sin(angle)}
    rising["vy"] = 100 * np.sqrt(R / 4) * np.cos(angle)
    assert local_circular_velocity(rising, 4.0) == pytest.approx(100, rel=0.01)


def test_units_scale_and_the_frame_does_not_matter(galaxy):
    stars = plain(galaxy.stars[:5000])
    speed = local_circular_velocity(stars, 5.0)
    c, s = np.cos(0.7), np.sin(0.7)
    turned = stars | {"x": c * stars["x"] - s * stars["y"], "y": s * stars["x"] + c * stars["y"]}
    turned |= {"vx": c * stars["vx"] - s * stars["vy"], "vy": s * stars["vx"] + c * stars["vy"]}
    assert local_circular_velocity(turned, 5.0) == pytest.approx(speed)
    against = stars | {name: -stars[name] for name in ("vx", "vy", "vz")}
    assert local_circular_velocity(against, 5.0) == pytest.approx(speed)
    larger = {name: 3 * values if name in "xyz" else values for name, values in stars.items()}
    assert local_circular_velocity(larger, 15.0) == pytest.approx(speed)
    faster = {name: 2 * values if name[0] == "v" else values for name, values in stars.items()}
    assert local_circular_velocity(faster, 5.0) == pytest.approx(2 * speed)
    assert local_circular_velocity(galaxy.stars[:5000], 5.0) == pytest.approx(speed)


def test_errors_cover_the_truth(galaxy):
    radius = half_mass_radius(galaxy.stars, projected=True)
    stars = plain(galaxy.stars)
    truth = galaxy.truth.potential.circular_velocity(radius)
    pulls = []
    for start in range(0, 20_000, 500):
        part = {name: values[start : start + 500] for name, values in stars.items()}
        found = circular_velocity(part, [radius], seed=start, resamples=60)
        pulls.append((found.values[0] - truth) / found.errors[0])
    assert abs(np.mean(pulls)) < 1
    assert 0.75 < np.std(pulls, ddof=1) < 1.35


def test_what_the_stars_do_not_determine_is_masked():
    known = []
    for seed in range(30):
        found = circular_velocity(plummer(120, seed=seed), [1.0], seed=seed)
        known.append(not found.values.mask[0])
        if known[-1]:
            assert found.values[0] > 2 * found.errors[0]
    assert 0 < np.mean(known) < 1


def test_what_cannot_be_found_is_refused_and_masked(galaxy):
    stars = plain(galaxy.stars[:2000])
    few = {name: values[:40] for name, values in stars.items()}
    with pytest.raises(ValueError, match="needs 50 stars"):
        local_circular_velocity(few, 5.0)
    with pytest.raises(ValueError, match="needs 50 stars"):
        local_circular_velocity(stars, 1e5)
    for radius in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="positive radius"):
            local_circular_velocity(stars, radius)
    with pytest.raises(ValueError, match="positive radii"):
        circular_velocity(stars, [1.0, 0.0], seed=1)
    with pytest.raises(ValueError, match="resamples"):
        circular_velocity(stars, [1.0], seed=1, resamples=1)
    profile = circular_velocity(stars, [5.0, 1e5], seed=1)
    assert profile.values.mask.tolist() == [False, True]
    assert profile.as_dict()["errors"][1] is None


def test_stars_that_only_fall_in_have_no_circular_velocity():
    rng = np.random.default_rng(1)
    R, angle = rng.uniform(1, 10, 5000), rng.uniform(0, 2 * np.pi, 5000)
    fall = 100 * R**2  # density times v_R² rises outwards: pressure pushes inwards
    stars = {"x": R * np.cos(angle), "y": R * np.sin(angle), "z": 0 * R, "vz": 0 * R}
    stars |= {"vx": -fall * np.cos(angle), "vy": -fall * np.sin(angle), "mass": 0 * R + 1}
    with pytest.raises(ValueError, match="not in equilibrium"):
        local_circular_velocity(stars, 5.0)
    assert circular_velocity(stars, [5.0], seed=1).values.mask.all()
