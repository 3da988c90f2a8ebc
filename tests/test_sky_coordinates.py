import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import ICRS, Galactic, Galactocentric, SkyCoord
from astropy.table import QTable, Table
from scipy.integrate import quad
from scipy.optimize import brentq

from galflowlab import mocks
from galflowlab.schema import PHASE_SPACE
from galflowlab.sky import OBSERVED, Observer, observe, observed_sightlines, sightlines
from galflowlab.sky.observer import MILKY_WAY_SIZE

KM_S_PER_KPC_MAS_YR = (1 * u.kpc * u.mas / u.yr).to_value(
    u.km / u.s, equivalencies=u.dimensionless_angles()
)
OBSERVERS = [
    Observer((8.2, 0, -0.0208), (0, 220, 0)),
    Observer((-3.0, 5.0, 1.5), (-150, -90, 20)),
    Observer((0.3, -0.1, -9.0), (10, 20, 30)),
]


def cloud(n=300, seed=0):
    rng = np.random.default_rng(seed)
    stars = {name: rng.normal(0, 5, n) for name in "xyz"}
    stars |= {name: rng.normal(0, 150, n) for name in ("vx", "vy", "vz")}
    return stars | {"age": rng.uniform(0, 13, n), "mass": rng.uniform(1, 2, n)}


def star(position, velocity=(0.0, 0.0, 0.0)):
    return {
        name: np.array([v]) for name, v in zip(PHASE_SPACE, (*position, *velocity), strict=True)
    }


def turned(vector, angle):
    x, y, z = vector
    return (x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle), z)


def milky_way(observer):
    """Turn of our axes into those of astropy's Galactocentric, where the Sun is on -x."""
    x, y, _ = observer.position
    cos, sin = x / np.hypot(x, y), y / np.hypot(x, y)
    return np.array([[-cos, -sin, 0], [-sin, cos, 0], [0, 0, -1]])


def galactocentric(stars, observer, **frame):
    turn = milky_way(observer)
    position = turn @ np.array([stars[name] for name in "xyz"]) * u.kpc
    velocity = turn @ np.array([stars[name] for name in ("vx", "vy", "vz")]) * u.km / u.s
    sun, motion = turn @ observer.position, turn @ observer.velocity * u.km / u.s
    return Galactocentric(
        *position,
        *velocity,
        galcen_distance=np.linalg.norm(sun) * u.kpc,
        z_sun=sun[2] * u.kpc,
        galcen_v_sun=motion,
        **frame,
    )


@pytest.mark.parametrize("observer", OBSERVERS)
def test_agrees_with_the_galactocentric_frame_of_astropy(observer):
    stars = cloud()
    # With the centre at the origin of ICRS and no roll, its angles are l and b themselves.
    centre = ICRS(0 * u.deg, 0 * u.deg)
    expected = galactocentric(stars, observer, galcen_coord=centre, roll=Galactocentric.get_roll0())
    expected = expected.transform_to(ICRS())
    seen = observe(stars, observer)
    for name, values in (
        ("l", expected.ra),
        ("b", expected.dec),
        ("distance", expected.distance),
        ("pm_l_cosb", expected.pm_ra_cosdec),
        ("pm_b", expected.pm_dec),
        ("v_los", expected.radial_velocity),
    ):
        assert seen[name].unit == OBSERVED[name].unit
        scale = np.abs(values).max()
        assert np.abs(seen[name] - values).max() < 1e-9 * scale, name


def test_the_sky_is_that_of_the_milky_way():
    """The published frame, whose centre lies 0.07 degrees from l = b = 0."""
    observer, stars = OBSERVERS[0], cloud()
    expected = galactocentric(stars, observer).transform_to(Galactic())
    seen = observe(stars, observer)
    ours = SkyCoord(seen["l"], seen["b"], frame="galactic")
    assert ours.separation(SkyCoord(expected)).max() < 0.1 * u.deg
    assert np.abs(seen["v_los"] - expected.radial_velocity).max() < 2 * u.km / u.s


@pytest.mark.parametrize("observer", OBSERVERS)
def test_the_fast_way_sees_the_same(observer):
    stars = cloud()
    seen, table = sightlines(stars, observer), observe(stars, observer)
    sky = SkyCoord(table["l"], table["b"], frame="galactic").cartesian.xyz
    np.testing.assert_allclose(seen.directions, sky, atol=1e-12)
    np.testing.assert_allclose(seen.distance, table["distance"].value, rtol=1e-12)
    np.testing.assert_allclose(seen.v_los, table["v_los"].value, atol=1e-10)
    again = observed_sightlines(table)
    np.testing.assert_allclose(again.directions, seen.directions, atol=1e-12)
    np.testing.assert_array_equal(again.v_los, table["v_los"].value)


@pytest.mark.parametrize("azimuth", [0.0, 90.0, 200.0])
def test_known_directions(azimuth):
    observer = Observer.circular({}, 8.0, azimuth=azimuth, circular_velocity=220.0)
    quantities = {"azimuth": np.deg2rad(azimuth) * u.rad, "circular_velocity": 2.2e5 * u.m / u.s}
    same = Observer.circular({}, 8000 * u.pc, **quantities)
    assert same.position == pytest.approx(observer.position, abs=1e-12)
    assert same.velocity == pytest.approx(observer.velocity, abs=1e-9)
    a = np.deg2rad(azimuth)
    for position, l, b, distance in (  # noqa: E741
        ((0, 0, 0), 0, 0, 8),
        ((8, 3, 0), 90, 0, 3),  # ahead of an observer who turns with the galaxy
        ((8, -3, 0), 270, 0, 3),
        ((11, 0, 0), 180, 0, 3),
        ((8, 0, -3), None, 90, 3),  # the galaxy turns clockwise seen from the north
        ((8, 0, 3), None, -90, 3),
    ):
        (seen,) = observe(star(turned(position, a)), observer)
        assert seen["b"].value == pytest.approx(b, abs=1e-6)
        assert seen["distance"].value == pytest.approx(distance)
        if l is not None:
            assert (seen["l"].value - l + 180) % 360 - 180 == pytest.approx(0, abs=1e-6)
    assert observer.axes[1] @ observer.velocity == pytest.approx(220)


@pytest.mark.parametrize("position", [*(o.position for o in OBSERVERS), (0, 0, 0), (0, 0, 5)])
def test_axes_are_right_handed_and_the_first_points_to_the_centre(position):
    axes = Observer(position).axes
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-14)
    assert np.linalg.det(axes) == pytest.approx(1)
    np.testing.assert_allclose(-axes[0] * np.linalg.norm(position), position, atol=1e-14)
    close = Observer(np.add(position, (1e-9, 0, 0)))
    np.testing.assert_allclose(close.axes, axes, atol=1e-8)  # on the axis as on the x axis


def test_turning_galaxy_and_observer_together_changes_nothing():
    stars, observer = cloud(), OBSERVERS[1]
    seen = observe(stars, observer)
    position = turned([stars[name] for name in "xyz"], 1.1)
    velocity = turned([stars[name] for name in ("vx", "vy", "vz")], 1.1)
    other = Observer(turned(observer.position, 1.1), turned(observer.velocity, 1.1))
    again = observe(dict(zip(PHASE_SPACE, (*position, *velocity), strict=True)), other)
    for name in OBSERVED:
        np.testing.assert_allclose(again[name].value, seen[name].value, atol=1e-8)


def test_a_common_velocity_changes_nothing():
    stars, observer = cloud(), OBSERVERS[0]
    boosted = stars | {"vx": stars["vx"] + 50, "vz": stars["vz"] - 80}
    other = Observer(observer.position, np.add(observer.velocity, (50, 0, -80)))
    seen, again = observe(stars, observer), observe(boosted, other)
    for name in OBSERVED:
        np.testing.assert_allclose(again[name].value, seen[name].value, atol=1e-9)


def test_components_of_the_velocity_make_up_its_whole():
    stars, observer = cloud(), OBSERVERS[1]
    seen = observe(stars, observer)
    tangential = (
        KM_S_PER_KPC_MAS_YR
        * seen["distance"].value
        * np.hypot(seen["pm_l_cosb"].value, seen["pm_b"].value)
    )
    velocity = np.array([stars[name] for name in ("vx", "vy", "vz")])
    relative = np.linalg.norm(velocity.T - observer.velocity, axis=1)
    np.testing.assert_allclose(np.hypot(seen["v_los"].value, tangential), relative, rtol=1e-10)


def test_a_galaxy_that_turns_as_a_whole_has_one_proper_motion_and_no_line_of_sight_velocity():
    stars, omega = cloud(), 25.0  # km/s/kpc
    stars |= {"vx": -omega * stars["y"], "vy": omega * stars["x"], "vz": 0 * stars["x"]}
    observer = Observer((8.0, 0, 0), (0, omega * 8.0, 0))
    seen = observe(stars, observer)
    np.testing.assert_allclose(seen["v_los"].value, 0, atol=1e-10)
    # Clockwise from the north: l decreases in a frame that does not turn.
    expected = -omega / KM_S_PER_KPC_MAS_YR * np.cos(seen["b"].to_value(u.rad))
    np.testing.assert_allclose(seen["pm_l_cosb"].value, expected, rtol=1e-9)
    np.testing.assert_allclose(seen["pm_b"].value, 0, atol=1e-10)


def test_oort_s_double_wave():
    """In a disc of flat rotation nearby stars recede at l = 45 and 225 degrees."""
    observer = Observer((8.0, 0, 0), (0, 220.0, 0))
    for l, sign in ((45, 1), (135, -1), (225, 1), (315, -1)):  # noqa: E741
        a = np.deg2rad(l)
        x, y = 8 - 0.01 * np.cos(a), 0.01 * np.sin(a)
        R = np.hypot(x, y)
        (seen,) = observe(star((x, y, 0), (-220 * y / R, 220 * x / R, 0)), observer)
        assert seen["l"].value == pytest.approx(l)
        assert seen["v_los"].value == pytest.approx(sign * 0.5 * 220 / 8 * 0.01, rel=0.01)


def test_other_columns_pass_through_with_units():
    stars = cloud() | {"fe_h": np.full(300, np.nan), "ids": np.arange(300)}
    seen = observe(QTable(stars), OBSERVERS[0])
    assert seen.colnames == [*OBSERVED, "fe_h", "age", "mass"]
    np.testing.assert_array_equal(seen["age"], stars["age"] * u.Gyr)
    assert np.isnan(seen["fe_h"]).all()


@pytest.fixture(scope="module")
def galaxy():
    return mocks.make_galaxy(10.7, n=20_000, seed=1, scatter=0.0)


def test_the_default_observer_is_the_sun_on_the_circular_orbit(galaxy):
    sun = Observer.solar(galaxy.stars)
    assert sun.position == (8.2, 0.0, -0.0208)
    known = galaxy.truth.potential.circular_velocity(np.array([8.2]))[0]
    assert sun.velocity[1] == pytest.approx(float(known), rel=0.04)
    default, given = observe(galaxy.stars), observe(galaxy.stars, sun)
    np.testing.assert_array_equal(default["v_los"], given["v_los"])


def test_the_scaled_observer_follows_the_size_of_the_galaxy(galaxy):
    # The same galaxy at half the size, and at the same speeds.
    small = QTable(galaxy.stars)
    for name in "xyz":
        small[name] = 0.5 * small[name]
    large = Observer.scaled_solar(galaxy.stars, azimuth=30.0)
    half = Observer.scaled_solar(small, azimuth=30.0)
    np.testing.assert_allclose(np.array(half.position) * 2, large.position, rtol=1e-9)
    np.testing.assert_allclose(half.velocity, large.velocity, rtol=1e-9)
    assert Observer.scaled_solar(galaxy.stars, circular_velocity=1.0).velocity == (0, 1, 0)


def test_the_size_of_the_milky_way_is_that_of_the_published_model():
    """Best model of McMillan (2017), tables 2 and 3: two exponential discs and a bulge."""

    def bulge(z, R):
        r = np.hypot(R, z / 0.5)
        return 98.4e9 * np.exp(-((r / 2.1) ** 2)) / (1 + r / 0.075) ** 1.8

    def surface_density(R):
        discs = 896e6 * np.exp(-R / 2.50) + 183e6 * np.exp(-R / 3.02)
        return discs + 2 * quad(bulge, 0, 6, args=(R,), limit=200)[0]

    def within(R):
        ring = quad(lambda r: r * surface_density(r), 0, R, points=[0.1, 1, 5], limit=200)
        return 2 * np.pi * ring[0]

    total = within(60)
    assert total == pytest.approx(54.3e9, rel=0.02)  # as published
    half = brentq(lambda R: within(R) - total / 2, 2, 6, xtol=1e-3)
    assert half == pytest.approx(MILKY_WAY_SIZE, abs=0.01)


def test_quantities_are_converted():
    observer = Observer([8200, 0, 0] * u.pc, [0, 220e3, 0] * u.m / u.s)
    assert observer == Observer((8.2, 0.0, 0.0), (0.0, 220.0, 0.0))
    table = observe(cloud(), observer)
    radians = QTable(table)
    radians["l"], radians["distance"] = table["l"].to(u.rad), table["distance"].to(u.pc)
    again, plain = observed_sightlines(radians), observed_sightlines(Table(table))
    np.testing.assert_allclose(again.directions, plain.directions, atol=1e-12)
    np.testing.assert_allclose(again.distance, plain.distance)


@pytest.mark.parametrize(
    ("position", "velocity", "message"),
    [
        ((1, 2), (0, 0, 0), "position .* three finite numbers"),
        ((1, 2, np.nan), (0, 0, 0), "position .* three finite numbers"),
        ((1, 2, 3), (0, 0, np.inf), "velocity .* three finite numbers"),
        ("abc", (0, 0, 0), "position .* numbers in kpc"),
        ([1, 2, 3] * u.km / u.s, (0, 0, 0), "position .* in kpc, got .*km / s"),
        ((1, 2, 3), [1, 2, 3] * u.kpc, "velocity .* in km / s, got .*kpc"),
    ],
)
def test_bad_observers_are_refused(position, velocity, message):
    with pytest.raises(ValueError, match=message):
        Observer(position, velocity)


@pytest.mark.parametrize("arguments", [{"radius": 0}, {"radius": np.nan}, {"height": np.inf}])
def test_bad_orbits_are_refused(arguments):
    with pytest.raises(ValueError, match="expected"):
        Observer.circular(cloud(), **{"radius": 8.0, "circular_velocity": 1.0} | arguments)


def test_a_galaxy_too_small_for_the_sun_says_so():
    stars = cloud() | {name: np.random.default_rng(1).normal(0, 0.1, 300) for name in "xyz"}
    with pytest.raises(ValueError, match=r"circular velocity at 8.2 kpc"):
        observe(stars)


@pytest.mark.parametrize("look", [observe, sightlines])
def test_damaged_stars_are_refused(look):
    observer = Observer((1.0, 2.0, 3.0))
    at_observer = {name: values.copy() for name, values in cloud().items()}
    at_observer["x"][7], at_observer["y"][7], at_observer["z"][7] = observer.position
    with pytest.raises(ValueError, match=r"1 are not, the first in row 7 at 0.0 kpc"):
        look(at_observer, observer)
    with pytest.raises(ValueError, match="positive, finite distance"):
        look(star((1e200, 0, 0)), observer)
    for name in ("x", "vy"):
        damaged = cloud()
        damaged[name][3] = np.nan
        with pytest.raises(ValueError, match=f"{name!r} has 1 values that are not finite"):
            look(damaged, observer)
    with pytest.raises(ValueError, match="'y' has 2 stars, not 300"):
        look(cloud() | {"y": np.zeros(2)}, observer)
    with pytest.raises(ValueError, match="'vx' has 2 stars, not 300"):
        look(cloud() | dict.fromkeys(("vx", "vy", "vz"), np.zeros(2)), observer)
    with pytest.raises(ValueError, match="missing star column 'z'"):
        look({name: v for name, v in cloud().items() if name != "z"}, observer)


def test_columns_of_another_length_are_refused():
    with pytest.raises(ValueError, match="'age' has 2 stars, not 300"):
        observe(cloud() | {"age": np.zeros(2)}, OBSERVERS[0])


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("l", np.full(300, np.nan), "'l' has 300 values that are not finite"),
        ("b", np.full(300, 91.0), "300 values beyond ±90 degrees"),
        ("distance", np.full(300, 0.0), "positive, finite distance"),
        ("distance", np.full(300, 1.0) * u.Gyr, "'distance' should hold numbers in kpc"),
        ("distance", np.full(300, "far"), "'distance' should hold numbers in kpc"),
        ("v_los", np.ma.array(np.zeros(300), mask=np.arange(300) == 2), "'v_los' has masked"),
        ("l", np.zeros((300, 2)), r"shape \(star,\), got \(300, 2\)"),
    ],
)
def test_damaged_tables_are_refused(name, values, message):
    table = observe(cloud(), OBSERVERS[0])
    table[name] = values
    with pytest.raises(ValueError, match=message):
        observed_sightlines(table)


def test_a_table_without_distances_is_refused():
    table = observe(cloud(), OBSERVERS[0])
    table.remove_column("distance")
    with pytest.raises(ValueError, match="missing column 'distance'"):
        observed_sightlines(table)


def test_no_stars_make_an_empty_table():
    empty = {name: np.array([]) for name in (*PHASE_SPACE, "mass")}
    assert len(observe(empty, OBSERVERS[0])) == len(sightlines(empty, OBSERVERS[0])) == 0
