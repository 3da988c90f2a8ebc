import re

import pytest

pytestmark = pytest.mark.browser

PLANE = ".gfl-plane canvas"
MAPS = ".gfl-canvas canvas"


def drive(app):
    """Use the explorer as a person would, by keyboard and mouse."""
    start = app.pixels()
    assert re.fullmatch(r"200 000 stars · refined · \d+ ms", app.status().inner_text().strip())

    app.press("log10_mstar", "Home")
    lightest = app.wait_until_not(start)
    app.press("log10_mstar", "ArrowRight")
    heavier = app.wait_until_not(lightest)
    app.press("mean_metallicity", "ArrowRight")
    richer = app.wait_until_not(heavier)
    slider = app.handle("log10_mstar")
    app.drag(slider, (5, 5), (65, 5))
    app.wait_until_not(richer)

    app.part("reset").click()
    app.wait_until(start)
    app.press("log10_mstar", "Home")
    app.wait_until(lightest)
    app.part("reset").click()
    app.wait_until(start)


def look_around(app):
    """Turn and zoom by hand; what was drawn comes back."""
    start = app.pixels()
    maps = app.page.locator(MAPS).first
    box = maps.bounding_box()
    right_panel = (0.62 * box["width"], 0.25 * box["height"])
    app.drag(maps, right_panel, (right_panel[0], right_panel[1] - 60))
    app.wait_for_alt("inclination 120°")  # half a degree for each of 60 pixels
    tilted = app.wait_until_not(start)
    app.page.mouse.move(*(box[k] + 0.3 * box[s] for k, s in (("x", "width"), ("y", "height"))))
    app.page.mouse.wheel(0, -300)
    app.wait_until_not(tilted)
    assert app.part("fixed").locator("input").is_checked()
    app.press_on(MAPS, "0")
    app.wait_until(tilted)
    app.part("reset").click()
    app.wait_until(start)


def drag_the_plane(app):
    start = app.pixels()
    plane = app.page.locator(PLANE).first
    app.drag(plane, (164, 100), (200, 70))
    dragged = app.wait_until_not(start)
    assert "typical" not in app.part("label-log10_mstar").inner_text()
    assert "typical" not in app.part("label-mean_metallicity").inner_text()
    assert "typical" in app.part("label-age_p50").inner_text()
    app.press_on(PLANE, "ArrowLeft")
    app.wait_until_not(dragged)
    app.part("reset").click()
    app.wait_until(start)


def extrapolate(app):
    """Light and metal-rich at once: no galaxy of the training set is like that."""
    start = app.pixels()
    app.press("log10_mstar", "Home")
    light = app.wait_until_not(start)
    app.press("mean_metallicity", "End")
    app.wait_until_not(light)
    app.status().get_by_text("outside the training population: extrapolated").wait_for()
    app.part("reset").click()
    app.wait_until(start)
    app.status().get_by_text("extrapolated").wait_for(state="detached")


def switch_tabs(app):
    for name in ("Kinematics", "[Fe/H]–[O/Fe]", "Age–metallicity", "Profiles"):
        app.page.get_by_role("tab", name=name).first.click()
        chart = app.page.locator(".gfl-tabs .gfl-chart canvas:visible").first
        chart.wait_for()
        app.page.wait_for_function(
            "canvas => Number(canvas.dataset.frame) > 0", arg=chart.element_handle()
        )
        assert "model" in chart.get_attribute("aria-label")


def lock(app):
    """What is locked stays when the mass moves; what is not follows."""
    start = app.pixels()
    before = app.part("label-age_p50").inner_text()
    app.part("lock-age_p50").click()
    app.page.wait_for_function(
        "() => !document.querySelector('.gfl-label-age_p50').textContent.includes('typical')"
    )
    app.press("log10_mstar", "PageUp")
    app.wait_until_not(start)
    assert app.part("label-age_p50").inner_text() == before.removesuffix(" · typical") != before
    app.part("reset").click()
    app.wait_until(start)


def test_explorer_in_jupyterlab(lab):
    app = lab("notebooks/01_explore.ipynb")
    drive(app)
    drag_the_plane(app)
    look_around(app)
    switch_tabs(app)
    assert app.errors == []


def test_explorer_in_voila(voila):
    app = voila()
    drive(app)
    drag_the_plane(app)
    look_around(app)
    extrapolate(app)
    switch_tabs(app)
    lock(app)
    assert app.errors == []


def test_a_menu_changes_the_maps_and_the_number_of_stars(voila):
    app = voila()
    start = app.pixels()
    app.page.locator(".gfl-quantity select").nth(1).select_option(label="v (line of sight)")
    moving = app.wait_until_not(start)
    assert "v (line of sight)" in app.alt()
    app.page.locator(".gfl-count select").select_option(label="50 000")
    fewer = app.wait_until_not(moving)
    app.status().get_by_text("50 000 stars · refined").wait_for()
    app.part("resample").click()
    app.wait_until_not(fewer)
    before = app.alt()
    app.page.locator(".gfl-play button").first.click()
    app.page.wait_for_function(
        "([s, alt]) => document.querySelector(s).getAttribute('aria-label') !== alt",
        arg=[MAPS, before],
    )
    assert app.errors == []


def test_sliders_have_names_for_those_who_cannot_see_them(voila):
    app = voila()
    app.pixels()
    for name, words in (("log10_mstar", "log₁₀ M★"), ("age_p50", "median age")):
        app.page.wait_for_function(
            "([s, w]) => document.querySelector(s).getAttribute('aria-label')?.includes(w)",
            arg=[f".gfl-slider-{name} .noUi-handle", words],
        )
    plane = app.page.locator(PLANE).first
    assert "training galaxies" in plane.get_attribute("aria-label")
    assert "log₁₀ M★" in plane.get_attribute("aria-valuetext")
