"""The exported page in a real browser: from a file, with the network off."""

import numpy as np
import pytest
from galflowlab_widgets.page import InterpolatedStars, write
from galflowlab_widgets.page.grid import ContextGrid
from galflowlab_widgets.page.stars import SHAPE
from galflowlab_widgets.rendering import View, picture
from galflowlab_widgets.scales import Scales

import galflowlab
from tests.browser.servers import HASH

pytestmark = pytest.mark.browser

N, SEED = 2000, 2
PLACE = (0.513, 0.327)  # between nodes
PIXELS = f"() => ({HASH})(document.querySelector('#maps canvas'))"
FRAME = "+document.querySelector('#maps canvas').dataset.frame"
# Playwright's own waiting evaluates strings, which the page forbids.
NEXT = f"""async frame => {{
  for (let i = 0; {FRAME} <= frame; i++) {{
    if (i > 300) throw Error('no further frame');
    await new Promise(requestAnimationFrame);
  }}
}}"""
STARS = """([along, off]) => Object.fromEntries(
  Object.entries(galflowlab.stars(along, off)).map(([name, values]) => [name, [...values]]))"""
SHOWN = "(() => { const s = galflowlab.shown(); return { ...s, pixels: [...s.pixels] }; })()"


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """File of a page, the error that was measured, and the model."""
    edf = galflowlab.load("mock")
    path = tmp_path_factory.mktemp("page") / "explorer.html"
    return path, write(edf, path, n=N, seed=SEED), edf


class Visit:
    """A page opened from its file, with what it asked for and complained of."""

    def __init__(self, chromium, path, **options):
        self.context = chromium.new_context(viewport={"width": 1280, "height": 900}, **options)
        self.context.set_offline(True)
        self.page, self.requests, self.complaints = self.context.new_page(), [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(path.as_uri())

    def after(self, action):
        """Hashes of the pixels before and after something, and the next frame."""
        before, frame = self.page.evaluate(PIXELS), self.page.evaluate(FRAME)
        action()
        self.page.evaluate(NEXT, frame)
        return before, self.page.evaluate(PIXELS)


@pytest.fixture
def visit(chromium, exported):
    opened = Visit(chromium, exported[0])
    opened.page.wait_for_selector("body[data-ready]")
    yield opened
    assert opened.requests == [exported[0].as_uri()]
    assert opened.complaints == []
    opened.context.close()


def test_stars_are_those_of_the_model_within_the_error(visit, exported):
    _, error, edf = exported
    kept = InterpolatedStars.of(edf, N, seed=SEED)
    found = visit.page.evaluate(STARS, PLACE)
    for name, values in zip(kept.columns, kept.at(PLACE), strict=True):
        np.testing.assert_allclose(found[name], values, rtol=2e-4, atol=2e-5)
    mass, metallicity = kept.grid.contexts(np.array([PLACE]))[0]
    true = edf.sample(N, {"log10_mstar": mass, "mean_metallicity": metallicity}, seed=SEED)
    places, exact = (np.stack([np.asarray(s[c]) for c in "xyz"]) for s in (found, true))
    radius = np.median(np.sqrt((exact**2).sum(axis=0)))
    moved = np.sqrt(((places - exact) ** 2).sum(axis=0)) / radius
    assert np.median(moved) <= error.worst_position
    assert np.percentile(moved, 95) < 1.5 * error.position[1]


def same_ticks(found, wanted):
    assert [text for _, text in found] == [text for _, text in wanted]
    np.testing.assert_allclose([f for f, _ in found], [f for f, _ in wanted], atol=1e-9)


def test_maps_are_those_of_the_explorer(visit, exported):
    visit.page.select_option("#lower", "mean_fe_h")
    visit.after(lambda: visit.page.evaluate("place => galflowlab.move(...place)", PLACE))
    visit.page.focus("#maps canvas")
    visit.after(lambda: visit.page.keyboard.press("ArrowDown"))
    stars = {name: np.array(v) for name, v in visit.page.evaluate(STARS, PLACE).items()}
    low, high = exported[2].population.range("log10_mstar")
    stars["mass"] = np.full(N, 10 ** ((low + high) / 2 + PLACE[0] * (high - low) / 2) / N)
    rows = ("surface_density", "mean_fe_h")
    shown = visit.page.evaluate(SHOWN)
    view = View(quantities=rows, inclination=85.0, azimuth=0.0)
    ours = picture(stars, view, Scales.of(stars, rows))
    assert shown["direction"] == [85, 0]
    assert shown["field"] == list(ours.field)
    for name in ("bins", "columns", "scale_bar"):
        assert shown["frame"][name] == ours.frame[name]
    for row, other in zip(shown["frame"]["rows"], ours.frame["rows"], strict=True):
        assert (row["label"], row["palette"]) == (other["label"], other["palette"])
        same_ticks(row["ticks"], other["ticks"])
    for name in ("xticks", "yticks"):
        same_ticks(shown["frame"][name], ours.frame[name])
    levels = [np.array(p, int) for p in (shown["pixels"], np.frombuffer(ours.pixels, np.uint8))]
    assert np.mean(np.abs(levels[0] - levels[1]) <= 1) > 0.999
    assert np.count_nonzero(levels[0]) > 1000


def test_keys_and_hands_move_everything(visit, exported):
    page = visit.page
    value = page.locator("#along-value")
    first = value.text_content()
    page.focus("#along")
    before, after = visit.after(lambda: page.keyboard.press("ArrowRight"))
    assert before != after
    assert value.text_content() != first
    assert page.get_attribute("#along", "aria-valuetext") == value.text_content()
    page.focus("#plane canvas")
    before, after = visit.after(lambda: page.keyboard.press("Shift+ArrowUp"))
    assert before != after
    assert page.locator("#off-value").text_content().endswith(" dex")
    # Far below the population: the handle stays on the grid, and the page warns.
    box = page.locator("#plane canvas").bounding_box()
    page.mouse.move(box["x"] + 150, box["y"] + 120)
    page.mouse.down()
    visit.after(lambda: page.mouse.move(box["x"] + 250, box["y"] + 180))
    page.mouse.up()
    width = ContextGrid.around(exported[2].population, *SHAPE).width
    assert page.locator("#off-value").text_content().endswith(f"typical −{width:.2f} dex")
    assert page.locator("#outside").is_visible()
    page.locator("#spoken", has_text="Outside").wait_for(state="attached")
    visit.after(lambda: page.click("#typical"))
    assert page.locator("#off-value").text_content().endswith("typical")
    assert not page.locator("#outside").is_visible()
    visit.after(lambda: page.click("#sweep"))
    before, after = visit.after(lambda: None)
    assert before != after
    page.click("#sweep")
    before, after = visit.after(lambda: page.emulate_media(color_scheme="dark"))
    assert before != after
    for control in page.locator("input, select, button, canvas").all():
        names = "e => [e.ariaLabel, e.labels?.[0]?.textContent, e.textContent].find(Boolean)"
        assert control.evaluate(names)
        assert control.evaluate("e => e.tabIndex") == 0


def test_without_javascript_there_is_a_picture(chromium, exported):
    still = Visit(chromium, exported[0], java_script_enabled=False)
    assert still.page.locator("#maps img").bounding_box()["height"] > 300
    assert still.page.get_by_text("A still picture").is_visible()
    assert still.complaints == []
    still.context.close()
