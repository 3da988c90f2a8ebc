import numpy as np
import pytest

from galflowlab.mocks.actions import HORIZON, actions
from galflowlab.mocks.orbits import integrate
from galflowlab.mocks.staeckel import StaeckelPotential
from galflowlab.mocks.tori import invert, sample_points

GM, C, FOCUS = (1.8e5, 1.1e6), (0.35, 14.0), 3.1
POTENTIAL = StaeckelPotential(GM, C, FOCUS)


@pytest.fixture(scope="module")
def by_galpy():
    """The same potential, by galpy."""
    potential = pytest.importorskip("galpy.potential", reason="galpy is not installed")
    one, other = (
        potential.KuzminKutuzovStaeckelPotential(
            amp=gm, ac=np.sqrt(1 + (FOCUS / c) ** 2), Delta=FOCUS
        )
        for gm, c in zip(GM, C, strict=True)
    )
    return one + other


@pytest.fixture(scope="module")
def orbits() -> np.ndarray:
    """Bound stars from near-circular to radial and polar, shape (star, 6)."""
    rng = np.random.default_rng(5)
    n = 300
    R, z = rng.uniform(0.3, 25, n), rng.normal(0, 2, n)
    speed = POTENTIAL.circular_velocity(R)
    v = rng.normal(0, 0.35, (n, 3)) * speed[:, None]
    v[:, 1] += 0.8 * speed * rng.choice([-1, 1], n, p=[0.2, 0.8])
    angle = rng.uniform(0, 2 * np.pi, n)
    cos, sin = np.cos(angle), np.sin(angle)
    cylindrical = v[:, 0] * cos - v[:, 1] * sin, v[:, 0] * sin + v[:, 1] * cos
    return np.column_stack([R * cos, R * sin, z, *cylindrical, v[:, 2]])


def cylindrical(x: np.ndarray) -> tuple[np.ndarray, ...]:
    R = np.hypot(x[:, 0], x[:, 1])
    vR = (x[:, 0] * x[:, 3] + x[:, 1] * x[:, 4]) / R
    vT = (x[:, 0] * x[:, 4] - x[:, 1] * x[:, 3]) / R
    return R, vR, vT, x[:, 2], x[:, 5]


def test_potential_and_forces_agree_with_galpy(orbits, by_galpy):
    from galpy.potential import evaluatePotentials, evaluateRforces, evaluatezforces

    R, _, _, z, _ = cylindrical(orbits)
    radial, vertical = POTENTIAL.forces(R, z)
    np.testing.assert_allclose(POTENTIAL(R, z), evaluatePotentials(by_galpy, R, z), rtol=1e-9)
    np.testing.assert_allclose(
        radial, [evaluateRforces(by_galpy, *p) for p in zip(R, z, strict=True)]
    )
    expected = [evaluatezforces(by_galpy, *p) for p in zip(R, z, strict=True)]
    np.testing.assert_allclose(vertical, expected, rtol=1e-7)


@pytest.mark.parametrize("point", [(0.0, 0.0), (0.0, FOCUS), (0.0, 1.0), (2.0, 0.0), (0.0, 9.0)])
def test_forces_are_finite_and_the_gradient_at_special_points(point):
    R, z = (np.array(p) for p in point)
    h = 1e-3
    radial, vertical = POTENTIAL.forces(R, z)
    slope_R = (POTENTIAL(R + h, z) - POTENTIAL(abs(R - h), z)) / (2 * h)
    slope_z = (POTENTIAL(R, z + h) - POTENTIAL(R, z - h)) / (2 * h)
    scale = np.hypot(*POTENTIAL.forces(np.array(FOCUS), np.array(0.0)))
    assert abs(radial + slope_R) < 1e-4 * scale
    assert abs(vertical + slope_z) < 1e-4 * scale


def test_epicycle_frequencies_are_the_curvatures_of_the_effective_potential():
    R = np.geomspace(0.05, 80, 25)
    circular = POTENTIAL.epicycle(R)
    h = 1e-3 * R
    Lz = circular.omega * R**2
    np.testing.assert_allclose(R * circular.omega, POTENTIAL.circular_velocity(R))
    np.testing.assert_allclose(-POTENTIAL.forces(R, 0 * R)[0], R * circular.omega**2, rtol=1e-12)

    def outward(r):
        return Lz**2 / r**3 + POTENTIAL.forces(r, 0 * r)[0]

    np.testing.assert_allclose(
        circular.kappa**2, -(outward(R + h) - outward(R - h)) / (2 * h), 1e-5
    )
    tiny = 1e-4 * np.ones_like(R)
    np.testing.assert_allclose(circular.nu**2, -POTENTIAL.forces(R, tiny)[1] / tiny, rtol=1e-5)


def test_guiding_radius_inverts_the_angular_momentum_curve():
    R = np.geomspace(1e-5, 1e5, 200)
    Lz = R * POTENTIAL.circular_velocity(R)
    np.testing.assert_allclose(POTENTIAL.guiding_radius(-Lz), R, rtol=1e-10)
    assert POTENTIAL.guiding_radius(np.zeros(1))[0] > 0


def test_actions_agree_with_galpy(orbits, by_galpy):
    from galpy.actionAngle import actionAngleStaeckel

    reference = actionAngleStaeckel(pot=by_galpy, delta=FOCUS, c=False, fixed_quad=False)
    some = orbits[:40]
    expected = np.array([np.ravel(reference(*row)) for row in np.transpose(cylindrical(some))])
    found = actions(POTENTIAL, some)
    scale = np.abs(found).sum(axis=1, keepdims=True)
    jr_lz_jz = found[:, [0, 2, 1]]
    assert np.abs((jr_lz_jz - expected) / scale).max() < 1e-5
    assert np.median(np.abs((jr_lz_jz - expected) / scale)) < 1e-8


def test_actions_are_constant_along_orbits(orbits):
    some = orbits[:100]
    before = actions(POTENTIAL, some)
    after = actions(POTENTIAL, integrate(POTENTIAL, some, 0.7, 4000))
    change = np.abs(after - before).max(axis=1) / np.abs(before).sum(axis=1)
    assert np.median(change) < 1e-5
    assert change.max() < 2e-3


def test_integration_can_be_undone(orbits):
    there = integrate(POTENTIAL, orbits[:50], 0.3, 1000)
    assert np.abs(there - orbits[:50]).max() > 1  # it did move
    back = integrate(POTENTIAL, there, -0.3, 1000)
    np.testing.assert_allclose(back, orbits[:50], rtol=1e-6, atol=1e-6)
    with pytest.raises(ValueError, match="at least one step"):
        integrate(POTENTIAL, orbits, 1.0, 0)


def test_circular_orbit_has_no_radial_or_vertical_action():
    speed = float(POTENTIAL.circular_velocity(np.array(8.0)))
    J = actions(POTENTIAL, np.array([[8.0, 0, 0, 0, speed, 0]]))[0]
    assert abs(J[0]) < 1e-6 * J[2]
    assert abs(J[1]) < 1e-6 * J[2]
    assert J[2] == pytest.approx(8 * speed)


def test_sense_of_rotation_and_mirror_images(orbits):
    mirrored = orbits * [1, -1, -1, 1, -1, -1]  # rotation about x by half a turn
    J, flipped = actions(POTENTIAL, orbits), actions(POTENTIAL, mirrored)
    np.testing.assert_allclose(flipped, J * [1, 1, -1], rtol=1e-6)


def test_inverse_recovers_the_actions(orbits):
    J = actions(POTENTIAL, orbits)
    tori = invert(POTENTIAL, J)
    assert tori.error.max() < 1e-6
    rng = np.random.default_rng(2)
    points = sample_points(POTENTIAL, tori, J[:, 2], rng)
    again = actions(POTENTIAL, points)
    assert np.abs(again - J).max() / np.abs(J).max() < 1e-6
    assert np.abs(points[:, :3] - orbits[:, :3]).max() > 1  # elsewhere on the same torus


@pytest.mark.parametrize("J", [(300.0, 60.0, 900.0), (40.0, 400.0, -150.0), (1.0, 0.5, 1500.0)])
def test_points_on_a_torus_follow_the_time_average_of_its_orbit(J):
    n = 60_000
    rng = np.random.default_rng(8)
    many = np.tile(J, (n, 1))
    points = sample_points(POTENTIAL, invert(POTENTIAL, many), many[:, 2], rng)
    # the time average: uniform start times along the orbits of a few of the points
    orbit, visited = points[:600], []
    for _ in range(80):
        orbit = integrate(POTENTIAL, orbit, 0.0317, 60)
        visited.append(orbit)

    def moments(x):
        R, vR, vT, z, vz = cylindrical(x)
        return np.array([np.mean(q) for q in (R, z**2, z**4, vR**2, vT**2, vz**2, R**2 * z**2)])

    np.testing.assert_allclose(moments(points), moments(np.concatenate(visited)), rtol=0.02)


def test_unbound_and_distant_stars_have_infinite_actions():
    stars = np.array(
        [[8.0, 0, 0, 0, 5000, 0], [2 * HORIZON, 0, 0, 0, 0, 0], [1, 1, 1, 2 * HORIZON, 0, 0]]
    )
    J = actions(POTENTIAL, stars)
    assert np.isposinf(J[:, :2]).all()
    assert not np.isnan(J).any()


def test_results_do_not_depend_on_the_chunk(orbits):
    whole = actions(POTENTIAL, orbits)
    np.testing.assert_allclose(actions(POTENTIAL, orbits, chunk=7), whole, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "arguments",
    [((1.0,), (1.0, 2.0), 1.0), ((), (), 1.0), ((1.0,), (0.0,), 1.0), ((1.0,), (1.0,), np.nan)],
)
def test_bad_potentials_are_refused(arguments):
    with pytest.raises(ValueError, match=r"expected|should be"):
        StaeckelPotential(*arguments)
