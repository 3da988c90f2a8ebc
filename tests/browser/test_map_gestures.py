"""The maps on a blank page: what the hand does."""

import numpy as np
import pytest
from galflowlab_widgets.canvas import _field

from tests.browser.stage import ROOM, colour, frame, levels, maps, quiet, spot

pytestmark = pytest.mark.browser


def test_dragging_turns_the_galaxy_with_the_hand(page):
    page.clock.install()
    stage = maps(page)
    x, y = spot(stage, 1, 0, 0.5, 0.5)
    stage.drag((x, y), (x + 10, y), (x + 20, y - 10))
    assert stage.take("turned") == [[45.5, 35.0], [50.5, 40.0]]
    page.clock.fast_forward(1600)  # nobody showed it: start again from what is shown
    stage.drag((x, y), (x - 80, y), (x - 80, y + 150))
    assert stage.take("turned") == [[45.5, 350.0], [0.0, 350.0]]


def test_the_face_on_panel_turns_about_its_centre_only(page):
    stage = maps(page)
    x, y = spot(stage, 0, 0, 0.5, 0.25)
    stage.drag((x, y), (x + 10, y + 10))
    x, y = spot(stage, 0, 1, 0.5, 0.75)
    stage.update(direction=[45.5, 35.0])
    stage.drag((x, y), (x + 10, y - 10))
    assert stage.take("turned") == [[45.5, 35.0], [45.5, 30.0]]


def test_a_drag_goes_on_from_itself_whatever_the_kernel_shows(page):
    stage = maps(page)
    x, y = spot(stage, 1, 1, 0.5, 0.5)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 20, y)
    stage.update(direction=[45.5, 31.0])  # late
    page.mouse.move(x + 40, y)
    stage.update(direction=[45.5, 40.0])
    page.mouse.move(x + 60, y)
    page.mouse.up()
    page.mouse.move(x, y)
    assert stage.take("turned") == [[45.5, 40.0], [45.5, 50.0], [45.5, 60.0]]


def test_keys_turn_zoom_and_move(page):
    stage = maps(page)
    for key in ("ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown"):
        stage.press(key)
    expected = [[45.5, 35.0], [50.5, 35.0], [50.5, 30.0], [45.5, 30.0]]
    assert stage.take("turned") == expected
    for key in ("+", "Shift+ArrowRight", "-", "Shift+ArrowDown", "0"):
        stage.press(key)
    near = 10 / 1.15
    fields = stage.take("zoomed")
    assert fields[:-1] == pytest.approx(
        np.array([[0, 0, near], [near / 5, 0, near], [near / 5, 0, 10], [near / 5, -2, 10]])
    )
    assert fields[-1] == []


def test_keys_of_the_canvas_do_not_reach_the_page(page):
    stage = maps(page)
    page.evaluate("""() => {
      window.heard = [];
      document.addEventListener('keydown', (event) => heard.push(event.key));
    }""")
    for key in ("ArrowDown", "0", "+", "Control+ArrowDown", "Tab"):
        stage.press(key)
    assert page.evaluate("heard") == ["Control", "ArrowDown", "Tab"]


def test_the_same_wish_is_sent_again(page):
    """In between the galaxy may have been turned by other means."""
    stage = maps(page)
    stage.press("ArrowRight")
    stage.update(direction=[45.5, 35.0])
    stage.update(direction=[45.5, 30.0])
    stage.press("ArrowRight")
    stage.press("0")
    stage.press("0")
    saved = page.evaluate("model.saved")
    assert saved == 2 * [{"turned": [45.5, 35.0]}] + 2 * [{"zoomed": []}]


def test_the_wheel_zooms_about_the_pointer(page):
    stage = maps(page)
    page.mouse.move(*spot(stage, 1, 0, 0.75, 0.25))
    page.mouse.wheel(0, -100)
    page.wait_for_function("model.saved.length === 1")
    (x, y, half), *_ = stage.take("zoomed")
    assert half == pytest.approx(10 / 1.15)
    assert [x + half / 2, y - half / 2] == pytest.approx([5, -5], abs=0.1)
    page.mouse.wheel(0, 100)
    page.wait_for_function("model.saved.length === 1")
    assert stage.take("zoomed")[0] == pytest.approx([0, 0, 10], abs=1e-9)
    page.mouse.move(5, 5)
    page.mouse.wheel(0, -100)
    quiet(page)
    assert stage.take("zoomed") == []


@pytest.mark.parametrize(
    ("half", "key", "last"),
    [
        (0.0012, "+", 0.001),
        (90_000, "-", 100_000),
        (0.0005, "+", 0.0005),
        (0.0005, "-", 0.0005 * 1.15**3),
        (400_000, "-", 400_000),
        (400_000, "+", 400_000 / 1.15**3),
    ],
)
def test_zooming_ends_at_the_limits_and_never_goes_the_wrong_way(page, half, key, last):
    """Whatever the field is when the page is loaded."""
    stage = maps(page, field=[0.0, 0.0, half])
    for _ in range(3):
        stage.press(key)
    halves = [half, *(field[2] for field in stage.take("zoomed"))]
    assert halves == sorted(halves, reverse=key == "+")
    assert halves[-1] == pytest.approx(last)
    assert _field([0.0, 0.0, halves[-1]])  # the kernel takes it


def test_what_is_shown_first_is_no_measure_of_the_limits(page):
    stage = maps(page)
    stage.update(field=[0.0, 0.0, 5000.0])
    stage.press("+")
    assert stage.take("zoomed") == [[0, 0, pytest.approx(5000 / 1.15)]]


@pytest.mark.parametrize("how", ["shift", "middle"])
def test_the_field_is_moved_by_hand(page, how):
    stage = maps(page)
    x, y = spot(stage, 0, 1, 0.5, 0.5)
    side = spot(stage, 0, 0, 1, 0)[0] - ROOM["left"]
    if how == "shift":
        page.keyboard.down("Shift")
    stage.drag((x, y), (x + 20, y), (x + 20, y + 10), button="left" if how == "shift" else how)
    fields = stage.take("zoomed")
    assert fields[-1] == pytest.approx([-400 / side, 200 / side, 10])
    page.keyboard.up("Shift")
    page.mouse.dblclick(x, y)
    assert stage.take("zoomed") == [[]]


def test_the_old_picture_is_moved_until_the_new_one_comes(page):
    stage = maps(page, frame=frame(scale_bar=None))
    corner = spot(stage, 0, 0, 0.25, 0.1)
    assert stage.pixel(*corner) == colour(0, 20)
    before = stage.frames
    for _ in range(3):
        stage.press("Shift+ArrowLeft")
    assert stage.frames == before + 3
    assert stage.pixel(*corner) == colour(0, 0)  # nothing known there yet
    assert stage.pixel(*spot(stage, 1, 1, 0.25, 0.1)) == (0xEE, 0xEE, 0xEE, 255)
    assert stage.pixel(*spot(stage, 0, 0, 0.4, 0.1)) == colour(0, 255)
    stage.update(field=[-6.0, 0.0, 10.0], pixels=levels().tobytes())
    assert stage.pixel(*spot(stage, 0, 0, 0.1, 0.1)) == colour(0, 255)


def test_a_canvas_without_direction_and_field_stays_as_it_is(page):
    stage = maps(page, direction=[], field=[])
    x, y = spot(stage, 1, 0, 0.5, 0.5)
    stage.drag((x, y), (x + 30, y + 30))
    page.mouse.wheel(0, 100)
    for key in ("ArrowLeft", "Shift+ArrowLeft", "+", "0"):
        stage.press(key)
    quiet(page)
    assert page.evaluate("model.saved") == []
    assert stage.errors == []
