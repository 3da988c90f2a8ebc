import json

import numpy as np
import pytest
from galflowlab_widgets.rendering import PALETTES, View, palettes, picture
from galflowlab_widgets.scales import (
    Scales,
    decade_ticks,
    density_limits,
    field_half_width,
    linear_ticks,
    nice_length,
    shown,
    to_bytes,
)
from galflowlab_widgets.still import as_html, png

from galflowlab.maps import QUANTITIES, project
from galflowlab.schema import EDF_COLUMNS, PHASE_SPACE


def disc(n=4000, size=4.0, seed=0):
    rng = np.random.default_rng(seed)
    stars = {name: size * rng.normal(size=n) for name in "xy"} | {"z": 0.2 * rng.normal(size=n)}
    stars |= {name: 50 * rng.normal(size=n) for name in ("vx", "vy", "vz")}
    stars |= {"fe_h": rng.normal(-0.4, 0.3, n), "o_fe": rng.normal(0.2, 0.05, n)}
    return stars | {"age": rng.uniform(2, 6, n), "mass": np.full(n, 1e6)}


def drawn(stars, view=None, **options):
    view = view or View()
    return picture(stars, view, Scales.of(stars, view.quantities), **options)


def test_bytes_keep_zero_for_empty_pixels():
    values = np.ma.MaskedArray([[0.0, 14.0, 7.0], [-5.0, 99.0, np.nan]], mask=[[0] * 3, [0, 0, 1]])
    assert to_bytes(values, 0, 14).tolist() == [[1, 255, 128], [1, 255, 0]]


def test_palettes_are_rgba_and_only_unknown_is_transparent():
    tables = np.frombuffer(palettes(), np.uint8).reshape(len(PALETTES), 256, 4)
    assert set(PALETTES) == {*QUANTITIES, "difference"}
    for table, quantity in zip(tables, PALETTES, strict=True):
        if quantity == "surface_density":
            assert table[0].tolist() == table[1].tolist()
        else:
            assert table[0, 3] == 0
    assert (tables[:, 1:, 3] == 255).all()


@pytest.mark.parametrize("factor", [0.01, 0.3, 1, 8, 1000])
def test_the_field_holds_nearly_all_stars_at_every_size(factor):
    stars = disc(size=factor)
    width = field_half_width(stars)
    radius = np.hypot(stars["x"], stars["y"])
    assert np.mean(radius < width) > 0.95 or factor == 0.01  # thicker than wide there
    assert width < 8 * max(factor, 0.2)
    assert f"{width:.0e}"[0] in "123457"


def test_the_field_seldom_changes_with_the_stars():
    widths = [field_half_width(disc(size=size)) for size in np.linspace(3, 6, 100)]
    assert widths == sorted(widths)
    assert len(set(widths)) <= 4


def test_the_density_scale_does_not_depend_on_the_number_of_stars():
    many = disc(200_000)
    many["mass"] = np.full(200_000, 1e10 / 200_000)
    few = {name: values[:20_000] for name, values in many.items()}
    few["mass"] = np.full(20_000, 1e10 / 20_000)
    limits = [Scales.of(s, ("surface_density",)).limits["surface_density"] for s in (many, few)]
    assert abs(limits[0][1] - limits[1][1]) <= 0.5
    assert all(high - low == 4.5 for low, high in limits)
    face_on = project(many, "surface_density", 0, 0, 10, 128)
    assert 0 <= density_limits([face_on])[1] - np.log10(face_on.values.max()) <= 0.5


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_quantity_has_limits_that_hold_most_of_its_pixels(quantity):
    stars = disc()
    scales = Scales.of(stars, (quantity,))
    levels = scales.levels(project(stars, quantity, 90, 0, scales.half_width, 32))
    shown_levels = levels[levels > 0]
    assert np.mean((shown_levels > 1) & (shown_levels < 255)) > 0.6
    assert 2 <= len(scales.ticks(quantity)) <= 10


def test_limits_are_round_and_suit_the_quantity():
    assert Scales.of(disc(), tuple(QUANTITIES)).limits == {
        "surface_density": (4.5, 9.0),  # of log10
        "mean_age": (0.0, 14.0),
        "mean_fe_h": (-1.0, 0.5),
        "mean_o_fe": (0.1, pytest.approx(0.3)),
        "v_los": (-100.0, 100.0),
        "sigma_los": (0.0, 150.0),
    }


def test_the_velocity_scale_is_symmetric_so_that_white_is_rest():
    low, high = Scales.of(disc(), ("v_los",)).limits["v_los"]
    assert low == -high


def test_only_what_the_columns_allow_is_offered():
    assert shown(EDF_COLUMNS) == tuple(QUANTITIES)
    assert shown(PHASE_SPACE) == ("surface_density", "v_los", "sigma_los")
    assert shown(("x", "y", "z", "age")) == ("surface_density", "mean_age")


def test_a_picture_is_plain_data_and_depends_on_nothing_but_its_input():
    first, second = drawn(disc()), drawn(disc())
    assert first == second
    assert json.loads(json.dumps(first.frame))["bins"] == 128
    assert len(first.pixels) == 4 * 128**2
    assert first.frame["columns"][0] == {"title": "face-on", "x": "x [kpc]", "y": "y [kpc]"}
    assert first.frame["columns"][1] == {"title": "edge-on", "x": "x [kpc]", "y": "z [kpc]"}
    assert [row["label"] for row in first.frame["rows"]] == [
        "surface density [M☉ kpc⁻²]",
        "mean age [Gyr]",
    ]
    assert "face-on and edge-on" in first.alt


def test_the_words_give_the_context():
    said = drawn(disc(), context={"log10_mstar": 10.31249, "age_p50": 6.0}).alt
    assert "log10 M* = 10.3125" in said
    assert "median age = 6.0000" in said


def test_panels_are_in_reading_order_and_start_at_the_bottom():
    stars = disc()
    stars["y"] = np.abs(stars["y"])
    panels = np.frombuffer(drawn(stars).pixels, np.uint8).reshape(4, 128, 128)
    assert not panels[0, :60].any()
    assert panels[0, 70].any()
    assert panels[1, 60:68].any()
    assert not panels[1, 80:].any()
    assert 1 + 254 * 3 / 14 < np.median(panels[2][panels[2] > 0]) < 1 + 254 * 5 / 14


def test_a_view_moves_the_field_and_its_axes():
    stars = disc()
    view = View(("v_los", "mean_fe_h"), inclination=40.0, azimuth=20.0, centre=(3, 1), half_width=2)
    seen = drawn(stars, view)
    assert seen.field == (3, 1, 2)
    assert seen.direction == (40.0, 20.0)
    assert [text for _, text in seen.frame["xticks"]] == ["1", "2", "3", "4", "5"]
    assert seen.frame["columns"][1]["title"] == "inclination 40°"
    assert seen.frame["columns"][0]["x"] == "x′ [kpc]"
    centre = drawn(stars, View(("v_los", "mean_fe_h"), half_width=2))
    assert seen.pixels != centre.pixels


@pytest.mark.parametrize("half_width", [0.013, 0.7, 1, 15, 444])
def test_the_scale_bar_is_round_and_fits(half_width):
    frame = drawn(disc(), View(half_width=half_width)).frame
    length = nice_length(half_width)
    assert f"{length:.3g}".strip("0.")[0] in "125"
    assert 0.08 < frame["scale_bar"]["fraction"] <= 0.25
    assert frame["scale_bar"]["fraction"] == pytest.approx(length / (2 * half_width))
    assert frame["scale_bar"]["label"] == f"{length:g} kpc"


def test_stars_at_one_point_have_no_extent():
    stars = {name: np.zeros(5) for name in (*EDF_COLUMNS, "mass")}
    with pytest.raises(ValueError, match="extent"):
        drawn(stars)


def test_ticks_are_round_few_and_inside():
    assert linear_ticks(-10, 10) == [
        (i / 4, t) for i, t in enumerate(["−10", "−5", "0", "5", "10"])
    ]
    assert [text for _, text in linear_ticks(0, 14, 8)] == [str(2 * i) for i in range(8)]
    assert [text for _, text in linear_ticks(-0.5, 1.0)] == ["−0.5", "0.0", "0.5", "1.0"]
    for width in (0.15, 1, 1.5, 2, 3, 5, 7, 70, 3000):
        ticks = linear_ticks(-width, width)
        assert 3 <= len(ticks) <= 7
        assert all(0 <= fraction <= 1 for fraction, _ in ticks)
    assert decade_ticks(5.5, 8) == [(0.2, "10⁶"), (0.6, "10⁷"), (1.0, "10⁸")]
    assert decade_ticks(-1, 0)[0] == (0.0, "10⁻¹")


def test_a_still_shows_the_picture_with_its_axes():
    seen = drawn(disc(), ghost=[[[[0.1, 0.1], [0.9, 0.9]]], []])
    file = png(seen)
    assert file.startswith(b"\x89PNG")
    assert len(file) < 400_000
    assert file != png(drawn(disc(seed=1)))
    assert seen.alt in as_html(seen)
    assert 'class="gfl-still"' in as_html(seen)
