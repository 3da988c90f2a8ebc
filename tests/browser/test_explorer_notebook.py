"""The explorer in notebooks of its own: code, files, restarts, two at once, no kernel."""

import json

import numpy as np
import pytest

from galflowlab.tables import read_table
from tests.browser.servers import App, write_notebook

pytestmark = pytest.mark.browser

SETUP = """import galflowlab
from galflowlab_widgets import Explorer

edf = galflowlab.load("mock")"""
RESTART = """async () => {
  await jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart();
  return await jupyterapp.commands.execute('notebook:run-all-cells');
}"""
SAVE = "() => jupyterapp.commands.execute('docmanager:save')"
STARS = """
import json
stars = explorer.stars
print(json.dumps([float(stars[c].value.astype(float).sum()) for c in stars.colnames]))"""
LAST_OUTPUT = """() => jupyterapp.shell.currentWidget.content.widgets.at(-1)
  .model.outputs.toJSON().map(output => output.text).join('')"""


@pytest.fixture
def notebook(tmp_path):
    """Write a notebook with these cells after the usual imports."""

    def write(*cells):
        return write_notebook(tmp_path / "test.ipynb", SETUP, *cells)

    return write


def test_copied_code_makes_the_same_stars(lab, notebook, page):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    app = lab(notebook("explorer = Explorer(edf, n=30_000)\nexplorer", STARS))
    start = app.pixels()
    app.press("log10_mstar", "PageUp")
    app.wait_until_not(start)
    app.page.locator(".gfl-copy").first.click()
    app.page.get_by_text("copied ✓").wait_for()
    code = page.evaluate("() => navigator.clipboard.readText()")
    scope = {}
    exec(code, scope)
    stars = scope["stars"]
    sums = [float(stars[name].value.astype(float).sum()) for name in stars.colnames]
    page.evaluate(
        """() => { const cells = jupyterapp.shell.currentWidget.content;
                   cells.activeCellIndex = cells.widgets.length - 1; }"""
    )
    page.evaluate("() => jupyterapp.commands.execute('notebook:run-cell')")
    np.testing.assert_allclose(json.loads(page.evaluate(LAST_OUTPUT)), sums, rtol=1e-6)
    assert app.errors == []


def test_export_and_snapshot_give_files(lab, notebook, tmp_path):
    app = lab(notebook("explorer = Explorer(edf, n=30_000)\nexplorer"))
    app.pixels()
    name = app.page.locator(".gfl-filename input").first
    name.fill("mine.parquet")
    name.press("Tab")
    app.part("export").click()
    app.status().get_by_text("wrote mine.parquet: 30 000 stars").wait_for()
    (path,) = tmp_path.rglob("mine.parquet")
    table, header = read_table(path)
    assert len(table) == 30_000
    assert table["vx"].unit.to_string() == "km / s"
    assert set(header["context"]) == {"log10_mstar", "age_p50", "age_p10", "mean_metallicity"}
    with app.page.expect_download() as download:
        app.part("snapshot").click()
    assert download.value.suggested_filename == "galaxy.png"
    assert download.value.path().read_bytes().startswith(b"\x89PNG")
    assert app.errors == []


def test_two_explorers_do_not_affect_each_other(lab, notebook):
    pair = "one, two = Explorer(edf, n=30_000), Explorer(edf, n=30_000, seed=2)\n"
    tags = 'one.add_class("one")\ntwo.add_class("two")\n'
    app = lab(notebook(pair + tags + "one", "two"))
    app.canvas = ".one .gfl-canvas canvas"
    other = App(app.page, ".two .gfl-canvas canvas")
    first, second = app.pixels(), other.pixels()
    assert first != second
    frame = other.drawn(other.canvas)
    app.press("log10_mstar", "PageUp")
    app.wait_until_not(first)
    other.press("log10_mstar", "PageDown", nth=1)
    other.wait_until_not(second)
    assert other.drawn(other.canvas) > frame
    assert app.alt() != other.alt()
    assert app.errors == []


def test_after_a_restart_everything_runs_again(lab, notebook):
    app = lab(notebook("explorer = Explorer(edf, n=30_000)\nexplorer"))
    start = app.pixels()
    app.press("log10_mstar", "PageUp")
    app.wait_until_not(start)
    assert app.page.evaluate(RESTART) is True
    app.wait_until(start)
    app.press("log10_mstar", "PageUp")
    app.wait_until_not(start)


def test_without_a_kernel_the_last_picture_is_still_there(lab, notebook, page):
    app = lab(notebook("explorer = Explorer(edf, n=30_000)\nexplorer"))
    start = app.pixels()
    still = page.locator("img.gfl-still")
    assert still.count() == 1
    assert not still.is_visible()  # while the app itself is
    first = still.get_attribute("src")
    app.press("log10_mstar", "PageUp")
    app.wait_until_not(start)
    mass = app.alt().split("log10 M* = ")[1][:7]
    page.wait_for_function(
        "src => document.querySelector('img.gfl-still').src !== src", arg=first, timeout=30_000
    )
    page.evaluate(SAVE)
    page.evaluate("async () => jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.reload()
    still.wait_for(timeout=60_000)
    assert f"log10 M* = {mass}" in still.get_attribute("alt")
    assert page.locator(".gfl-canvas").count() == 0
    ready = "() => window.jupyterapp?.shell?.currentWidget?.sessionContext"
    page.wait_for_function(ready, timeout=60_000)
