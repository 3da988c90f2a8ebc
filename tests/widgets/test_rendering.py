import json

import numpy as np
import pytest
from galflowlab_widgets.canvas import MapCanvas
from galflowlab_widgets.controls import widened
from galflowlab_widgets.rendering import (
    decade_ticks,
    field_half_width,
    linear_ticks,
    palettes,
    picture,
    to_bytes,
)


def disc(n=4000, size=4.0, seed=0):
    rng = np.random.default_rng(seed)
    stars = {name: size * rng.normal(size=n) for name in "xy"} | {"z": 0.2 * rng.normal(size=n)}
    return stars | {"age": rng.uniform(2, 6, n), "mass": np.full(n, 1e6)}


def test_bytes_keep_zero_for_empty_pixels():
    values = np.ma.MaskedArray([[0.0, 14.0, 7.0], [-5.0, 99.0, np.nan]], mask=[[0] * 3, [0, 0, 1]])
    assert to_bytes(values, 0, 14).tolist() == [[1, 255, 128], [1, 255, 0]]


def test_palettes_are_rgba_and_only_unknown_is_transparent():
    tables = np.frombuffer(palettes(), np.uint8).reshape(2, 256, 4)
    assert tables[0, 0].tolist() == tables[0, 1].tolist()
    assert tables[1, 0, 3] == 0
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


def test_a_picture_is_plain_data_and_depends_on_nothing_but_its_input():
    first, second = picture(disc(), 90, 0), picture(disc(), 90, 0)
    assert first == second
    assert json.loads(json.dumps(first.axes))["bins"] == 128
    assert len(first.pixels) == 4 * 128**2
    assert first.axes["columns"][0] == {"title": "face-on", "x": "x [kpc]", "y": "y [kpc]"}
    assert first.axes["columns"][1] == {"title": "edge-on", "x": "x [kpc]", "y": "z [kpc]"}
    assert [row["label"] for row in first.axes["rows"]] == [
        "surface density [M☉ kpc⁻²]",
        "mean age [Gyr]",
    ]
    assert "face-on and edge-on" in first.alt


def test_panels_are_in_reading_order_and_start_at_the_bottom():
    stars = disc()
    stars["y"] = np.abs(stars["y"])
    panels = np.frombuffer(picture(stars, 90, 0).pixels, np.uint8).reshape(4, 128, 128)
    assert not panels[0, :60].any()
    assert panels[0, 70].any()
    assert panels[1, 60:68].any()
    assert not panels[1, 80:].any()
    assert 1 + 254 * 3 / 14 < np.median(panels[2][panels[2] > 0]) < 1 + 254 * 5 / 14


def test_without_ages_there_is_no_map_of_them():
    stars = disc()
    del stars["age"]
    assert len(picture(stars, 90, 0).axes["rows"]) == 1


def test_stars_at_one_point_have_no_extent():
    stars = {name: np.zeros(5) for name in ("x", "y", "z", "age", "mass")}
    with pytest.raises(ValueError, match="extent"):
        picture(stars, 90, 0)


def test_ticks_are_round_few_and_inside():
    assert linear_ticks(-10, 10) == [
        (i / 4, t) for i, t in enumerate(["−10", "−5", "0", "5", "10"])
    ]
    assert [text for _, text in linear_ticks(0, 14, 8)] == [
        "0",
        "2",
        "4",
        "6",
        "8",
        "10",
        "12",
        "14",
    ]
    for width in (0.15, 1, 1.5, 2, 3, 5, 7, 70, 3000):
        ticks = linear_ticks(-width, width)
        assert 3 <= len(ticks) <= 7
        assert all(0 <= fraction <= 1 for fraction, _ in ticks)
    assert decade_ticks(5.5, 8) == [(0.2, "10⁶"), (0.6, "10⁷"), (1.0, "10⁸")]
    assert decade_ticks(-1, 0)[0] == (0.0, "10⁻¹")


def test_slider_ranges_are_whole_steps_around_the_given_range():
    low, high, step = widened(7.01, 11.2)
    assert (low, high, step) == (6.8, 11.41, 0.01)
    low, high, step = widened(5.0, 5.0)
    assert low < 5 < high
    assert step > 0


def test_the_canvas_sends_a_picture_in_one_message():
    canvas = MapCanvas()
    sent = []
    canvas.send_state = lambda key=None: sent.append(set(key))
    canvas.show(picture(disc(), 90, 0))
    assert len(sent) == 1
    assert sent[0] >= {"pixels", "axes", "alt"}
