"""The plane on a blank page, and what all canvases share."""

import numpy as np
import pytest

from tests.browser.stage import SLIDERS, chart, maps, plane, quiet

pytestmark = pytest.mark.browser


def test_sliders_get_names_that_stay_right(page):
    stage = maps(page, before=SLIDERS)
    names = "[...document.querySelectorAll('.noUi-handle')].map(h => h.getAttribute('aria-label'))"
    assert page.evaluate(names) == ["mass: 10", "age of the stars", None]
    page.evaluate("document.querySelector('.gfl-label-mass').textContent = 'mass: 11'")
    page.wait_for_function(f"{names}[0] === 'mass: 11'")
    page.evaluate("document.querySelector('.gfl-slider-none').title = 'one'")
    page.wait_for_function(f"{names}[2] === 'one'")
    assert stage.errors == []


@pytest.mark.parametrize("kind", ["maps", "plane", "chart"])
def test_nothing_stays_behind_when_a_view_is_closed(page, kind):
    stage = {"maps": maps, "plane": plane, "chart": chart}[kind](page, before=SLIDERS)
    assert page.evaluate("watching") >= 2
    assert page.evaluate("model.ears.length") >= 1
    before = stage.frames
    page.evaluate("dispose()")
    assert page.evaluate("[watching, model.ears.length]") == [0, 0]
    stage.press("ArrowRight")
    stage.drag((100, 100), (150, 120))
    page.mouse.wheel(0, 100)
    page.evaluate("el.style.width = '400px'")
    stage.update(alt="new", position=[0.1, 0.1])
    quiet(page)
    assert page.evaluate("model.saved") == []
    assert stage.frames == before


BOX = (54, 10, 220, 178)


def at(fx, fy):
    return BOX[0] + fx * BOX[2], BOX[1] + (1 - fy) * BOX[3]


def hold_time(page):
    """Time passes when the test says so: a wish is not given up because the machine is slow."""
    page.clock.install(time=0)
    page.clock.pause_at(1)


def test_the_plane_shows_support_points_ring_and_handle(page):
    line = np.array([[0.1, 0.9]], "<f4").tobytes()
    stage = plane(page, points=line)
    assert stage.size() == [290, 230]
    stage.check_texts()
    inside, outside = stage.pixel(*at(0.3, 0.4)), stage.pixel(*at(0.8, 0.1))
    assert inside[2] > inside[0]
    assert inside[3] > 30
    assert outside[3] == 0
    assert stage.pixel(*at(0.1, 0.9))[3] > 60
    handle = stage.pixel(*at(0.5, 0.5))
    assert handle == (0x19, 0x76, 0xD2, 255)
    stage.update(outside=True, marked=[0.8, 0.1])
    assert stage.pixel(*at(0.5, 0.5)) != handle
    assert stage.pixel(at(0.8, 0.1)[0] + 5, at(0.8, 0.1)[1])[3] > 150
    names = ("role", "aria-label", "aria-valuetext", "aria-valuenow", "tabindex")
    values = [page.evaluate("n => canvas.getAttribute(n)", name) for name in names]
    assert values == ["slider", "80 training galaxies", "mass 10, metallicity 0.01", "50", "0"]


def test_the_handle_follows_the_hand_and_ignores_the_kernel_meanwhile(page):
    hold_time(page)
    stage = plane(page, support=b"", support_size=[0, 0], points=b"")
    brand = stage.pixel(*at(0.5, 0.5))
    page.mouse.move(*at(0.25, 0.75))
    page.mouse.down()
    assert stage.take("dragged") == [pytest.approx([0.25, 0.75], abs=1e-6)]
    stage.update(position=[0.9, 0.1])
    assert stage.pixel(*at(0.25, 0.75)) == brand
    assert stage.pixel(*at(0.9, 0.1))[3] == 0
    page.mouse.move(*at(0.5, 1.5))
    page.mouse.move(600, 600)
    assert stage.take("dragged") == [pytest.approx([0.5, 1.0], abs=1e-6), [1.0, 0.0]]
    assert page.evaluate("canvas.getAttribute('aria-valuenow')") == "100"
    page.mouse.up()
    page.clock.run_for(1400)
    assert stage.pixel(*at(0.9, 0.1))[3] == 0
    page.clock.run_for(200)  # the kernel did not agree: back to where it says
    assert stage.pixel(*at(0.9, 0.1)) == brand
    stage.update(position=[0.3, 0.3])
    assert stage.pixel(*at(0.3, 0.3)) == brand
    page.mouse.move(*at(0.6, 0.6))
    assert stage.take("dragged") == []


def test_after_a_drag_the_kernel_has_the_last_word_at_once(page):
    hold_time(page)
    stage = plane(page)
    stage.drag(at(0.2, 0.2), at(0.3, 0.3))
    stage.update(position=[0.2, 0.2])  # late: of the start of the drag
    assert page.evaluate("canvas.getAttribute('aria-valuenow')") == "30"
    stage.update(position=[0.302, 0.3])  # rounded to its steps
    stage.update(position=[0.9, 0.9])
    assert page.evaluate("canvas.getAttribute('aria-valuenow')") == "90"


def test_keys_move_the_handle_by_steps(page):
    hold_time(page)
    stage = plane(page)
    expected = {
        "ArrowRight": [0.51, 0.5],
        "Shift+ArrowLeft": [0.46, 0.5],
        "ArrowUp": [0.46, 0.52],
        "Shift+ArrowDown": [0.46, 0.42],
        "PageUp": [0.46, 0.52],
        "PageDown": [0.46, 0.42],
        "Home": [0, 0.42],
        "ArrowLeft": [0, 0.42],
        "End": [1, 0.42],
    }
    for key, place in expected.items():
        stage.press(key)
        assert stage.take("dragged") == [pytest.approx(place)], key
    stage.press("a")
    assert stage.take("dragged") == []
