"""How quickly the exported page draws, in a real Chromium with the network off.

    python -m tests.benchmarks.exported_page [--stars 20000] [--frames 200] [--json FILE]

A frame is everything that the page does when the context has moved: interpolate the stars, find
the scales, project and bin them twice, and draw four maps. When the galaxy is only turned, the
stars stay. Times are of the page's own thread, without what the browser does afterwards.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from galflowlab_widgets.page import STARS, write

import galflowlab
from tests.browser.servers import launched_chromium

# One movement per frame, and how long the page took for each.
MOVE = """async ([frames, off]) => {
  galflowlab.times.length = 0;
  for (let i = 0; i < frames; i++) {
    galflowlab.move(2 * i / frames - 1, off);
    await new Promise(requestAnimationFrame);
  }
  return [...galflowlab.times];
}"""
TURN = """async (frames) => {
  const canvas = document.querySelector('#maps canvas');
  galflowlab.times.length = 0;
  for (let i = 0; i < frames; i++) {
    canvas.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight' }));
    await new Promise(requestAnimationFrame);
  }
  return [...galflowlab.times];
}"""


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stars", type=int, default=STARS)
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "explorer.html"
        begin = time.process_time()
        error = write(galflowlab.load("mock"), path, n=arguments.stars, seed=1)
        result: dict[str, Any] = {
            "stars": arguments.stars,
            "cpu_seconds_to_make": time.process_time() - begin,
            "megabytes": path.stat().st_size / 1e6,
            "error": error.as_dict(),
            "milliseconds": drawn(path, arguments.frames),
        }
    print(json.dumps(result, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


def drawn(path: Path, frames: int) -> dict[str, list[float]]:
    """Median and 95th percentile [ms] of a frame, by what was moved."""
    with launched_chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900}, offline=True)
        page.goto(path.as_uri())
        page.wait_for_selector("body[data-ready]")
        page.evaluate(MOVE, [frames, 0.3])  # compiled from then on
        times = {
            "mass": page.evaluate(MOVE, [frames, 0]),
            "mass_off_typical_metallicity": page.evaluate(MOVE, [frames, 0.3]),
            "direction": page.evaluate(TURN, frames),
        }
    return {name: np.percentile(t, [50, 95]).round(2).tolist() for name, t in times.items()}


if __name__ == "__main__":
    main()
