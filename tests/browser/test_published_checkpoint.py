"""A published GalacticFlow model in the explorer, in a real browser."""

import pytest

from tests.browser.servers import write_notebook

pytestmark = pytest.mark.browser

CELL = """import galflowlab
from galflowlab_widgets import Explorer

edf = galflowlab.load({path!r})
explorer = Explorer(edf, n=30_000)
explorer"""


@pytest.fixture
def reference(shared_data):
    path = shared_data / "galacticflow" / "galacticflow_small.pth"
    if not path.is_file():
        pytest.skip("no galacticflow/ among the data")
    return path


def test_the_reference_checkpoint_opens_and_follows_the_mass(lab, tmp_path, reference):
    cell = CELL.format(path=str(reference))
    app = lab(write_notebook(tmp_path / "published.ipynb", cell))
    start, words = app.pixels(), app.alt()
    assert "log10 M* = 10" in words
    app.press("log10_mstar", "PageUp")
    heavier = app.wait_until_not(start)
    assert app.alt() != words
    app.press("age_p50", "PageUp")
    older = app.wait_until_not(heavier)
    app.part("reset").click()
    app.wait_until(start)
    assert len({start, heavier, older}) == 3
    app.status().get_by_text("30 000 stars · refined").wait_for()
    assert app.errors == []
