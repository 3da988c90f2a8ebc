import healpy
import numpy as np
import pytest
from astropy import units as u
from matplotlib.colors import LogNorm
from scipy.stats import binned_statistic, chi2

from galflowlab import sky
from galflowlab.sky.mollweide import project
from galflowlab.sky.pooling import pooled

OBSERVER = sky.Observer((8.0, 0.0, -0.02), (0.0, 220.0, 0.0))
MAPS = list(sky.QUANTITIES)


def around(observer, directions, distance):
    """Positions of stars in the given Galactic directions, shape (3, star)."""
    position = observer.axes.T @ directions * distance + np.array(observer.position)[:, None]
    return dict(zip("xyz", position, strict=True))


def shell(n=4000, seed=0, distance=(0.5, 9.0)):
    """Stars spread evenly over the sky of the observer."""
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(3, n))
    directions /= np.linalg.norm(directions, axis=0)
    stars = around(OBSERVER, directions, rng.uniform(*distance, n))
    stars |= {name: rng.normal(0, 100, n) for name in ("vx", "vy", "vz", "fe_h", "o_fe")}
    return stars | {"age": rng.uniform(0, 13, n), "mass": rng.uniform(1, 2, n)}


def disc(n=20_000, seed=0):
    """Stars in a thin disc, so that few are far from the plane."""
    rng = np.random.default_rng(seed)
    stars = shell(n, seed)
    return stars | {name: rng.normal(0, w, n) for name, w in zip("xyz", (4, 4, 0.3), strict=True)}


def test_an_even_shell_gives_an_even_map():
    seen = sky.healpix_map(sky.sightlines(shell(12_000), OBSERVER), 4, "counts")
    expected = 12_000 / 192
    excess = ((seen.values.filled(0) - expected) ** 2).sum() / expected
    assert chi2(191).ppf(0.001) < excess < chi2(191).ppf(0.999)


def test_pixels_are_those_of_healpy():
    stars = disc(2000)
    table = sky.observe(stars, OBSERVER)
    l, b = table["l"].to_value(u.deg), table["b"].to_value(u.deg)  # noqa: E741
    pixel = healpy.ang2pix(8, l, b, lonlat=True)
    shell_ = (table["distance"] >= 2 * u.kpc) & (table["distance"] < 6 * u.kpc)
    expected = [np.count_nonzero(pixel[shell_] == p) for p in range(768)]
    for seen, reach in (
        (sky.sightlines(stars, OBSERVER), (2, 6)),
        (table, (2, 6)),
        (table, (2000, 6000) * u.pc),
    ):
        found = sky.healpix_map(seen, 8, "counts", distance=reach)
        assert found.distance == (2, 6)
        np.testing.assert_array_equal(found.counts, expected)
        np.testing.assert_array_equal(found.values.filled(0), expected)
    every = sky.healpix_maps(table, 8, ("mean_age", "v_los", "sigma_los"))
    for name, column, statistic in (
        ("v_los", table["v_los"].value, "mean"),
        ("sigma_los", table["v_los"].value, lambda v: np.std(v, ddof=1) if len(v) > 1 else 0),
        ("mean_age", table["age"].value, "mean"),
    ):
        equal = dict(stars, mass=np.ones(2000))
        found = sky.healpix_map(sky.sightlines(equal, OBSERVER), 8, name).values
        edges = np.arange(769) - 0.5
        expected = binned_statistic(pixel, column, statistic, bins=edges)[0]
        valid = ~np.ma.getmaskarray(found)
        np.testing.assert_allclose(found[valid], expected[valid], rtol=1e-9, atol=1e-9)
        assert every[name].counts.sum() == 2000


@pytest.mark.parametrize("min_stars", [1, 30])
def test_stars_and_mass_are_conserved(min_stars):
    stars = disc()
    seen = sky.sightlines(stars, OBSERVER)
    names = ("counts", "mass", "surface_density")
    every = sky.healpix_maps(seen, 16, names, min_stars=min_stars)
    assert every["counts"].values.sum() == pytest.approx(20_000)
    assert every["counts"].counts.sum() == 20_000
    total = every["mass"].values.sum() * every["mass"].pixel_area
    assert total == pytest.approx(stars["mass"].sum())
    flux = every["surface_density"].values.sum() * healpy.nside2pixarea(16)
    assert flux == pytest.approx((stars["mass"] / seen.distance**2).sum())
    shells = [
        sky.healpix_map(seen, 16, "counts", distance=d, min_stars=min_stars)
        for d in ((0, 3), (3, 8), (8, np.inf))
    ]
    assert sum(s.values.sum() for s in shells) == pytest.approx(20_000)


def test_the_surface_density_of_an_even_ball_is_its_density_times_its_radius():
    rng = np.random.default_rng(1)
    n, radius = 40_000, 5.0
    stars = shell(n) | {"mass": np.full(n, 1e5)}
    directions = sky.sightlines(stars, OBSERVER).directions
    stars |= around(OBSERVER, directions, radius * rng.uniform(0.001, 1, n) ** (1 / 3))
    found = sky.healpix_map(sky.sightlines(stars, OBSERVER), 1, "surface_density")
    density = n * 1e5 / (4 / 3 * np.pi * radius**3)
    along = 0.9 * radius / 0.999  # a hole of a tenth of the radius is left out
    assert found.values.mean() == pytest.approx(density * along, rel=0.02)


def test_means_and_dispersions_are_weighted_by_mass():
    ahead = around(OBSERVER, np.tile([[0.0], [0.6], [0.8]], 2), np.array([1.0, 2.0]))
    along = OBSERVER.axes.T @ [0.0, 0.6, 0.8]
    speed = np.outer(along, [0.0, 30.0]) + np.array(OBSERVER.velocity)[:, None]
    stars = ahead | dict(zip(("vx", "vy", "vz"), speed, strict=True))
    stars |= {"mass": np.array([1.0, 2.0]), "age": np.array([3.0, 6.0])}
    every = sky.healpix_maps(sky.sightlines(stars, OBSERVER), 1, ("v_los", "sigma_los", "mean_age"))
    assert every["v_los"].values.compressed() == pytest.approx(20)
    assert every["sigma_los"].values.compressed() == pytest.approx(np.sqrt(200 / (1 - 5 / 9)))
    assert every["mean_age"].values.compressed() == pytest.approx(5)


@pytest.mark.parametrize("min_stars", [1, 4])
def test_dispersion_does_not_fall_in_poor_pixels(min_stars):
    stars, rng = shell(6000), np.random.default_rng(4)
    stars |= {"mass": rng.lognormal(0, 1, 6000)}
    stars |= {name: rng.normal(0, 50, 6000) for name in ("vx", "vy", "vz")}
    seen = sky.sightlines(stars, OBSERVER)
    seen.v_los[:] = rng.normal(0, 50, 6000)
    sigma = sky.healpix_map(seen, 16, "sigma_los", min_stars=min_stars)
    assert (sigma.values**2).mean() == pytest.approx(2500, rel=0.08)


def test_empty_pixels_are_masked_and_nan():
    one = {name: values[:1] for name, values in shell().items()}
    every = sky.healpix_maps(sky.sightlines(one, OBSERVER), 2, MAPS)
    for name, found in every.items():
        assert found.values.shape == (48,)
        assert found.values.count() == (0 if name == "sigma_los" else 1)  # of a single star
        assert np.isnan(found.values.data[found.values.mask]).all()
    massless = sky.sightlines(shell(50) | {"mass": np.zeros(50)}, OBSERVER)
    none = sky.sightlines({name: values[:0] for name, values in shell().items()}, OBSERVER)
    for name in MAPS:
        found = sky.healpix_map(massless, 2, name)
        occupied = np.count_nonzero(found.counts) if name == "counts" else 0
        assert found.values.count() == occupied
        assert sky.healpix_map(none, 2, name, min_stars=5).values.count() == 0


def test_pools_hold_enough_stars_and_rich_pixels_stay_as_they_are():
    seen = sky.sightlines(disc(), OBSERVER)
    fine = sky.healpix_map(seen, 16, "mean_age")
    region = pooled(fine.counts, 16, 20)
    stars = np.bincount(region, fine.counts)
    base = healpy.ring2nest(16, np.arange(3072)) // 256
    for r in np.flatnonzero(stars < 20):  # all that is poor in one of the twelve
        (home,) = np.unique(base[region == r])
        assert np.all((fine.counts >= 20) | (stars[region] >= 20) | (region == r) | (base != home))
    rich = fine.counts >= 20
    assert 50 < rich.sum() < 2500
    assert (np.bincount(region)[region[rich]] == 1).all()
    merged = sky.healpix_map(seen, 16, "mean_age", min_stars=20)
    np.testing.assert_array_equal(merged.values[rich], fine.values[rich])
    assert len(np.unique(merged.values.compressed())) <= region.max() + 1
    # Pools are as small as can be: four siblings that have enough together stay together.
    four = np.zeros(192, dtype=int)
    four[healpy.nest2ring(4, np.arange(8, 12))] = (5, 6, 1, 0)
    four[healpy.nest2ring(4, 12)] = 30
    together = pooled(four, 4, 10)[healpy.nest2ring(4, np.arange(16))]
    assert len({*together[8:12]}) == 1
    assert not {*together[8:12], together[12]} & {*together[:8], *together[13:]}


def test_maps_know_their_units():
    seen = sky.sightlines(shell(100), OBSERVER)
    for name, found in sky.healpix_maps(seen, 1, MAPS).items():
        assert (found.unit, found.nside) == (sky.QUANTITIES[name].unit, 1)
        assert found.axis_label.startswith(found.label)
    assert found.pixel_area == pytest.approx(41253 / 12, rel=1e-4)
    assert found.distance == (0, np.inf)


@pytest.mark.parametrize(("stars", "nside"), [(0, 1), (119, 1), (480, 2), (20_000, 8), (10**6, 64)])
def test_finer_maps_for_more_stars(stars, nside):
    assert sky.nside_for(stars) == nside
    assert sky.nside_for(4 * stars, stars_per_pixel=40) == nside


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"nside": 3}, "power of two to 4096, got 3"),
        ({"nside": 0}, "power of two"),
        ({"nside": 2.5}, "power of two"),
        ({"nside": np.nan}, "power of two"),
        ({"nside": 8192}, "power of two"),
        ({"quantity": "age"}, r"unknown sky quantities \['age'\]"),
        ({"distance": (3, 3)}, "distances from 0 kpc that increase"),
        ({"distance": (-1, 3)}, "distances from 0 kpc that increase"),
        ({"distance": (0, np.nan)}, "distances from 0 kpc that increase"),
        ({"min_stars": 0}, "whole number of min_stars"),
        ({"min_stars": np.inf}, "whole number of min_stars"),
        ({"distance": (0, 1, 2)}, "two distances from 0 kpc"),
        ({"distance": 3}, "two distances from 0 kpc"),
        ({"distance": (1, 3) * u.km / u.s}, "distance should be in kpc"),
        ({"min_stars": 1.5}, "whole number of min_stars"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    seen = sky.sightlines(shell(10), OBSERVER)
    with pytest.raises(ValueError, match=message):
        sky.healpix_map(seen, **{"nside": 4, "quantity": "counts"} | arguments)


@pytest.mark.parametrize("arguments", [(-1,), (np.nan,)])
def test_a_bad_number_of_stars_is_refused(arguments):
    with pytest.raises(ValueError, match="at least 0 stars"):
        sky.nside_for(*arguments)
    with pytest.raises(ValueError, match="more than 0 per pixel"):
        sky.nside_for(10, stars_per_pixel=0)


def test_damaged_columns_are_refused():
    stars = shell(10)
    for damaged, message in (
        (stars | {"age": np.full(10, np.nan)}, "'age' has 10 values that are not finite"),
        (stars | {"age": np.zeros(3)}, "'age' has 3 stars, not 10"),
        (stars | {"mass": -stars["mass"]}, "negative"),
        ({name: v for name, v in stars.items() if name != "age"}, "missing star column 'age'"),
    ):
        with pytest.raises(ValueError, match=message):
            sky.healpix_map(sky.sightlines(damaged, OBSERVER), 2, "mean_age")
    still = sky.sightlines({name: stars[name] for name in ("x", "y", "z", "mass")}, OBSERVER)
    with pytest.raises(ValueError, match="no velocities"):
        sky.healpix_map(still, 2, "v_los")


@pytest.mark.parametrize("nside", [1, 8, 64])
def test_the_look_up_draws_what_healpy_draws(nside):
    values = np.random.default_rng(0).normal(size=12 * nside**2)
    # healpy's own drawing, with the longitude to the left.
    projection = healpy.projector.MollweideProj(xsize=400)
    expected = projection.projmap(values, lambda *vector: healpy.vec2pix(nside, *vector))
    pixels = sky.mollweide_pixels(nside, 400)
    assert pixels.shape == (200, 400)
    np.testing.assert_array_equal(pixels < 0, np.isinf(expected))
    np.testing.assert_array_equal(values[pixels[pixels >= 0]], expected[pixels >= 0])
    assert np.mean(pixels >= 0) == pytest.approx(np.pi / 4, abs=0.01)
    assert set(np.unique(pixels)) == {-1, *range(12 * nside**2)} or nside == 64
    assert not pixels.flags.writeable


def test_the_middle_of_the_picture_is_the_centre_and_longitude_increases_to_the_left():
    pixels = sky.mollweide_pixels(64, 800)
    for l, b in ((0, 0), (90, 0), (270, 0), (30, 60), (350, -45), (179, 0)):  # noqa: E741
        x, y = project(l, b)
        row, column = round((y + 1) / 2 * 399), round((x + 2) / 4 * 799)
        seen = np.array(healpy.pix2vec(64, pixels[row, column]))
        assert seen @ healpy.ang2vec(l, b, lonlat=True) > np.cos(np.deg2rad(1.5))
    assert project(90, 0)[0] == pytest.approx(-1)
    assert project(180, 0)[0] == pytest.approx(-2)
    assert project(0, 90)[1] == pytest.approx(1)


@pytest.mark.parametrize("stars", [disc(500), shell(20_000)])
def test_the_raster_is_masked_outside_and_where_no_star_is(stars):
    found = sky.healpix_map(sky.sightlines(stars, OBSERVER), 8, "mean_age")
    raster = sky.mollweide_raster(found, 200)
    pixels = sky.mollweide_pixels(8, 200)
    empty = np.ma.getmaskarray(found.values)
    np.testing.assert_array_equal(raster.mask, (pixels < 0) | empty[pixels])
    seen = ~raster.mask
    np.testing.assert_array_equal(raster[seen], found.values[pixels[seen]])
    assert empty.any() == (len(stars["x"]) == 500)


def test_lines_of_the_graticule_lie_on_the_ellipse_and_where_they_belong():
    lines = sky.graticule(60, 30)
    assert len(lines) == 6 + 5
    for x, y in lines:
        assert np.max(x**2 / 4 + y**2) <= 1 + 1e-6
        assert np.isfinite([x, y]).all()
        assert np.abs(np.diff(x)).max() < 0.2  # no line jumps across the picture
    np.testing.assert_allclose(lines[2][0], 0, atol=1e-12)
    with pytest.raises(ValueError, match="at least 1 degree"):
        sky.graticule(0, 30)


@pytest.mark.parametrize("width", [15, 17, 0, np.nan, 10_000])
def test_bad_widths_are_refused(width):
    with pytest.raises(ValueError, match="even width"):
        sky.mollweide_pixels(4, width)


def test_the_figure_shows_each_map_with_its_unit(tmp_path):
    every = sky.healpix_maps(
        sky.sightlines(disc(3000), OBSERVER), 8, ("surface_density", "v_los", "mean_fe_h")
    )
    near = sky.healpix_map(sky.sightlines(disc(3000), OBSERVER), 8, "v_los", distance=(0, 3))
    figure = sky.mollweide_figure(*every.values(), near, width=200)
    skies = [axes for axes in figure.axes if axes.get_images()]
    labels = [axes.get_xlabel() for axes in figure.axes if not axes.get_images()]
    assert labels == [m.axis_label for m in (*every.values(), near)]
    assert [axes.get_title() for axes in skies] == ["", "", "", "0 to 3 kpc"]
    density, velocity = (axes.get_images()[0] for axes in skies[:2])
    assert isinstance(density.norm, LogNorm)
    assert velocity.norm.vmin == -velocity.norm.vmax
    raster = sky.mollweide_raster(every["v_los"], 200)
    np.testing.assert_array_equal(velocity.get_array().mask, raster.mask)
    figure.savefig(tmp_path / "sky.png")
    assert (tmp_path / "sky.png").stat().st_size > 10_000


@pytest.mark.parametrize("quantity", MAPS)
def test_a_sky_without_stars_can_be_drawn(quantity, tmp_path):
    nobody = {name: values[:0] for name, values in shell(1).items()}
    found = sky.healpix_map(sky.sightlines(nobody, OBSERVER), 1, quantity)
    sky.mollweide_figure(found, width=32).savefig(tmp_path / "sky.png", dpi=20)
    with pytest.raises(ValueError, match="at least one map"):
        sky.mollweide_figure()
