"""Skies as bytes: known stars at known pixels, limits that stay, plain data."""

import json
import zlib

import numpy as np
import pytest
from galflowlab_widgets import sky_drawing
from galflowlab_widgets.rendering import PALETTES
from galflowlab_widgets.scales import Scales, to_bytes
from galflowlab_widgets.sky_drawing import count_limits, field, net, quantities, sky

from galflowlab.maps import QUANTITIES
from galflowlab.schema import EDF_COLUMNS, PHASE_SPACE
from galflowlab.sky import Observer, mollweide_pixels

HERE = Observer((8.0, 0.0, 0.0), (0.0, 200.0, 0.0))
EACH = 5000
# Places seen from there, and where they are on the ellipse: fractions to the right and up.
PLACES = {
    "centre": ([0.0, 0.0, 0.0], (0.5, 0.5)),
    "ahead": ([8.0, 3.0, 0.0], (0.25, 0.5)),
    "behind": ([8.0, -3.0, 0.0], (0.75, 0.5)),
    "north": ([8.0, 0.0, -2.0], (0.5, 1.0)),
    "south": ([8.0, 0.0, 4.0], (0.5, 0.0)),
}


def clumps(names, each=EACH):
    """Many stars at rest in each of some places."""
    positions = np.repeat([PLACES[name][0] for name in names], each, axis=0).astype(np.float32)
    stars = dict(zip("xyz", positions.T, strict=True))
    n = len(positions)
    stars |= {name: np.zeros(n, np.float32) for name in ("vx", "vy", "vz")}
    return stars | {"age": np.full(n, 5.0), "mass": np.full(n, 1e4)}


def levels(drawn):
    size = drawn.frame["height"], drawn.frame["width"]
    return np.frombuffer(zlib.decompress(drawn.pixels), np.uint8).reshape(size)


def level_at(drawn, fractions):
    """Highest level near a place, where pixels of the sky may meet."""
    picture = levels(drawn)
    row, column = (round(f * (n - 1)) for f, n in zip(fractions[::-1], picture.shape, strict=True))
    return int(picture[max(row - 6, 0) : row + 7, max(column - 6, 0) : column + 7].max())


@pytest.mark.parametrize("name", PLACES)
def test_a_clump_of_stars_is_where_it_should_be_and_nowhere_else(name):
    place = PLACES[name][1]
    drawn = sky(clumps([name], 15_000), HERE, "counts", count_limits(15_000))
    lit = np.argwhere(levels(drawn)) / (np.array(levels(drawn).shape) - 1)
    assert len(lit) > 0
    # along the rim a row goes on beyond the ellipse, which the browser cuts off
    rows = lit[:, 0] if place[0] == 0.5 and place[1] in (0, 1) else lit
    assert np.abs(rows - (place[1] if rows.ndim == 1 else place[::-1])).max() < 0.05
    assert level_at(drawn, place) > 0


def test_levels_are_stars_per_square_degree():
    drawn = sky(clumps(PLACES), HERE, "counts", (0.0, 4.0))
    area = 41252.96125 / (12 * drawn.nside**2)
    expected = int(to_bytes(np.ma.array([np.log10(EACH / area)]), 0.0, 4.0)[0])
    assert level_at(drawn, PLACES["ahead"][1]) == expected
    assert (drawn.stars, drawn.nside) == (5 * EACH, 16)
    assert drawn.frame["label"] == "stars [deg⁻²]"
    assert [text for _, text in drawn.frame["ticks"]] == ["10⁰", "10¹", "10²", "10³", "10⁴"]


def test_counts_of_a_preview_are_those_of_all_stars():
    few, many = clumps(PLACES, 4000), clumps(PLACES, 8000)
    preview = sky(few, HERE, "counts", (0.0, 4.0), total=40_000)
    whole = sky(many, HERE, "counts", (0.0, 4.0), total=40_000)
    assert preview.nside == whole.nside
    assert 1 < level_at(whole, PLACES["ahead"][1]) < 255
    np.testing.assert_array_equal(levels(preview), levels(whole))
    assert [s.frame["state"] for s in (preview, whole)] == ["preview", "settled"]


@pytest.mark.parametrize("total", [1, 20_000, 200_000, 1_000_000])
def test_limits_of_counts_hold_an_even_sky_and_a_single_star(total):
    low, high = count_limits(total)
    even = np.log10(total / 41252.96)
    assert low < even < high
    assert high - low == 3.5
    if total > 100:
        nside = sky_drawing.nside_for(total, stars_per_pixel=4.0)
        assert low <= np.log10(12 * nside**2 / 41252.96)


def test_velocities_are_relative_to_the_observer():
    """Who moves at 200 km/s nears what is ahead and leaves what is behind."""
    drawn = sky(clumps(PLACES), HERE, "v_los", (-300.0, 300.0))
    for name, speed in (("ahead", -200), ("behind", 200), ("centre", 0)):
        expected = int(to_bytes(np.ma.array([speed]), -300.0, 300.0)[0])
        assert abs(level_at(drawn, PLACES[name][1]) - expected) <= 1
    assert level_at(drawn, (0.4, 0.7)) == 0  # nothing there: unknown, not zero


def test_a_shell_holds_only_the_stars_at_its_distances():
    stars = clumps(PLACES)
    near = sky(stars, HERE, "counts", count_limits(5 * EACH), distance=(2.5, 3.5))
    assert near.stars == 2 * EACH
    assert level_at(near, PLACES["ahead"][1]) > 0
    assert level_at(near, PLACES["centre"][1]) == 0
    assert "2.5 to 3.5 kpc" in near.alt
    far = sky(stars, HERE, "counts", count_limits(5 * EACH), distance=(7.0, np.inf))
    assert far.stars == EACH
    assert "beyond 7 kpc" in far.alt


@pytest.mark.parametrize("quantity", ["counts", "mean_age", "v_los"])
def test_an_empty_shell_is_an_empty_sky(quantity):
    drawn = sky(clumps(PLACES), HERE, quantity, (0.0, 3.0), distance=(20.0, 30.0))
    assert drawn.stars == 0
    assert not levels(drawn).any()


def test_the_picture_has_a_pixel_of_the_sky_everywhere():
    pixels, lookup = mollweide_pixels(16, sky_drawing.WIDTH), sky_drawing._lookup(16)
    inside = pixels >= 0
    np.testing.assert_array_equal(lookup[inside], pixels[inside])
    assert lookup.min() >= 0
    middle = lookup.shape[0] // 2 + 7
    assert lookup[middle, 0] == pixels[middle][inside[middle]][0]


def test_the_net_has_longitude_growing_to_the_left_and_north_up():
    drawn = net()
    lines = np.concatenate([np.array(line) for line in drawn["lines"]])
    assert lines.min() >= 0
    assert lines.max() <= 1
    across = {text: x for x, _, text in drawn["longitudes"]}
    assert across["120°"] < across["60°"] < across["0°"] == 0.5 < across["300°"] < across["240°"]
    up = {text: (x, y) for x, y, text in drawn["latitudes"]}
    assert up["0°"] == (0.0, 0.5)
    assert up["−60°"][1] < up["−30°"][1] < 0.5 < up["60°"][1]
    assert up["60°"][0] == up["−60°"][0] > up["30°"][0] > 0


def test_the_field_shows_the_galaxy_as_looking_down_its_spin():
    stars = clumps(["ahead"]) | {"age": np.zeros(EACH)}
    drawn = field(stars, 10.0, Scales(10.0, {"surface_density": (4.0, 8.0)}))
    picture = np.frombuffer(drawn.pixels, np.uint8).reshape(drawn.bins, drawn.bins)
    ((row, column),) = np.argwhere(picture)
    assert (column, row) == (int(0.9 * drawn.bins), int(0.65 * drawn.bins))
    assert drawn.axes["x"]["label"] == "x [kpc]"
    assert "20 kpc across" in drawn.alt


def test_quantities_are_those_of_the_columns_and_have_a_palette():
    assert quantities(PHASE_SPACE) == ("counts", "v_los", "sigma_los")
    every = quantities(EDF_COLUMNS)
    assert set(every) == {"counts", *QUANTITIES} - {"surface_density"}
    for name in every:
        named = "surface_density" if name == "counts" else name
        assert sky_drawing._PALETTE[name] == list(PALETTES).index(named)


@pytest.mark.parametrize("quantity", ["counts", "mean_age", "v_los", "sigma_los"])
def test_a_frame_is_plain_data(quantity):
    drawn = sky(clumps(PLACES), HERE, quantity, (0.0, 10.0))
    assert json.loads(json.dumps(drawn.frame, allow_nan=False))["width"] == sky_drawing.WIDTH
    assert max(levels(drawn).flat) > 0
    json.dumps(net(), allow_nan=False)


def test_stars_that_are_not_finite_are_refused():
    stars = clumps(PLACES)
    stars["y"][7] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        sky(stars, HERE, "counts", (0.0, 3.0))
    with pytest.raises(ValueError, match="missing star column 'fe_h'"):
        sky(clumps(PLACES), HERE, "mean_fe_h", (0.0, 3.0))
