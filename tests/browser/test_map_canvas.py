"""The maps on a blank page: what is drawn."""

import zlib

import numpy as np
import pytest

from tests.browser.stage import colour, encoded, frame, levels, maps, quiet, spot, ticks

pytestmark = pytest.mark.browser


def test_pixels_land_in_their_panels_and_row_0_at_the_bottom(page):
    stage = maps(page)
    for row in (0, 1):
        for column in (0, 1):
            level = 20 * (2 * row + column + 1)
            assert stage.pixel(*spot(stage, column, row, 0.5, 0.5)) == colour(row, level)
            assert stage.pixel(*spot(stage, column, row, 0.02, 0.15)) == colour(row, 255)
            assert stage.pixel(*spot(stage, column, row, 0.02, 0.9)) == colour(row, level)
    assert page.evaluate("canvas.getAttribute('aria-label')") == "Maps of a galaxy"
    assert page.evaluate("canvas.tabIndex") == 0
    assert stage.errors == []


@pytest.mark.parametrize("width", [420, 500, 640, 760, 1000])
def test_texts_of_the_maps_keep_clear_of_each_other(page, width):
    stage = maps(page, width)
    shown = stage.check_texts()
    assert {"face-on", "inclination 45.5°", "mean age [Gyr]", "5 kpc", "10⁸"} <= set(shown)
    assert not any("…" in text for text in shown)
    many = ticks(*np.arange(-10, 10.1, 2.5).round(2) + 0.25, low=-10, high=12)
    long = {"label": "line-of-sight velocity dispersion [km s⁻¹]", "palette": 2, "ticks": many}
    stage.update(frame=frame(xticks=many, yticks=many, rows=[*frame()["rows"], long]))
    shown = stage.check_texts()
    assert shown.count("−9.75") >= 1
    assert stage.size()[0] == min(width, 850)


def test_layout_depends_on_nothing_but_the_width(page):
    stage = maps(page)
    size = stage.size()
    far = ticks(-10000, 0, 10000, low=-15000, high=15000)
    stage.update(frame=frame(xticks=far, yticks=far, scale_bar=None))
    assert stage.size() == size
    assert stage.pixel(*spot(stage, 0, 0, 0.5, 0.5)) == colour(0, 20)
    stage.resize(420)
    assert stage.size()[0] == 420
    assert stage.pixel(*spot(stage, 1, 1, 0.5, 0.5, width=420)) == colour(1, 80)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_contours_are_seen_on_dark_and_bright_pixels(page):
    panels = levels()
    panels[0], panels[2] = 255, 1
    line = [[0.2, 0.5], [0.8, 0.5]]
    pixels = panels.tobytes()
    stage = maps(page, pixels=pixels, frame=frame(contours=[[line, [[2, 2], [9, 9]]], []]))
    for row in (0, 1):
        x, y = spot(stage, 0, row, 0.5, 0.5)
        around = np.array([stage.pixel(x, y + d)[:3] for d in range(-4, 5)], int)
        brightness = around.mean(axis=1)
        assert brightness.max() > brightness.min() + 60
    x, y = spot(stage, 1, 0, 0.5, 0.5)
    assert {stage.pixel(x, y + d) for d in range(-4, 5)} == {colour(0, 40)}


def test_compressed_frames_are_shown_in_order(page):
    stage = maps(page)
    noise = np.random.default_rng(1).integers(1, 256, (4, 256, 256)).astype(np.uint8)
    slow = {"pixels": zlib.compress(noise.tobytes()), "frame": frame(bins=256, zlib=True, ping=1)}
    fast = {"pixels": zlib.compress(levels().tobytes()), "frame": frame(zlib=True, ping=2)}
    plain = {"pixels": (levels() + 5).tobytes(), "frame": frame(ping=3)}
    page.evaluate(
        "states => states.forEach((state) => model.update(state))",
        [encoded(state) for state in (slow, fast, plain)],
    )
    assert stage.pixel(*spot(stage, 0, 0, 0.5, 0.5)) == colour(0, 25)
    page.wait_for_function("model.sent.length === 3")
    assert stage.pixel(*spot(stage, 0, 0, 0.5, 0.5)) == colour(0, 25)
    assert sorted(stage.pongs) == [1, 2, 3]
    stage.update(**(fast | {"frame": frame(zlib=True, ping=4)}))
    page.wait_for_function("model.sent.length === 4")
    assert stage.pixel(*spot(stage, 0, 0, 0.5, 0.5)) == colour(0, 20)


def test_what_cannot_be_unpacked_leaves_the_last_picture(page):
    stage = maps(page)
    stage.update(pixels=b"no zlib", frame=frame(zlib=True))
    for _ in range(100):
        if stage.errors:
            break
        quiet(page)
    assert any("cannot be unpacked" in error for error in stage.errors)
    assert stage.pixel(*spot(stage, 0, 0, 0.5, 0.5)) == colour(0, 20)


def test_a_ping_is_answered_once_and_after_drawing(page):
    stage = maps(page, frame=frame(ping=7))
    assert stage.pongs == [7]
    stage.resize(500)
    stage.theme("dark")
    quiet(page)
    stage.update(alt="other", frame=frame(ping=7))
    stage.update(frame=frame(ping=8))
    stage.update(frame=frame())
    assert stage.pongs == [7, 8]


def test_wishes_of_the_user_draw_nothing_by_themselves(page):
    stage = maps(page)
    before = stage.frames
    stage.press("ArrowRight")
    assert stage.frames == before


def test_the_theme_is_followed(page):
    stage = maps(page)
    assert {t["colour"] for t in page.evaluate("texts")} >= {"rgba(0, 0, 0, 0.87)"}
    before = stage.frames
    page.evaluate("texts.length = 0")
    stage.theme("dark")
    stage.wait_for_frame(before)
    assert {t["colour"] for t in page.evaluate("texts")} == {"#ffffff"}


def test_a_snapshot_is_a_picture_on_the_paper_of_the_theme(page, tmp_path):
    stage = maps(page, theme="dark")
    with page.expect_download() as download:
        page.evaluate("model.emit('msg:custom', { type: 'snapshot', name: 'mine.png' })")
    assert download.value.suggested_filename == "mine.png"
    path = tmp_path / "mine.png"
    download.value.save_as(path)
    from matplotlib.image import imread

    image = imread(path)
    width, height = stage.size()
    assert image.shape[:2] == (height, width)
    assert image[2, 2] == pytest.approx([17 / 255] * 3 + [1], abs=0.01)
    x, y = map(int, spot(stage, 0, 0, 0.5, 0.5))
    assert (255 * image[y, x]).round().tolist() == list(colour(0, 20))


def test_texts_are_sharp_on_a_fine_screen(chromium):
    context = chromium.new_context(device_scale_factor=2)
    stage = maps(context.new_page())
    assert stage.page.evaluate("[canvas.width, canvas.height]") == [2 * v for v in stage.size()]
    assert stage.pixel(*spot(stage, 1, 1, 0.5, 0.5)) == colour(1, 80)
    context.close()
