"""The launchers of the apps, read without a kernel: a picture stands in for the app."""

import re
from html.parser import HTMLParser

import pytest
from galflowlab_widgets.canvas import STYLE
from nbconvert import HTMLExporter

from tests.test_notebooks import LAUNCHERS


class Images(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            self.found.append(dict(attributes))


@pytest.mark.parametrize("path", LAUNCHERS, ids=lambda path: path.stem)
def test_without_a_kernel_there_is_a_picture(path):
    (start,) = re.findall(r'img\[alt\^="([^"]+)"\]', STYLE.read_text())  # hidden beside a live app
    page = Images()
    page.feed(HTMLExporter().from_filename(str(path))[0])
    (image,) = page.found
    assert image["alt"].startswith(start)
    assert len(image["alt"]) > len(start) + 40
    assert image["src"] == f"screenshots/{path.stem}_light_1280.png"
    picture = path.parent / image["src"]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size <= 150_000
