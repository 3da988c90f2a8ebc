"""The moving picture of the README: the explorer in a real Chromium, dragged and turned.

`make pictures` writes it to widgets/screenshots. Each frame is taken when the page has drawn what
the hand has asked for, whatever the speed of the machine; they are played at about the rate that
`make bench-live` found.
"""

import argparse
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from galflowlab_widgets.rendering import PALETTES, View, palettes
from PIL import Image
from playwright.sync_api import Page

from tests.browser.servers import CANVAS, App, app_command, launched_chromium, voila

_SIZE = {"width": 1120, "height": 1000}
_APP = ".gfl-explorer > .widget-hbox"  # without the tabs below
_SHOWN = 0.65  # of the width on the page
_COMMON = 64  # colours of letters and handles
_MS, _REST = 80, 1200  # of a frame while the hand moves, and while it rests
_POINTER = """() => {
  const pointer = document.createElement("div");
  pointer.style.cssText = "position:fixed;z-index:9999;pointer-events:none;width:18px;height:18px";
  pointer.innerHTML = '<svg viewBox="0 0 12 18" height="18"><path fill="black" stroke="white"' +
    ' d="M1 1v13l3-3 2.2 5.4 2-.8L6 10.4h4z"/></svg>';
  document.body.append(pointer);
  addEventListener("pointermove", ({ clientX, clientY }) => {
    pointer.style.translate = `${clientX}px ${clientY}px`;
  }, true);
  pointer.style.left = pointer.style.top = "0";
}"""

_HANDLE = """() => {
  const canvas = document.querySelector(".gfl-plane canvas");
  const brand = getComputedStyle(canvas).getPropertyValue("--jp-brand-color1") || "#1976d2";
  const { width, height } = canvas;
  const copy = new OffscreenCanvas(width, height + 1).getContext("2d");
  copy.drawImage(canvas, 0, 0);
  copy.fillStyle = brand;
  copy.fillRect(0, height, 1, 1);
  const wanted = copy.getImageData(0, height, 1, 1).data;
  const found = copy.getImageData(0, 0, width, height).data;
  let [n, x, y] = [0, 0, 0];
  for (let i = 0; i < width * height; i++) {
    if ([0, 1, 2].some((k) => Math.abs(found[4 * i + k] - wanted[k]) > 3)) continue;
    [n, x, y] = [n + 1, x + (i % width), y + Math.floor(i / width)];
  }
  const box = canvas.getBoundingClientRect();
  return [box.x + (x / n) * (box.width / width), box.y + (y / n) * (box.height / height)];
}"""


class Film:
    """Frames of a page, each with the time for which it is to be seen."""

    def __init__(self, app: App) -> None:
        self.app, self.frames, self.times = app, [], []

    @property
    def page(self) -> Page:
        """The page that is filmed."""
        return self.app.page

    def take(self, ms: int) -> None:
        """Add what the page shows."""
        png = self.page.screenshot(clip=self.page.locator(_APP).first.bounding_box())
        image = Image.open(io.BytesIO(png)).convert("RGB")
        size = round(_SHOWN * image.width), round(_SHOWN * image.height)
        self.frames.append(image.resize(size, Image.Resampling.LANCZOS))
        self.times.append(ms)

    def drag(self, places: Iterator[tuple[float, float]]) -> None:
        """Drag through places of the page, a frame at each; the last when all is drawn."""
        self.page.mouse.move(*next(places))
        self.page.mouse.down()
        for place in places:
            before = self.app.drawn(CANVAS)
            self.page.mouse.move(*place)
            self.app.wait_drawn_after(CANVAS, before)
            self.take(_MS)
        self.page.mouse.up()
        self.page.wait_for_timeout(300)
        self.app.pixels()
        self.take(_REST)

    def save(self, path: Path) -> None:
        """Write a GIF of one palette, or whatever Pillow makes of the name."""
        palette = colours(self.frames[-1])
        frames = [f.quantize(palette=palette, dither=Image.Dither.NONE) for f in self.frames]
        options = {"save_all": True, "duration": self.times, "loop": 0, "optimize": True}
        frames[0].save(path, append_images=frames[1:], **options)


def colours(frame: Image.Image) -> Image.Image:
    """Colours for all frames: those of the two maps, evenly, and the commonest of a frame."""
    tables = np.frombuffer(palettes(), np.uint8).reshape(-1, 256, 4)
    of_maps = tables[[list(PALETTES).index(name) for name in View().quantities], 1::4, :3]
    common = np.array(frame.quantize(_COMMON).getpalette()[: 3 * _COMMON])
    image = Image.new("P", (1, 1))
    image.putpalette(np.concatenate([of_maps.ravel(), common]).astype(np.uint8).tobytes())
    return image


def straight(
    start: tuple[float, float], end: tuple[float, float], steps: int
) -> Iterator[tuple[float, float]]:
    """Places from start to end, the first included."""
    for i in range(steps + 1):
        yield tuple(a + (b - a) * i / steps for a, b in zip(start, end, strict=True))


def centre(locator) -> tuple[float, float]:
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def play(film: Film) -> None:
    """Drag the mass, turn the galaxy, drag mass and metallicity together."""
    app, page = film.app, film.page
    before = app.pixels()
    app.press("log10_mstar", "Home")
    app.wait_until_not(before)
    film.take(_REST)
    track = page.locator(".gfl-slider-log10_mstar .noUi-base").bounding_box()
    start = centre(app.handle("log10_mstar"))
    film.drag(straight(start, (track["x"] + 0.86 * track["width"], start[1]), 20))

    box = page.locator(CANVAS).first.bounding_box()
    start = box["x"] + 0.7 * box["width"], box["y"] + 0.25 * box["height"]
    film.drag(straight(start, (start[0] + 60, start[1] + 90), 7))

    handle = page.locator(".gfl-plane canvas").bounding_box()
    start = handle_place(page)
    film.drag(straight(start, (start[0] - 0.18 * handle["width"], start[1] - 22), 8))


def handle_place(page: Page) -> tuple[float, float]:
    """Middle of the handle on the plane of mass and metallicity: its colour is nowhere else."""
    return tuple(page.evaluate(_HANDLE))


def main() -> None:
    """Make the picture named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    path = parser.parse_args().path
    with (
        launched_chromium() as browser,
        tempfile.TemporaryDirectory() as folder,
        voila(app_command("explorer"), Path(folder)) as server,
    ):
        app = App(browser.new_page(viewport=_SIZE))
        app.page.goto(server.url)
        app.pixels()
        app.page.evaluate(_POINTER)
        app.page.locator(_APP).first.evaluate("app => app.scrollIntoView()")
        film = Film(app)
        play(film)
        film.save(path)


if __name__ == "__main__":
    main()
