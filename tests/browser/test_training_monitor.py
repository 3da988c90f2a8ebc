"""The training monitor in JupyterLab and Voila."""

import pytest

from tests.browser.servers import write_notebook
from tests.browser.stage import frame, maps

pytestmark = pytest.mark.browser

LOSSES = ".gfl-curves .gfl-chart canvas"
RATES = ".gfl-curves > :nth-child(2) canvas"  # it has no legend, only one line
MAPS = ".gfl-canvas canvas"
SETUP = """from galflowlab import mocks
from galflowlab_widgets import TrainingMonitor
import galflowlab

galaxies = mocks.make_suite(12, 500, seed=3, scatter=0.0, log10_mstar=(8.5, 10.8))
monitor = TrainingMonitor()
options = dict(seed=1, stars_seen=2e6, batch=256, checkpoint="t.safetensors", log="t.csv")"""
# How far to the right a coloured line reaches, 0 to 1.
REACHED = """selector => {
  const canvas = document.querySelector(selector);
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
  copy.drawImage(canvas, 0, 0);
  const { data, width } = copy.getImageData(0, 0, canvas.width, canvas.height);
  let last = 0;
  for (let i = 0; i < data.length; i += 4) {
    const [r, g, b, a] = data.subarray(i, i + 4);
    if (a > 200 && Math.max(r, g, b) - Math.min(r, g, b) > 60) last = Math.max(last, i / 4 % width);
  }
  return last / width;
}"""

EXECUTE = """code => {
  const { kernel } = jupyterapp.shell.currentWidget.sessionContext.session;
  window.reply = null;
  kernel.requestExecute({ code }).done.then(({ content }) => { window.reply = content.status; });
}"""


@pytest.fixture
def notebook(tmp_path):
    """Write a notebook with these cells after the usual imports."""

    def write(*cells):
        return write_notebook(tmp_path / "test.ipynb", SETUP, *cells)

    return write


def saw(page, text, timeout=60_000):
    page.locator(".gfl-monitor", has_text=text).first.wait_for(timeout=timeout)


def watch(app):
    """Wait until curves and maps have been drawn several times, and have moved."""
    page = app.page
    saw(page, "stars/s")
    page.locator(f"{MAPS}[data-state='settled']").first.wait_for()
    first, reached = (app.drawn(LOSSES), app.drawn(MAPS)), page.evaluate(REACHED, RATES)
    app.wait_drawn_after(LOSSES, first[0] + 2)
    app.wait_drawn_after(MAPS, first[1] + 1)
    assert page.evaluate(REACHED, RATES) > reached
    assert "held-out galaxy mock_m" in app.alt()
    assert "now training" in page.locator(LOSSES).first.get_attribute("aria-label")


def press_button(page, key):
    button = page.locator(".gfl-monitor button.gfl-stop")
    button.focus()
    page.keyboard.press(key)
    return button


def test_maps_that_cannot_be_turned_are_a_picture(page):
    rows = [row | {"y": label} for row, label in zip(frame()["rows"], ("up", "aloft"), strict=True)]
    stage = maps(page, direction=[], field=[], frame=frame(rows=rows))
    texts = stage.check_texts()
    assert texts.count("up") == texts.count("aloft") == 2
    assert "y′ [kpc]" not in texts
    assert page.evaluate("[canvas.tabIndex, canvas.getAttribute('role')]") == [-1, "img"]
    assert page.evaluate("canvas.getAttribute('aria-description')") is None
    stage.update(direction=[0.0, 0.0])
    assert page.evaluate("[canvas.tabIndex, canvas.getAttribute('role')]") == [0, "application"]
    assert "arrow keys" in page.evaluate("canvas.getAttribute('aria-description')")


def test_curves_move_and_the_button_stops_and_goes_on(lab, notebook, tmp_path):
    app = lab(notebook("monitor.train(galaxies, **options)\nmonitor"))
    watch(app)
    press_button(app.page, "Enter")
    saw(app.page, "stopped at")
    (checkpoint,) = tmp_path.rglob("t.safetensors")
    before = checkpoint.stat().st_mtime_ns
    drawn = app.drawn(LOSSES)
    app.page.wait_for_timeout(1500)
    assert app.drawn(LOSSES) == drawn
    assert press_button(app.page, "Space").inner_text().strip() in ("go on", "stop")
    app.wait_drawn_after(LOSSES, drawn)
    watch(app)
    app.page.locator(".gfl-monitor button.gfl-stop").click()
    saw(app.page, "stopped at")
    assert checkpoint.stat().st_mtime_ns > before
    still = app.page.locator("img.gfl-still")
    assert still.count() == 2
    assert not still.first.is_visible()
    assert app.errors == []


def test_a_cell_that_trains_is_shown_and_can_be_interrupted(lab, notebook, tmp_path, page):
    train = "edf = galflowlab.fit(galaxies, **options, progress=False, callbacks=[monitor])"
    app = lab(notebook("monitor"))
    page.evaluate(EXECUTE, train)
    watch(app)
    saw(page, "interrupt the kernel to stop it")
    assert page.locator(".gfl-monitor button.gfl-stop").is_disabled()
    page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")
    page.wait_for_function("() => window.reply === 'error'")
    assert list(tmp_path.rglob("t.csv"))
    assert app.errors == []
