"""How fast the explorer answers in a real browser, beside the usual way: ``make bench-live``.

Chromium drives JupyterLab with a real kernel. Times are taken in the page, from the time stamp
of the key or pointer event to the first animation frame in which the pixels have changed.
"""

import argparse
import contextlib
import json
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.benchmarks import live_baseline, live_timing
from tests.benchmarks.link import Link
from tests.benchmarks.live_load import Load
from tests.benchmarks.live_page import LivePage
from tests.benchmarks.live_report import show
from tests.browser import servers as lab

DRAG = 4.0  # seconds
DRAGS, RELEASES = 3, 8
ROUND_TRIP, RATE = 0.08, 10e6  # s, bit/s
APPS = {
    "explorer": ("explorer.ipynb", "log10_mstar", ".gfl-canvas canvas"),
    "baseline": ("baseline.ipynb", live_baseline.NAME, f".gfl-{live_baseline.NAME}"),
}


def keys(live, steps, after):
    """Latencies of single steps, each made after the page says this of the one before."""
    load = Load()
    live.keys(steps, after=after)
    spent, others = load.since()
    log = live.take()
    return {
        **live_timing.summary(live_timing.latencies(log)),
        "stages": live_timing.stages(log),
        "cpu": {program: 1000 * seconds / steps for program, seconds in spent.items()},
        "others": others,
    }


def drags(live, count, seconds):
    """Frame rate, staleness and what comes after the release, over a number of drags."""
    results = []
    for _ in range(count):
        live.drag(seconds)
        results.append(live_timing.drag(live.take()))
    rates = {
        rate: live_timing.summary([r[rate] for r in results])["median"]
        for rate in ("frames_per_second", "moves_per_second", "kilobytes_per_second")
    }
    after = ("last_value", "refined")
    return rates | {
        "staleness": live_timing.summary([age for r in results for age in r["staleness"]]),
        **{name: live_timing.summary([r[name] for r in results]) for name in after},
        "status": live.page.evaluate("() => document.querySelector('.gfl-status')?.textContent"),
    }


def memory(live, minutes):
    """Resident memory [MB] of the kernel while the slider is dragged, once per drag."""
    kernel = live.kernel_id()
    process = next(
        p
        for p in psutil.process_iter(["cmdline"])
        if any(kernel in part for part in p.info["cmdline"] or ())
    )
    start = time.monotonic()
    points = []
    while (passed := time.monotonic() - start) < 60 * minutes or len(points) < 2:
        points.append((passed, process.memory_info().rss / 1e6))
        live.drag(DRAG)
        live.take()
    warm_up = min(60, 30 * minutes)
    later = [rss for passed, rss in points if passed >= warm_up] or [points[-1][1]]
    return {
        "minutes": minutes,
        "start": points[0][1],
        "highest": max(rss for _, rss in points),
        "drift": max((rss - later[0] for rss in later), key=abs),
    }


def measure(live, steps):
    """Everything about one app on one line."""
    return {
        "key": keys(live, steps, "settled"),
        "key in a row": keys(live, steps, "shows"),
        "key while refining": keys(live, steps, "refining"),
        "drag": drags(live, DRAGS, DRAG),
        "release": drags(live, RELEASES, 0.5),
    }


@contextlib.contextmanager
def opened(browser, port, app):
    """An app of the server at a port, ready to be measured, with a kernel of its own."""
    notebook, name, selector = APPS[app]
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    live = LivePage(
        context.new_page(), f"http://127.0.0.1:{port}/doc/tree/{notebook}?token={lab.TOKEN}"
    )
    try:
        live.watch(name, selector)
        yield live
    finally:
        live.close()
        context.close()


def run(browser, port, arguments):
    """Measure the apps one after the other."""
    result = {}
    for app in APPS if not arguments.skip_baseline else ["explorer"]:
        print(f"measuring the {app}", file=sys.stderr)
        steps = arguments.steps if app == "explorer" else max(5, arguments.steps // 3)
        with opened(browser, port, app) as live:
            result[app] = measure(live, steps)
            if app == "explorer" and arguments.minutes:
                result[app]["memory"] = memory(live, arguments.minutes)
        if not arguments.skip_link:
            with Link(port) as link, opened(browser, link.port, app) as live:
                link.limit(round_trip=ROUND_TRIP, rate=RATE)
                live.settle()
                result[app]["link"] = measure(live, steps)
                link.limit()
    return result


@contextlib.contextmanager
def jupyterlab():
    """JupyterLab on a folder with both apps; gives its port."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "notebooks"
        root.mkdir()
        explorer = shutil.copy(lab.REPOSITORY / "widgets" / APPS["explorer"][0], root)
        (root / APPS["baseline"][0]).write_text(live_baseline.notebook(lab.REPOSITORY))
        port = lab.free_port()
        probe = f"http://127.0.0.1:{port}/api"
        with lab.server(lab.lab_command(port, explorer), Path(folder), probe):
            yield port


def main():
    """Print a table; write the numbers as JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=60, help="key steps")
    parser.add_argument("--minutes", type=float, default=10.0, help="of dragging, for the memory")
    parser.add_argument("--skip-baseline", action="store_true")
    parser.add_argument("--skip-link", action="store_true")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # else the server would stay behind
    with lab.launched_chromium() as browser, jupyterlab() as port:
        result = run(browser, port, arguments)
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
