"""A real Chromium on a real JupyterLab or Voila."""

import contextlib
import functools
import pathlib
import shutil

import pytest

from tests.browser.servers import (
    ERRORS,
    REPOSITORY,
    RUN_ALL,
    SHUTDOWN,
    TOKEN,
    App,
    app_command,
    free_port,
    lab_command,
    launched_chromium,
    server,
    voila,
)

TRACEBACKS = ("--show_tracebacks=True", "--MappingKernelManager.allow_tracebacks=True")


@pytest.fixture(scope="session")
def chromium():
    with contextlib.ExitStack() as stack:
        try:
            browser = stack.enter_context(launched_chromium())
        except (FileNotFoundError, ImportError) as error:
            pytest.skip(str(error))
        yield browser


@pytest.fixture
def page(chromium):
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory):
    """One JupyterLab for all tests, on the folder in which each has a folder of its own."""
    folder, port = tmp_path_factory.mktemp("lab"), free_port()
    url = f"http://127.0.0.1:{port}"
    with server(lab_command(port, folder), folder, f"{url}/api"):
        yield url


@pytest.fixture
def lab(page, lab_server, tmp_path):
    """Open a copy of a notebook in JupyterLab, with its own kernel, and run all its cells."""
    with contextlib.ExitStack() as stack:

        def start(notebook):
            root = tmp_path / "notebooks"
            root.mkdir()
            copy = pathlib.Path(shutil.copy(REPOSITORY / notebook, root))
            app = App(page)
            path = copy.relative_to(tmp_path.parent).as_posix()
            page.goto(f"{lab_server}/doc/workspaces/{tmp_path.name}/tree/{path}?token={TOKEN}")
            ready = "() => window.jupyterapp?.shell?.currentWidget?.sessionContext"
            page.wait_for_function(ready, timeout=60_000)
            assert page.evaluate(RUN_ALL) is True, page.evaluate(ERRORS)
            assert page.evaluate(ERRORS) == []
            stack.callback(page.evaluate, SHUTDOWN)
            return app

        yield start


@pytest.fixture(scope="session")
def voila_server(tmp_path_factory):
    """Start a Voila server for each app that is asked for, once; gives their addresses."""
    with contextlib.ExitStack() as stack:

        @functools.cache
        def address(app):
            command = app_command(app, *TRACEBACKS)
            return stack.enter_context(voila(command, tmp_path_factory.mktemp("voila"))).url

        yield address


@pytest.fixture(name="voila")
def opened(page, voila_server):
    """Open an app by its name; Voila starts a kernel of its own for the page."""

    def start(name="explorer"):
        app = App(page)
        page.goto(voila_server(name))
        return app

    yield start
    page.goto("about:blank")  # its kernel ends
