"""The sky: its two canvases on a blank page, and the tab of the explorer driven as by a person."""

import re
import zlib

import numpy as np
import pytest
from galflowlab_widgets.rendering import palettes
from galflowlab_widgets.sky_canvas import ObserverMap, SkyMap
from galflowlab_widgets.sky_drawing import net

from tests.browser.stage import Stage, colour, plane, quiet, ticks

pytestmark = pytest.mark.browser

BINS = 12
BOX = (54, 10, 232, 232)
GROUND = {"light": (0xEE, 0xEE, 0xEE, 255), "dark": (0x42, 0x42, 0x42, 255)}


def observer(page, theme="light", **changes):
    levels = np.full((BINS, BINS), 60, np.uint8)
    levels[0] = 200
    wide = ticks(-10, -5, 0, 5, 10)
    state = {
        "pixels": levels.tobytes(),
        "bins": BINS,
        "palettes": palettes(),
        "palette": 0,
        "axes": {name: {"label": f"{name} [kpc]", "ticks": wide} for name in "xy"},
        "position": [0.75, 0.5],
        "step": [0.01, 0.01],
        "alt": "Place of the observer",
        "value_text": "x = 5, y = 0 kpc",
        "dragged": [],
    }
    return Stage(page, ObserverMap, state | changes, 300, theme)


def at(fx, fy):
    return BOX[0] + fx * BOX[2], BOX[1] + (1 - fy) * BOX[3]


def packed(levels):
    return zlib.compress(levels.astype(np.uint8).tobytes(), 1)


def sky(page, width=760, theme="light", **changes):
    levels = np.full((50, 100), 90)
    levels[25:] = 0  # the north
    frame = {"width": 100, "height": 50, "palette": 1, "label": "mean age [Gyr]"}
    frame |= {"ticks": ticks(0, 2, 4, 6, 8, 10, 12, 14, low=0, high=14), "state": "settled"}
    state = {
        "pixels": packed(levels),
        "frame": frame,
        "palettes": palettes(),
        "net": net(),
        "alt": "The sky",
    }
    return Stage(page, SkyMap, state | changes, width, theme)


def on_sky(fx, fy, width=760):
    across = min(width - 34 - 92, 760)
    return 34 + fx * across, 12 + (1 - fy) * across / 2


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_observer_is_marked_on_the_galaxy(page, theme):
    stage = observer(page, theme)
    assert stage.check_texts().count("−10") == 2
    assert stage.size() == [300, 296]
    assert stage.pixel(*at(0.2, 0.03)) == colour(0, 200)
    assert stage.pixel(*at(0.2, 0.9)) == colour(0, 60)
    brand = {"light": (0x19, 0x76, 0xD2, 255), "dark": (0x21, 0x96, 0xF3, 255)}[theme]
    assert stage.pixel(*at(0.75, 0.5)) == brand
    x, y = at(0.75, 0.5)
    assert min(stage.pixel(x + 3, y - 19)) > 150  # the head of the arrow: counter-clockwise
    assert stage.pixel(x + 3, y + 19) == colour(0, 60)
    names = ("role", "aria-label", "aria-valuetext", "aria-valuenow", "tabindex")
    values = [page.evaluate("n => canvas.getAttribute(n)", name) for name in names]
    assert values == ["slider", "Place of the observer", "x = 5, y = 0 kpc", "75", "0"]
    assert stage.errors == []


def test_the_observer_is_dragged_and_moved_by_keys_and_comes_back(page):
    page.clock.install(time=0)  # a wish is not given up because the machine is slow
    page.clock.pause_at(1)
    stage = observer(page)
    mark = stage.pixel(*at(0.75, 0.5))
    stage.drag(at(0.75, 0.5), at(0.5, 0.25))
    assert stage.take("dragged")[-1] == pytest.approx([0.5, 0.25], abs=1e-6)
    assert stage.pixel(*at(0.5, 0.25)) == mark  # under the hand, before the kernel answers
    stage.update(position=[0.5, 0.25])
    for key, place in (("ArrowLeft", [0.49, 0.25]), ("Shift+ArrowUp", [0.49, 0.3])):
        stage.press(key)
        assert stage.take("dragged") == [pytest.approx(place)]
    stage.press("0")
    assert stage.take("dragged") == [[]]
    assert stage.pixel(*at(0.5, 0.25)) == mark  # until the kernel says where that is
    page.mouse.dblclick(*at(0.3, 0.6))
    assert stage.take("dragged")[-1] == []
    stage.update(position=[0.75, 0.5])
    assert stage.pixel(*at(0.75, 0.5)) == mark
    stage.press("Control+0")
    assert stage.take("dragged") == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 760, 1000])
def test_the_sky_is_an_ellipse_with_a_legible_net(page, theme, width):
    stage = sky(page, width, theme)
    shown = stage.check_texts()
    assert {"0°", "60°", "300°", "−60°", "14"} <= set(shown)
    assert shown.count("60°") == 2
    (left, bottom), (right, top) = on_sky(0, 0, width), on_sky(1, 1, width)
    outside = 0  # texts left of the rim, which do not touch it
    for _, (_, b, c, d) in stage.texts():
        x = (2 * c - left - right) / (right - left)
        ys = [(2 * y - top - bottom) / (bottom - top) for y in (b, d)]
        outside += x < 0 and min(x**2 + y**2 for y in ys) > 1
    assert outside == 5
    assert stage.size()[0] <= width
    assert stage.pixel(*on_sky(0.42, 0.4, width)) == colour(1, 90)
    assert stage.pixel(*on_sky(0.42, 0.58, width)) == GROUND[theme]
    assert stage.pixel(*on_sky(0.02, 0.1, width))[3] == 0
    assert page.evaluate("[canvas.getAttribute('aria-label'), canvas.dataset.state]") == [
        "The sky",
        "settled",
    ]
    assert stage.errors == []


def test_the_last_picture_sent_is_the_one_shown(page):
    stage = sky(page)
    for level in (20, 250, 120):
        stage.update(pixels=packed(np.full((50, 100), level)))
    page.wait_for_function("canvas.dataset.frame >= 4")
    assert stage.pixel(*on_sky(0.42, 0.58)) == colour(1, 120)
    with page.expect_console_message(lambda said: "cannot be unpacked" in said.text):
        stage.update(pixels=b"no zlib")
    assert stage.pixel(*on_sky(0.42, 0.58)) == colour(1, 120)  # the last one stays


@pytest.mark.parametrize("kind", [observer, sky])
def test_nothing_stays_behind_when_a_view_is_closed(page, kind):
    stage = kind(page)
    assert page.evaluate("watching") >= 2
    page.evaluate("dispose()")
    assert page.evaluate("[watching, model.ears.length]") == [0, 0]
    before = stage.frames
    stage.drag((100, 100), (150, 120))
    stage.update(alt="new", position=[0.1, 0.1])
    quiet(page)
    assert (stage.frames, page.evaluate("model.saved")) == (before, [])


def test_a_picture_that_comes_as_the_view_is_closed_is_not_drawn(page):
    stage = sky(page)
    page.evaluate("model.update({ alt: 'new' }); dispose()")
    quiet(page)
    page.wait_for_timeout(100)
    assert stage.frames == 1


def test_the_plane_has_the_same_handle(page):
    stage = plane(page)
    stage.press("0")
    page.mouse.dblclick(100, 100)
    assert [] not in stage.take("dragged")  # it has no place of its own to come back to


OBSERVER = ".gfl-observer canvas"
SKY = ".gfl-sky canvas"
# Where the observer is, in fractions of the map.
PLACE = """() => {
  const canvas = document.querySelector('.gfl-observer canvas');
  const half = /([\\d.]+) kpc across/.exec(canvas.ariaLabel)[1] / 2;
  const text = canvas.getAttribute('aria-valuetext');
  return /x = (\\S+), y = (\\S+) kpc/.exec(text).slice(1).map((v) => 0.5 + v / half / 2);
}"""


def place(app):
    """Of the observer [kpc], and the radius that the caption says."""
    text = app.page.locator(OBSERVER).first.get_attribute("aria-valuetext")
    caption = app.part("sky-caption").inner_text()
    x, y = map(float, re.match(r"x = ([-\d.]+), y = ([-\d.]+) kpc", text).groups())
    return (x, y), float(re.search(r"R = ([\d.]+) kpc", caption)[1])


def test_the_sky_in_the_explorer(voila):
    app = voila()
    app.pixels()
    maps = app.canvas
    app.page.get_by_role("tab", name="Sky").first.click()
    app.canvas = SKY
    start = app.pixels()
    (x, y), radius = place(app)
    assert (x, y) == (pytest.approx(radius), 0)
    assert "star counts" in app.alt()

    handle = app.page.locator(OBSERVER).first
    app.drag(handle, at(*app.page.evaluate(PLACE)), at(0.3, 0.7))
    dragged = app.wait_until_not(start)
    (x, y), radius = place(app)
    assert x < 0 < y
    assert radius == pytest.approx(np.hypot(x, y), rel=0.02)
    assert "200\N{NO-BREAK SPACE}000 stars · nside 64" in app.part("sky-caption").inner_text()

    app.press_on(OBSERVER, "Shift+ArrowRight")
    app.wait_until_not(dragged)
    assert place(app)[0][0] > x
    app.press_on(OBSERVER, "0")
    app.wait_until(start)

    app.page.locator(".gfl-sky-quantity select").select_option(label="v (line of sight)")
    moving = app.wait_until_not(start)
    app.press("sky-distance", "PageUp")
    app.wait_until_not(moving)
    assert "beyond" in app.alt()
    app.press("sky-distance", "Home")
    app.wait_until(moving)
    app.press("log10_mstar", "PageUp")
    app.wait_until_not(moving)
    app.canvas = maps
    app.pixels()
    assert app.errors == []
