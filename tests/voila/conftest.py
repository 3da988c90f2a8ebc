"""Pages that speak to servers as `galflowlab app` starts them, on loopback."""

import contextlib

import pytest

from tests.voila.page import Page


@pytest.fixture
def visit():
    """Open pages, all of which are left in the end."""
    with contextlib.ExitStack() as stack:

        def visit(url):
            page = Page(url)
            stack.callback(page.leave)
            return page

        yield visit
