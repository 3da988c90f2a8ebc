"""Every app as a page: it works, keys reach every control, which has a name, texts are legible."""

import numpy as np
import pytest

import galflowlab
from galflowlab.tables import read_table
from tests.browser.servers import BIN, REPOSITORY, App, voila

pytestmark = pytest.mark.browser

SKY = ".gfl-sky canvas"
MAPS = ".gfl-canvas canvas"
LOSSES = ".gfl-curves .gfl-chart canvas"
THEMES = {"explorer": "light", "compare": "dark", "sky": "dark", "training": "light"}
LEGIBLE = 4.5  # contrast that WCAG 2 asks for at level AA

# What has the focus: its place among all elements, its name and whether the focus is seen.
FOCUSED = """() => {
  const e = document.activeElement;
  if (!e?.closest('.gfl-app')) return null;
  const label = [...(e.labels ?? [])].map((l) => l.textContent.trim()).join(' ');
  const text = e.matches('select, input') ? '' : e.textContent.trim();
  const { outlineStyle, outlineWidth } = getComputedStyle(e);
  return {
    place: [...document.querySelectorAll('*')].indexOf(e),
    name: e.getAttribute('aria-label') || label || e.title || text,
    seen: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1.5,
    what: e.outerHTML.slice(0, 200),
  };
}"""
# Places of all that can be operated; of tabs and radio buttons one has the others follow by arrows.
OPERATED = """() => {
  const all = [...document.querySelectorAll('*')];
  const kinds = 'a[href], button, input, select, textarea, [role=slider], [role=application]';
  return all
    .filter((e) => e.closest('.gfl-app') && e.matches(`${kinds}, [role=tab][aria-selected=true]`))
    .filter((e) => !e.disabled && e.checkVisibility({ visibilityProperty: true }))
    .map((e) => [all.indexOf(e), e.outerHTML.slice(0, 200)]);
}"""
WITHOUT_APP = "() => document.querySelector('.gfl-app').classList.remove('gfl-app')"
# Contrast of every text with what is behind it.
CONTRASTS = """() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const over = ([r, g, b, a = 1], under) =>
    [r, g, b].map((v, i) => a * v + (1 - a) * under[i]);
  const behind = (e) => {
    const layers = [];
    for (; e; e = e.parentElement) layers.push(parts(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  for (const e of document.querySelectorAll('.gfl-app *')) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || e.matches('option, :disabled') || !e.checkVisibility()) continue;
    const ground = behind(e);
    const ink = over(parts(getComputedStyle(e).color), ground);
    const [low, high] = [light(ink), light(ground)].sort((a, b) => a - b);
    found.push([(high + 0.05) / (low + 0.05), e.textContent.trim().slice(0, 60)]);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """One server for all apps."""
    command = [str(BIN / "voila"), str(REPOSITORY / "widgets"), "--show_tracebacks=True"]
    with voila(command, tmp_path_factory.mktemp("site")) as server:
        yield server


@pytest.fixture
def visit(site, page):
    def load(name):
        app = App(page, SKY if name == "sky" else MAPS)
        page.goto(f"{site.url}/voila/render/{name}.ipynb?theme={THEMES[name]}")
        app.pixels()
        return app

    yield load
    page.goto("about:blank")


def check_keyboard(page):
    """Tab reaches everything that can be operated, which says what it is and that it is there."""
    page.locator("h1").first.click()
    wanted = dict(page.evaluate(OPERATED))
    reached = {}
    for _ in range(80):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused is None or focused["place"] in reached:
            break
        reached[focused["place"]] = focused
    assert [what for place, what in wanted.items() if place not in reached] == []
    assert [f["what"] for f in reached.values() if not f["name"]] == []
    assert [f["what"] for f in reached.values() if not f["seen"]] == []
    return [f["name"] for f in reached.values()]


def check_page(app):
    names = check_keyboard(app.page)
    contrasts = app.page.evaluate(CONTRASTS)
    assert len(contrasts) > 3
    assert [text for contrast, text in contrasts if contrast < LEGIBLE] == []
    still = app.page.locator("img[alt^='Picture of the app']")
    assert still.count() == 1
    assert not still.is_visible()  # it is for those who have no kernel
    app.page.evaluate(WITHOUT_APP)
    assert not still.is_visible()  # nor does it flash before the app is there
    assert app.errors == []
    return names


def test_the_explorer(visit, site, tmp_path):
    app = visit("explorer")
    names = check_page(app)
    assert {"upper row of maps", "play or pause", "stars", "Profiles"} <= set(names)
    files = sorted(site.folder.rglob("*"))
    with app.page.expect_download() as download:
        app.part("export").click()
    assert download.value.suggested_filename == "galaxy.fits"
    download.value.save_as(tmp_path / "galaxy.fits")
    table, header = read_table(tmp_path / "galaxy.fits")
    stars = galflowlab.load("mock").sample(len(table), header["context"], seed=1)
    assert len(table) == 200_000
    np.testing.assert_allclose(table["z"].value, stars["z"].value, rtol=1e-5, atol=1e-5)
    app.status().get_by_text("sending galaxy.fits: 200 000 stars").wait_for()
    assert sorted(site.folder.rglob("*")) == files
    assert app.errors == []


def test_two_models_side_by_side(visit):
    app = visit("compare")
    start = app.pixels()
    assert "mock and mock_accurate" in app.alt()
    app.press("log10_mstar", "PageUp")
    heavier = app.wait_until_not(start)
    assert "100 000 stars each · refined" in app.status().inner_text()
    maps = app.page.locator(MAPS).first
    box = maps.bounding_box()
    left = (0.2 * box["width"], 0.2 * box["height"])
    app.drag(maps, left, (left[0], left[1] - 60))  # its left column tilts, too
    app.wait_for_alt("edge-on")
    app.wait_until_not(heavier)
    app.part("reset").click()
    app.wait_until(start)
    assert "upper row of maps" in check_page(app)


def test_the_sky(visit):
    app = visit("sky")
    start, place = app.pixels(), app.alt()
    app.press("log10_mstar", "PageUp")
    heavier = app.wait_until_not(start)
    app.press_on(".gfl-observer canvas", "Shift+ArrowLeft")
    app.wait_until_not(heavier)
    assert app.alt() != place
    app.part("reset").click()
    app.wait_for_alt(
        place
    )  # not the same pixels: browsers smooth the lines of the net as they like
    names = check_page(app)
    assert {"what the sky shows", "distance 0 to ∞"} <= set(names)


def test_the_training_monitor(visit):
    app = visit("training")
    app.page.locator(".gfl-monitor", has_text="stars/s").first.wait_for()
    app.wait_drawn_after(LOSSES, app.drawn(LOSSES) + 1)
    app.page.locator(".gfl-stop").click()
    app.page.locator(".gfl-monitor", has_text="stopped at").first.wait_for()
    assert "held out:" in check_page(app)
