"""A real Chromium on a real JupyterLab or Voila."""

import contextlib
import pathlib
import shutil

import pytest

from tests.browser.servers import (
    CHROMIUM_ARGUMENTS,
    CHROMIUM_NAMES,
    ERRORS,
    REPOSITORY,
    RUN_ALL,
    SHUTDOWN,
    TOKEN,
    App,
    free_port,
    lab_command,
    server,
    voila_command,
)


@pytest.fixture(scope="session")
def chromium():
    executable = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if executable is None:
        pytest.skip("no Chromium found: apt-get install chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        pytest.skip("playwright is not installed: pip install playwright")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, headless=True, args=CHROMIUM_ARGUMENTS
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


@pytest.fixture
def lab(page, tmp_path):
    """Open a notebook of the repository in JupyterLab and run all its cells."""
    with contextlib.ExitStack() as stack:

        def start(notebook):
            root = tmp_path / "notebooks"
            root.mkdir()
            copy = shutil.copy(REPOSITORY / notebook, root)
            app, port = App(page), free_port()
            url = f"http://127.0.0.1:{port}"
            stack.enter_context(server(lab_command(port, copy), tmp_path, f"{url}/api"))
            page.goto(f"{url}/doc/tree/{pathlib.Path(copy).name}?token={TOKEN}")
            ready = "() => window.jupyterapp?.shell?.currentWidget?.sessionContext"
            page.wait_for_function(ready, timeout=60_000)
            assert page.evaluate(RUN_ALL) is True, page.evaluate(ERRORS)
            assert page.evaluate(ERRORS) == []
            stack.callback(page.evaluate, SHUTDOWN)
            return app

        yield start


@pytest.fixture
def voila(page, tmp_path):
    """Open the explorer as an app; Voila runs its notebook when the page loads."""
    with contextlib.ExitStack() as stack:

        def start():
            app, port = App(page), free_port()
            url = f"http://127.0.0.1:{port}"
            probe = f"{url}/voila/static/voila.js"
            stack.enter_context(server(voila_command(port), tmp_path, probe))
            page.goto(url)
            return app

        yield start
