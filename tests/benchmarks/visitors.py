"""An explorer that many visit at once: ``make bench-visitors``.

Each visitor speaks the protocol of a page with Voila's server on this machine and drags the slider
of the mass: the next step follows once the kernel has dealt with the last, as in a browser, whose
own work is not part of these times.
"""

import argparse
import json
import os
import platform
import random
import shutil
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil

from tests.browser.servers import app_command, voila, write_notebook
from tests.voila.page import Page, data_of
from tests.voila.processes import held, kernels, pss, wait_for_kernels

MASS, MAPS = "gfl-slider-log10_mstar", "gfl-canvas"
IMPORTS = "import galflowlab\nfrom galflowlab_widgets import Explorer"
COUNTS = (1, 2, 4, 8)
FORGOTTEN = 65  # seconds


def step(page, value):
    """Move the slider; returns what the maps then say and the time until their pixels came [s]."""
    maps, start = page.widget(MAPS), time.perf_counter()
    message = page.update(page.widget(MASS), value=value)

    def drawn(m):
        ours = m["parent_header"].get("msg_id") == message
        return ours and m["content"].get("comm_id") == maps and "alt" in data_of(m).get("state", {})

    page.wait(drawn, "picture")
    seconds = time.perf_counter() - start
    page.answered(message)
    return page.states[maps]["alt"], seconds


def drag(page, seconds, start_together, seed):
    """Drag to and fro; returns latencies [s] and what was seen at each value."""
    values = random.Random(seed).sample(range(501), 400)  # every visitor sees other galaxies
    start_together.wait()
    end, latencies, seen = time.perf_counter() + seconds, [], {}
    for value in values:
        seen[value], latency = step(page, value)
        latencies.append(latency)
        if time.perf_counter() > end:
            break
    return latencies, seen


def at_once(server, count, seconds):
    """So many visitors dragging at the same time."""
    with ThreadPoolExecutor(count) as pool:
        pages = list(pool.map(Page, count * [server.url]))
        together = threading.Barrier(count)
        load = psutil.getloadavg()[0]
        busy, started = cpu(), time.perf_counter()
        results = list(pool.map(drag, pages, count * [seconds], count * [together], range(count)))
        wall = time.perf_counter() - started
        ours, total = (after - before for after, before in zip(cpu(), busy, strict=True))
        memory = [pss(process) for process in kernels(server.process).values()]
        first = pages[0]
        for _, seen in results:  # the first visitor sees at each value what the others have seen
            for value in list(seen)[:5]:
                assert step(first, value)[0] == seen[value], "visitors see each other's galaxies"
    for page in pages:
        page.leave()
    latencies = [1000 * latency for own, _ in results for latency in own]
    p50, p95 = np.percentile(latencies, [50, 95])
    return {
        "visitors": count,
        "steps": len(latencies),
        "p50_ms": round(float(p50), 1),
        "p95_ms": round(float(p95), 1),
        "steps_per_second": round(len(latencies) / wall, 1),
        "pss_mb": round(float(np.mean(memory)), 1),
        "kernels_left": wait_for_kernels(server.process, 0),
        "cores_of_others": round((total - ours) / wall, 2),
        "load_before": round(load, 1),
    }


def cpu():
    """Seconds of processor time: of this process and all below it, and of the whole machine."""
    this, times = psutil.Process(), psutil.cpu_times()
    own = sum(sum(p.cpu_times()[:2]) for p in [this, *this.children(recursive=True)])
    return own, sum(times) - times.idle - getattr(times, "iowait", 0.0)


def imports(folder):
    """Memory of a kernel that has only imported [MB], by the number of kernels."""
    notebook = write_notebook(folder / "imports.ipynb", IMPORTS)
    result = {}
    with voila(app_command(notebook), folder) as server:
        for count in COUNTS:
            with ThreadPoolExecutor(count) as pool:
                pages = list(pool.map(Page, count * [server.url]))
            memory = [pss(process) for process in kernels(server.process).values()]
            result[count] = float(np.mean(memory))
            for page in pages:
                page.leave()
            wait_for_kernels(server.process, 0)
    return result


def loads(server, count):
    """Open, draw and close so many pages, two at a time; what the server holds meanwhile.

    And in the end a good minute later, for so long Jupyter's server keeps lost connections.
    """

    def load(k):
        page = Page(server.url)
        alt, _ = step(page, k % 501)
        page.leave()
        return alt

    def point(done):
        left = wait_for_kernels(server.process, 0)
        found = {
            "loads": done,
            "server_own_mb": round(server.process.memory_full_info().uss / 1e6, 1),
            "kernels": left,
            "processes": len(server.process.children(recursive=True)),
            **held(server.process),
        }
        print(found, flush=True)
        return found

    points = []
    with ThreadPoolExecutor(2) as pool:
        for done in range(0, count, 20):
            list(pool.map(load, range(done, min(done + 20, count))))
            points.append(point(min(done + 20, count)))
    time.sleep(FORGOTTEN)
    return [*points, point(count) | {"seconds_later": FORGOTTEN}]


def main():
    """Print all, and write the numbers as JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="of dragging")
    parser.add_argument("--loads", type=int, default=200, help="of pages")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        (folder / "imports").mkdir()
        (folder / "explorer").mkdir()
        imported = imports(folder / "imports")
        dragging = []
        with voila(app_command("explorer"), folder / "explorer") as server:
            for count in COUNTS:
                row = at_once(server, count, arguments.seconds)
                row["imports_pss_mb"] = round(imported[count], 1)
                row["mb_beyond_imports"] = round(row["pss_mb"] - imported[count], 1)
                dragging.append(row)
                print(row, flush=True)
            loaded = loads(server, arguments.loads)
    finally:
        shutil.rmtree(folder)
    result = {
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "server": "galflowlab app, at its defaults but patience 0",
        "dragging": dragging,
        "page_loads": loaded,
    }
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
