"""The charts on a blank page."""

import json
import re

import numpy as np
import pytest
from galflowlab_widgets.canvas import module

from tests.browser.stage import chart, colour, figure

pytestmark = pytest.mark.browser


def panel(i, fx, fy, each=320, height=230):
    return i * each + 62 + fx * (each - 82), 10 + (1 - fy) * (height - 52)


@pytest.mark.parametrize("width", [420, 640, 760, 1000])
def test_charts_have_axes_and_a_legend_without_overlaps(page, width):
    stage = chart(page, width)
    shown = stage.check_texts()
    assert {"model", "nearest galaxy"} <= set(shown)
    assert shown.count("age [Gyr]") == 2
    assert page.evaluate("canvas.getAttribute('aria-label')") == "Two"
    panels = figure()["panels"]
    stage.update(figure={"height": 200, "panels": [*panels, *panels[:1]]})
    stage.check_texts()
    assert stage.size()[0] <= width
    assert stage.size()[1] == 200 * -(-3 // min(3, width // 200))


def test_lines_are_cut_at_the_panel_and_interrupted_at_gaps(page):
    line = {"points": [[-1, 0.5], [0.4, 0.5], None, [0.6, 0.5], [9, 0.5]], "colour": 1}
    axes = {k: {"label": "", "ticks": []} for k in "xy"}
    panels = 2 * [axes | {"image": None, "lines": [line]}]
    stage = chart(page, figure={"height": 230, "panels": panels})
    vermillion = (0xD5, 0x5E, 0x00, 255)
    assert stage.pixel(*panel(0, 0.2, 0.5)) == vermillion
    assert stage.pixel(*panel(1, 0.8, 0.5)) == vermillion
    assert stage.pixel(*panel(0, 0.5, 0.5))[3] == 0
    assert stage.pixel(*panel(0, -0.05, 0.5))[3] == 0
    assert stage.pixel(*panel(0, 1.05, 0.5))[3] == 0


def test_images_lie_below_the_lines_with_row_0_at_the_bottom(page):
    stage = chart(page)
    assert stage.pixel(*panel(1, 0.03, 0.05)) == colour(1, 200)
    assert stage.pixel(*panel(1, 0.03, 0.45)) == colour(1, 40)
    assert stage.pixel(*panel(0, 0.97, 0.05))[3] == 0
    stage.update(pixels=b"")  # too few: no image, and no error
    assert stage.pixel(*panel(1, 0.03, 0.05))[3] == 0
    assert stage.errors == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_of_lines_stand_out_from_the_paper(theme):
    source = re.search(rf"{theme}: (\[.*?\])", module("chart.js")).group(1)
    paper = {"light": 1.0, "dark": 0.0056}[theme]
    for name in json.loads(source):
        parts = np.array([int(name[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        light = linear @ [0.2126, 0.7152, 0.0722]
        bright, dim = max(light, paper), min(light, paper)
        assert (bright + 0.05) / (dim + 0.05) >= 3, name
