"""Voila servers as `galflowlab app` starts them, on loopback, with pages that speak to them."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.browser.servers import BIN, free_port, server
from tests.voila.page import Page


@dataclass
class Voila:
    """A server: its address, its process and the folder that it works in."""

    url: str
    process: psutil.Process
    folder: Path


@contextlib.contextmanager
def voila(folder, app, *options):
    port = free_port()
    command = [str(BIN / "galflowlab"), "app", str(app), "--", "--no-browser", f"--port={port}"]
    command += ["--Voila.port_retries=0", "--VisitorKernels.patience=0", *options]
    url = f"http://localhost:{port}"
    with server(command, folder, f"{url}/voila/static/voila.js") as process:
        yield Voila(url, psutil.Process(process.pid), folder)


@pytest.fixture
def visit():
    """Open pages, all of which are left in the end."""
    with contextlib.ExitStack() as stack:

        def visit(url):
            page = Page(url)
            stack.callback(page.leave)
            return page

        yield visit
