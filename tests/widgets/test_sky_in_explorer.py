"""The tab of the explorer that shows the sky."""

import contextlib

import pytest
from galflowlab_widgets.diagram_tabs import DiagramTabs
from galflowlab_widgets.live import PREVIEW
from ipywidgets.widgets.widget import _instances

from galflowlab.schema import EDF_COLUMNS


def front(explorer):
    explorer.tabs.selected_index = len(explorer.tabs.children) - 1
    assert explorer.wait(30)
    return explorer.tabs.sky


def test_the_explorer_draws_the_sky_only_in_front(explore):
    explorer = explore(n=2000)
    sky = explorer.tabs.sky
    assert explorer.tabs.titles[-1] == "Sky"
    assert explorer.wait(30)
    assert sky.sky_map.pixels == b""
    front(explorer)
    assert sky.sky_map.frame["state"] == "settled"
    sky.scaled.value = False  # or the sky would be that of another galaxy of the same shape
    for mass in (10.9, 10.6, 10.3):  # each at once, while the hand moves too
        before = sky.sky_map.pixels, sky.observer_map.pixels
        explorer.sliders["log10_mstar"].value = mass
        assert sky.sky_map.pixels != before[0]
        assert sky.observer_map.pixels != before[1]
    assert "Could not" not in explorer.status.value


def test_dragging_the_observer_draws_no_new_stars_and_no_new_maps(explore, edf):
    explorer = explore(n=2000)
    sky = front(explorer)
    maps, frames, before = explorer.canvas.pixels, explorer.frames, sky.sky_map.pixels
    for x in (0.3, 0.4):
        sky.observer_map.dragged = [x, 0.5]
    assert explorer.wait(30)
    assert sky.sky_map.pixels != before
    assert (explorer.canvas.pixels, explorer.frames, len(edf.calls)) == (maps, frames, 1)
    explorer.reset()
    assert explorer.wait(30)
    assert sky.sky_map.pixels == before


def test_a_sky_is_refined_when_the_hand_rests(explore):
    explorer = explore(n=60_000)
    sky = front(explorer)
    sky.observer_map.dragged = [0.4, 0.6]
    coarse, caption = sky.sky_map.frame, sky.caption.value
    assert coarse["state"] == "preview"
    assert "50\N{NO-BREAK SPACE}000 of 60\N{NO-BREAK SPACE}000 stars" in caption
    assert explorer.wait(30)
    assert sky.sky_map.frame == coarse | {"state": "settled"}
    assert "60\N{NO-BREAK SPACE}000 stars" in sky.caption.value


def test_a_sky_that_fails_says_so_and_stops_nothing_else(explore):
    explorer = explore(n=2000)
    sky = front(explorer)

    def fail(*_):
        raise ValueError("no light")

    sky.sky_map.show = fail
    sky.observer_map.dragged = [0.4, 0.6]
    assert "Could not draw the chart: no light" in explorer.status.value
    explorer.sliders["log10_mstar"].value = 10.0
    assert explorer.wait(30)
    assert explorer.canvas.frame["state"] == "settled"


@pytest.mark.parametrize("rest", [True, False])
def test_closing_the_explorer_closes_the_sky(explore, rest):
    before = set(_instances)
    explorer = explore(n=3 * PREVIEW)
    sky = front(explorer)
    if not rest:
        sky.observer_map.dragged = [0.4, 0.6]
    explorer.close()
    assert explorer.wait(10)
    assert set(_instances) <= before
    assert sky.sky_map.comm is None
    pixels = sky.sky_map.pixels
    sky.observer_map.dragged = [0.2, 0.6]
    assert sky.sky_map.pixels == pixels


def test_stars_without_velocities_have_no_sky():
    columns = tuple(name for name in EDF_COLUMNS if name != "vz")
    tabs = DiagramTabs(columns, lambda: None, contextlib.nullcontext)
    assert tabs.sky is None
    assert "Sky" not in tabs.titles
    assert not tabs.quick
