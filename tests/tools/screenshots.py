"""Pictures of all apps in a real Chromium: `python -m tests.tools.screenshots`.

Each app is served by Voila, in its light and its dark theme, and photographed at three widths.
"""

import argparse
import io
import pathlib
import tempfile
from math import ceil

from PIL import Image

from tests.browser.servers import REPOSITORY, App, app_command, launched_chromium, voila

APPS = {
    "explorer": ".gfl-canvas canvas",
    "compare": ".gfl-canvas canvas",
    "sky": ".gfl-sky canvas",
    "training": ".gfl-canvas canvas",
}
"""What has to have settled before an app is photographed."""
THEMES = ("light", "dark")
WIDTHS = (1024, 1280, 1920)
KEPT = (1280,)
FOLDER = REPOSITORY / "widgets" / "screenshots"
HEIGHT = 900
MOST = 150_000  # bytes
MARGIN = 12
# A third of the training is over.
LEARNED = """() => {
  const seen = /· (\\d+) % ·/.exec(document.querySelector('.gfl-numbers')?.textContent ?? '');
  return seen && Number(seen[1]) >= 33;
}"""


def small(png, colours=256):
    """The same picture with few colours, as PNG of at most 150 kB."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    while True:
        file = io.BytesIO()
        image.quantize(colours, kmeans=1, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
        if len(file.getvalue()) <= MOST:
            return file.getvalue()
        if colours < 16:
            raise ValueError(f"expected at most {MOST} bytes, got {len(file.getvalue())}")
        colours //= 2


def ready(app, name):
    """Wait until there is something to be seen, and nothing is to be expected at once."""
    app.page.locator(".gfl-app").first.wait_for(timeout=120_000)
    app.pixels()
    if name == "training":
        app.page.wait_for_function(LEARNED, timeout=600_000)
    app.page.wait_for_timeout(1500)  # charts come after the maps


def photograph(page, name, width):
    """An app as it is now, in its full height."""
    app = page.locator(".gfl-app").first
    height = HEIGHT
    for _ in range(2):  # what is farther down may take another place in a higher window
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(700)
        box = app.bounding_box()
        height = max(HEIGHT, ceil(box["y"] + box["height"]) + MARGIN)
    if name != "training":
        page.wait_for_selector(f"{APPS[name]}[data-state=settled]")
    left, top = max(0, box["x"] - MARGIN), max(0, box["y"] - MARGIN)
    size = min(width - left, box["width"] + 2 * MARGIN), box["height"] + 2 * MARGIN
    clip = {"x": left, "y": top, "width": size[0], "height": size[1]}
    return small(page.screenshot(clip=clip))


def photographs(browser, name, theme, widths, folder):
    """Serve an app in a theme and save a picture for every width."""
    command = app_command(name, f"--theme={theme}")
    with (
        tempfile.TemporaryDirectory() as place,
        voila(command, pathlib.Path(place)) as server,
        browser.new_context(viewport={"width": widths[0], "height": HEIGHT}) as context,
    ):
        app = App(context.new_page(), APPS[name])
        app.page.goto(server.url)
        ready(app, name)
        for width in widths:
            path = folder / f"{name}_{theme}_{width}.png"
            path.write_bytes(photograph(app.page, name, width))
            print(path.name, path.stat().st_size, *app.errors)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("apps", nargs="*", metavar="APP", help=f"of {', '.join(APPS)}; or all")
    parser.add_argument("--all-widths", action="store_true", help="not only what is kept")
    parser.add_argument("--output", type=pathlib.Path, default=FOLDER)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    with launched_chromium() as browser:
        for name in options.apps or APPS:
            for theme in THEMES:
                widths = WIDTHS if options.all_widths else KEPT
                photographs(browser, name, theme, widths, options.output)


if __name__ == "__main__":
    main()
