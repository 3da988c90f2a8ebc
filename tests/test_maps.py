import numpy as np
import pytest
from astropy import units as u
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binned_statistic_2d

from galflowlab.map_differences import measure, measure_many
from galflowlab.maps import QUANTITIES, columns_needed, project, project_many
from galflowlab.schema import as_stars

COLUMNS = ("x", "y", "z", "vx", "vy", "vz", "fe_h", "o_fe", "age")


def cloud(n=5000, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    stars = {name: rng.normal(size=n).astype(dtype) for name in COLUMNS}
    stars["age"] = rng.uniform(0, 13, n).astype(dtype)
    stars["mass"] = rng.uniform(0.5, 2, n).astype(dtype)
    return stars


def star(mass=1.0, **columns):
    """A few stars, zero where nothing is said."""
    n = max((np.size(v) for v in columns.values()), default=1)
    base = {name: np.zeros(n) for name in COLUMNS} | {"mass": np.full(n, mass)}
    return base | {name: np.broadcast_to(np.asarray(v, float), n) for name, v in columns.items()}


def only_pixel(a_map):
    (where,) = np.argwhere(~np.ma.getmaskarray(a_map.values))
    return tuple(int(i) for i in where)


def test_surface_density_conserves_the_mass_in_the_field():
    stars = cloud()
    everything = project(stars, "surface_density", 40, 25, 10, 33)
    assert everything.values.sum() * everything.pixel_area == pytest.approx(stars["mass"].sum())
    part = project(stars, "surface_density", 0, 0, 1, 33)
    inside = (np.abs(stars["x"]) < 1) & (np.abs(stars["y"]) < 1)
    expected = stars["mass"][inside].sum()
    assert part.values.sum() * part.pixel_area == pytest.approx(expected)
    assert part.pixel_area == pytest.approx((2 / 33) ** 2)


@settings(max_examples=25, deadline=None)
@given(st.floats(-360, 360), st.floats(-360, 360))
def test_no_direction_loses_mass(inclination, azimuth):
    stars = cloud(200)
    seen = project(stars, "surface_density", inclination, azimuth, 20, 7)
    assert seen.values.sum() * seen.pixel_area == pytest.approx(stars["mass"].sum())


@pytest.mark.parametrize(
    ("position", "inclination", "azimuth", "pixel"),
    [
        ({"x": 1.2}, 0, 0, (2, 3)),  # x to the right
        ({"y": 1.2}, 0, 0, (3, 2)),  # y up
        ({"z": 1.2}, 0, 0, (2, 2)),  # looking down z
        ({"x": 1.2}, 90, 0, (2, 3)),
        ({"y": 1.2}, 90, 0, (2, 2)),  # looking along y
        ({"z": 1.2}, 90, 0, (3, 2)),  # z up
        ({"x": 1.2}, 0, 90, (3, 2)),  # azimuth turns counter-clockwise
        ({"y": 1.2}, 0, 90, (2, 1)),
        ({"z": 1.2}, 0, 90, (2, 2)),
        ({"x": 1.2}, 90, 90, (2, 2)),
        ({"y": 1.2}, 90, 90, (2, 1)),
        ({"y": 1.2}, 180, 0, (1, 2)),  # seen from behind
        ({"x": -2.4, "y": 2.4}, 0, 0, (4, 0)),
    ],
)
def test_stars_land_in_the_right_pixel(position, inclination, azimuth, pixel):
    seen = project(star(**position), "surface_density", inclination, azimuth, 2.5, 5)
    assert only_pixel(seen) == pixel


def test_the_lower_edge_belongs_to_the_field_and_the_upper_does_not():
    assert only_pixel(project(star(x=-2, y=-2), "surface_density", 0, 0, 2, 4)) == (0, 0)
    assert project(star(x=2.0), "surface_density", 0, 0, 2, 4).values.mask.all()
    assert project(star(y=2.0), "surface_density", 0, 0, 2, 4).values.mask.all()


@pytest.mark.parametrize(
    ("velocity", "inclination", "azimuth", "expected"),
    [
        ({"vz": 100.0}, 0, 0, -100.0),  # towards an observer above the disc
        ({"vz": 100.0}, 180, 0, 100.0),
        ({"vy": 100.0}, 90, 0, 100.0),  # looking along +y: away from us
        ({"vx": 100.0}, 90, 0, 0.0),
        ({"vx": 100.0}, 90, 90, 100.0),
        ({"vy": 100.0}, 30, 0, 50.0),
    ],
)
def test_receding_stars_have_positive_velocity(velocity, inclination, azimuth, expected):
    seen = project(star(**velocity), "v_los", inclination, azimuth, 1, 1)
    assert seen.values[0, 0] == pytest.approx(expected, abs=1e-12)


def test_velocity_is_along_the_normal_of_the_sky():
    stars = cloud(50)
    view = (63.0, 28.0)

    i, a = np.deg2rad(view)
    right = np.array([np.cos(a), -np.sin(a), 0])
    up = np.array([np.sin(a) * np.cos(i), np.cos(a) * np.cos(i), np.sin(i)])
    away = np.cross(up, right)  # towards the observer is right x up
    speed = away @ np.array([stars[name] for name in ("vx", "vy", "vz")])
    for k in range(5):
        one = {name: values[k : k + 1] for name, values in stars.items()}
        assert project(one, "v_los", *view, 20, 1).values[0, 0] == pytest.approx(speed[k])


def test_dispersion_is_weighted_by_mass():
    pair = star(vz=[0.0, 30.0]) | {"mass": np.array([1.0, 2.0])}
    maps = project_many(pair, ("v_los", "sigma_los"), 0, 0, 1, 1)
    assert maps["v_los"].values[0, 0] == pytest.approx(-20.0)
    assert maps["sigma_los"].values[0, 0] == pytest.approx(np.sqrt(200 / (1 - 5 / 9)))


@pytest.mark.parametrize("weights", ["equal", "unequal"])
def test_dispersion_does_not_fall_in_poor_pixels(weights):
    """An isotropic cloud: the mean variance of pixels with three stars is that of the cloud."""
    rng = np.random.default_rng(4)
    n, bins = 30_000, 100
    stars = star(x=rng.uniform(-1, 1, n), y=rng.uniform(-1, 1, n), vz=rng.normal(0, 50, n))
    stars |= {"mass": np.ones(n) if weights == "equal" else rng.lognormal(0, 1, n)}
    sigma = project(stars, "sigma_los", 0, 0, 1, bins).values
    assert (sigma.compressed() ** 2).mean() == pytest.approx(2500, rel=0.05)


def test_dispersion_of_one_star_with_all_the_mass_is_masked():
    pair = star(vz=[0.0, 30.0])
    for light in (0.0, 1e-12):
        stars = pair | {"mass": np.array([1.0, light])}
        assert project(stars, "sigma_los", 0, 0, 1, 1).values.mask.all()


def test_dispersion_survives_a_large_common_velocity():
    pair = star(vz=[1e8 - 1, 1e8 + 1])
    assert project(pair, "sigma_los", 0, 0, 1, 1).values[0, 0] == pytest.approx(np.sqrt(2))


def test_dispersion_needs_two_stars():
    trio = star(x=[-0.5, 0.5, 0.5], vz=[5.0, 10.0, 20.0])
    sigma = project(trio, "sigma_los", 0, 0, 1, 2).values
    assert sigma.mask.tolist() == [[True, True], [True, False]]
    assert sigma[1, 1] == pytest.approx(np.sqrt(50))


def test_empty_pixels_are_masked_and_nan():
    seen = project_many(star(x=0.5, y=0.5, age=3.0), ("mean_age", "surface_density"), 0, 0, 1, 2)
    for a_map in seen.values():
        assert a_map.values.mask.tolist() == [[True, True], [True, False]]
        assert np.isnan(a_map.values.data[0, 0])
    assert seen["mean_age"].values[1, 1] == 3.0


def test_massless_stars_and_no_stars_give_an_empty_map():
    for stars in (star(mass=0.0), {name: np.array([]) for name in (*COLUMNS, "mass")}):
        for a_map in project_many(stars, QUANTITIES, 20, 0, 1, 3).values():
            assert a_map.values.mask.all()


@pytest.mark.parametrize("bins", [1, 16, 50])
def test_agrees_with_numpy_and_scipy(bins):
    stars = cloud()
    maps = project_many(stars, ("surface_density", "mean_fe_h", "v_los"), 0, 0, 2, bins)
    where = (stars["y"], stars["x"])
    edges = np.linspace(-2, 2, bins + 1)
    total = np.histogram2d(*where, bins=[edges, edges], weights=stars["mass"])[0]
    density = maps["surface_density"]
    np.testing.assert_allclose(density.values.filled(0) * density.pixel_area, total, rtol=1e-12)
    equal = stars | {"mass": np.ones(5000)}
    seen = project_many(equal, ("mean_age", "sigma_los"), 0, 0, 2, bins)
    for name, values, statistic in (
        ("mean_age", stars["age"], "mean"),
        ("sigma_los", stars["vz"], lambda v: np.std(v, ddof=1) if len(v) > 1 else 0),
    ):
        expected = binned_statistic_2d(*where, values, statistic, bins=[edges, edges])[0]
        valid = ~seen[name].values.mask
        np.testing.assert_allclose(seen[name].values[valid], expected[valid], rtol=1e-9)


def test_one_binning_gives_what_single_maps_give():
    stars = cloud()
    view = (70.0, 10.0, 2.0, 12)
    together = project_many(stars, QUANTITIES, *view)
    assert list(together) == list(QUANTITIES)
    for name, a_map in together.items():
        alone = project(stars, name, *view)
        np.testing.assert_array_equal(alone.values.filled(), a_map.values.filled())
        assert a_map.unit == QUANTITIES[name].unit
        assert a_map.extent == (-2, 2, -2, 2)
        assert a_map.values.shape == (12, 12)
        assert a_map.axis_label.endswith("]")


def test_takes_tables_with_units_and_single_precision():
    stars = cloud(dtype=np.float32)
    table = as_stars(stars)
    table["x"] = table["x"].to(u.pc)
    for name in ("surface_density", "mean_age", "sigma_los"):
        from_table = project(table, name, 30, 40, 3, 8).values
        from_mapping = project(stars, name, 30, 40, 3, 8).values
        np.testing.assert_allclose(from_table.filled(), from_mapping.filled(), rtol=0.02)


def test_keywords_work_and_inputs_stay_as_they_are():
    stars = cloud(100)
    before = {name: values.copy() for name, values in stars.items()}
    project(stars, quantity="v_los", inclination=0, azimuth=0, half_width=1, bins=4)
    for name, values in before.items():
        np.testing.assert_array_equal(stars[name], values)


@pytest.mark.parametrize(
    ("change", "quantity", "view", "message"),
    [
        ({}, "brightness", (0, 0, 1, 4), r"unknown map quantities \['brightness'\].*v_los"),
        ({"x": None}, "v_los", (0, 0, 1, 4), "missing star column 'x'"),
        ({"mass": None}, "mean_age", (0, 0, 1, 4), "missing star column 'mass'"),
        ({"fe_h": None}, "mean_fe_h", (0, 0, 1, 4), "missing star column 'fe_h'"),
        ({"z": np.nan}, "mean_age", (0, 0, 1, 4), "'z' has 1 values that are not finite"),
        ({"age": np.inf}, "mean_age", (0, 0, 1, 4), "'age' has 1 values that are not finite"),
        ({"mass": -1.0}, "mean_age", (0, 0, 1, 4), "negative"),
        ({"age": np.ones((2, 2))}, "mean_age", (0, 0, 1, 4), "shape"),
        ({"age": np.ones(3)}, "mean_age", (0, 0, 1, 4), "3 stars, not 1"),
        ({"y": np.ones(3)}, "mean_age", (0, 0, 1, 4), "3 stars, not 1"),
        ({}, "v_los", (0, 0, 1, 0), "bins"),
        ({}, "v_los", (0, 0, 1, 2.5), "bins"),
        ({}, "v_los", (0, 0, 0, 4), "half_width"),
        ({}, "v_los", (0, 0, np.nan, 4), "half_width"),
        ({}, "v_los", (np.nan, 0, 1, 4), "finite angles"),
        ({}, "v_los", (0, 0, 1, 4, (0, np.inf)), "centre as two finite"),
        ({}, "v_los", (0, 0, 1, 4, (0,)), "centre as two finite"),
    ],
)
def test_wrong_input_is_refused_in_words(change, quantity, view, message):
    stars = star()
    for name, value in change.items():
        stars.pop(name)
        if value is not None:
            stars[name] = np.atleast_1d(value)
    with pytest.raises(ValueError, match=message):
        project(stars, quantity, *view)


@settings(max_examples=25, deadline=None)
@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(0, 180))
def test_off_centre_field_is_the_centred_field_of_shifted_stars(right, up, inclination):
    stars = cloud(300)
    seen = project_many(stars, ("surface_density", "v_los"), inclination, 30, 1.5, 6, (right, up))
    # Move the stars by the same vector on the sky instead: v_los has no say in it.
    i, a = np.deg2rad([inclination, 30])
    moved = dict(stars)
    moved["x"] = stars["x"] - right * np.cos(a) - up * np.sin(a) * np.cos(i)
    moved["y"] = stars["y"] + right * np.sin(a) - up * np.cos(a) * np.cos(i)
    moved["z"] = stars["z"] - up * np.sin(i)
    expected = project_many(moved, ("surface_density", "v_los"), inclination, 30, 1.5, 6)
    # a star within rounding of a pixel's edge may fall on either side of it
    same = np.isclose(seen["v_los"].values.filled(-1e9), expected["v_los"].values.filled(-1e9))
    assert same.mean() > 0.9
    assert seen["v_los"].extent == pytest.approx((right - 1.5, right + 1.5, up - 1.5, up + 1.5))
    # far from the centre there may be no star at all
    total, other = (maps["surface_density"].values.filled(0.0).sum() for maps in (seen, expected))
    assert total == pytest.approx(other, rel=0.05)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_the_columns_needed_suffice(quantity):
    stars = cloud(50)
    few = {name: stars[name] for name in columns_needed(quantity)}
    np.testing.assert_array_equal(
        project(few, quantity, 30, 40, 3, 5).values, project(stars, quantity, 30, 40, 3, 5).values
    )


def test_columns_of_an_unknown_quantity_are_refused():
    with pytest.raises(ValueError, match=r"unknown map quantities \['colour'\]"):
        columns_needed("colour")


def test_labels_of_maps_are_those_of_their_columns():
    assert [q.axis_label for q in QUANTITIES.values()] == [
        "surface density [M☉ kpc⁻²]",
        "mean age [Gyr]",
        "mean [Fe/H] [dex]",
        "mean [O/Fe] [dex]",
        "v (line of sight) [km s⁻¹]",
        "σ (line of sight) [km s⁻¹]",
    ]
    assert QUANTITIES["mean_o_fe"].description == "mass-weighted mean [O/Fe]"


def test_variances_are_those_of_the_stars_of_a_pixel():
    """Against each pixel on its own, by plain averages of its stars."""
    stars, bins = cloud(329), 4
    measured = measure_many(stars, QUANTITIES, 0, 0, 2, bins)
    column, row = (np.floor(stars[name] + 2) for name in ("x", "y"))
    for i, j in np.ndindex(bins, bins):
        own = (row == i) & (column == j)
        mass = stars["mass"][own]
        freedom = mass.sum() ** 2 / (mass**2).sum() - 1
        expected = {"surface_density": (mass**2).sum()}
        for name, of in (("mean_fe_h", "fe_h"), ("v_los", "vz"), ("sigma_los", "vz")):
            offset = stars[of][own] - np.average(stars[of][own], weights=mass)
            second, fourth = (np.average(offset**k, weights=mass) for k in (2, 4))
            expected[name] = second / freedom
        expected["sigma_los"] = (fourth - second**2) / (4 * second) / freedom
        for name, variance in expected.items():
            assert measured[name].variance[i, j] == pytest.approx(variance)
            assert measured[name].counts[i, j] == own.sum()
            enough = own.sum() >= {"surface_density": 1, "sigma_los": 20}.get(name, 6)
            assert measured[name].map.values.mask[i, j] == (not enough)
    assert {5, 6, 19, 20} <= set(measured["v_los"].counts.ravel())  # on both sides of enough


def test_variances_survive_a_large_common_velocity():
    stars = cloud()
    fast = stars | {"vz": stars["vz"] + 1e6}
    for name in ("v_los", "sigma_los"):
        still, moved = (measure(s, name, 0, 0, 2, 8).variance for s in (stars, fast))
        np.testing.assert_allclose(moved, still, rtol=1e-6)
