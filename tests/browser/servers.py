"""Real JupyterLab and Voila servers without any setting of the user, and pages on them."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass

import nbformat
import psutil
from nbformat.v4 import new_code_cell, new_notebook

REPOSITORY = pathlib.Path(__file__).parents[2]
BIN = pathlib.Path(sys.executable).parent
TOKEN = "browser-test"

HASH = """(canvas) => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
  copy.drawImage(canvas, 0, 0);
  let hash = 2166136261;
  for (const byte of copy.getImageData(0, 0, canvas.width, canvas.height).data)
    hash = Math.imul(hash ^ byte, 16777619);
  return hash >>> 0;
}"""
# Hash of the pixels that a settled canvas holds; null while it is still being refined.
PIXELS = f"""selector => {{
  const canvas = document.querySelector(selector);
  if (!canvas || !canvas.width || canvas.dataset.state !== 'settled') return null;
  return ({HASH})(canvas);
}}"""
CANVAS = ".gfl-canvas canvas"
RUN_ALL = """async () => {
  await jupyterapp.restored;
  const panel = jupyterapp.shell.currentWidget;
  await panel.revealed;
  await panel.sessionContext.ready;
  await panel.sessionContext.session.kernel.info;
  return await jupyterapp.commands.execute('notebook:run-all-cells');
}"""
ERRORS = """() => jupyterapp.shell.currentWidget.content.widgets
  .flatMap(cell => cell.model.type === 'code' ? cell.model.outputs.toJSON() : [])
  .filter(output => output.output_type === 'error').map(output => output.evalue)"""
SHUTDOWN = "async () => { await jupyterapp.shell.currentWidget.sessionContext.shutdown(); }"


@contextlib.contextmanager
def launched_chromium():
    """A browser; FileNotFoundError or ImportError if there is none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = next(filter(None, map(shutil.which, names)), None)
    if executable is None:
        raise FileNotFoundError("no Chromium found: apt-get install chromium")
    from playwright.sync_api import sync_playwright  # servers need no browser

    quiet = ["--disable-quic", "--no-first-run", "--disable-background-networking"]
    arguments = ["--no-sandbox", "--disable-gpu", *quiet]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield browser
        browser.close()


def lab_command(port, notebook):
    """Start JupyterLab as `make lab` does; window.jupyterapp is exposed to the page."""
    return [
        str(BIN / "galflowlab"),
        "lab",
        str(notebook),
        "--",
        "--no-browser",
        "--ip=127.0.0.1",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={TOKEN}",
        "--expose-app-in-browser",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.news_url=None",
    ]


def app_command(app, *options):
    """Serve an app as users do, except that a kernel ends as soon as its page is gone."""
    command = [str(BIN / "galflowlab"), "app", str(app), "--", "--VisitorKernels.patience=0"]
    return [*command, *options]


@dataclass(frozen=True)
class Voila:
    """A server of pages: its address, its process and the folder that it works in."""

    url: str
    process: psutil.Process
    folder: pathlib.Path


@contextlib.contextmanager
def voila(command, folder):
    """Run a command that starts Voila on a port that it is told, in a folder of its own."""
    port = free_port()
    url = f"http://localhost:{port}"
    options = ["--no-browser", f"--port={port}", "--Voila.port_retries=0"]
    with server([*command, *options], folder, f"{url}/voila/static/voila.js") as process:
        yield Voila(url, psutil.Process(process.pid), folder)


class App:
    """A page with an explorer on it."""

    def __init__(self, page, canvas=CANVAS):
        self.page, self.canvas = page, canvas
        self.errors = []
        page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("requestfailed", lambda request: self.errors.append(f"failed: {request.url}"))
        # Voila's own page asks a CDN for icons; nothing here may need the network.
        page.route(re.compile(r"^https://"), lambda route: route.fulfill(status=200, body=""))

    def part(self, name, nth=0):
        return self.page.locator(f".gfl-{name}").nth(nth)

    def status(self):
        return self.part("status")

    def handle(self, name, nth=0):
        return self.page.locator(f".gfl-slider-{name} .noUi-handle").nth(nth)

    def press(self, name, key, nth=0):
        self.handle(name, nth).focus()  # without focus, keys are shortcuts of JupyterLab
        self.page.keyboard.press(key)

    def press_on(self, selector, key):
        self.page.locator(selector).first.focus()
        self.page.keyboard.press(key)

    def drag(self, locator, start, end, steps=20):
        """Drag between two places of an element, given from its upper left corner."""
        locator.scroll_into_view_if_needed()
        box = locator.bounding_box()
        self.page.mouse.move(box["x"] + start[0], box["y"] + start[1])
        self.page.mouse.down()
        self.page.mouse.move(box["x"] + end[0], box["y"] + end[1], steps=steps)
        self.page.mouse.up()

    def pixels(self):
        """Hash of the maps once they have settled."""
        script = f"s => ({PIXELS})(s) !== null"
        self.page.wait_for_function(script, arg=self.canvas, timeout=90_000)
        return self.page.evaluate(PIXELS, self.canvas)

    def wait_until_not(self, old):
        script = f"([s, old]) => ![null, old].includes(({PIXELS})(s))"
        self.page.wait_for_function(script, arg=[self.canvas, old], timeout=30_000)
        return self.pixels()

    def wait_until(self, expected):
        script = f"([s, expected]) => ({PIXELS})(s) === expected"
        self.page.wait_for_function(script, arg=[self.canvas, expected], timeout=30_000)

    def alt(self):
        return self.page.locator(self.canvas).first.get_attribute("aria-label")

    def wait_for_alt(self, text):
        script = "([s, t]) => document.querySelector(s).getAttribute('aria-label').includes(t)"
        self.page.wait_for_function(script, arg=[self.canvas, text], timeout=30_000)

    def drawn(self, selector):
        """How often a canvas has been drawn."""
        return int(self.page.locator(selector).first.get_attribute("data-frame"))

    def wait_drawn_after(self, selector, frame):
        script = "([s, n]) => Number(document.querySelector(s).dataset.frame) > n"
        self.page.wait_for_function(script, arg=[selector, frame], timeout=30_000)


def environment(folder):
    """Own folders for everything Jupyter keeps: no user settings, no restored workspace."""
    (folder / "tmp").mkdir()
    extension = folder / "settings" / "@jupyterlab" / "apputils-extension"
    extension.mkdir(parents=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}
    (extension / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
    return os.environ | {
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "IPYTHONDIR": str(folder / "ipython"),
        "TMPDIR": str(folder / "tmp"),
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",  # the kernel is this Python
    }


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def server(command, folder, probe):
    """Run a server in a folder of its own, from its first answer on; gives the process."""
    log = folder / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            env=environment(folder),
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(probe, timeout=2):
                break
            assert process.poll() is None, f"the server died:\n{log.read_text()}"
            assert time.monotonic() < deadline, f"the server did not answer:\n{log.read_text()}"
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()  # SIGTERM: it shuts its kernels down and leaves without a question
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def write_notebook(path, *sources):
    """Write a notebook of code cells; returns its path."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    cells = [new_code_cell(source) for source in sources]
    nbformat.write(new_notebook(cells=cells, metadata=kernel), path)
    return path
