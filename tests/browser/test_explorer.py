import re

import pytest

pytestmark = pytest.mark.browser


def drive(app):
    """Use the explorer as a person would, by keyboard and mouse."""
    start = app.wait_for_stars()

    app.press("log10_mstar", "Home")
    lightest = app.wait_until_not(start)
    app.press("log10_mstar", "ArrowRight")
    heavier = app.wait_until_not(lightest)
    app.press("mean_metallicity", "ArrowRight")
    richer = app.wait_until_not(heavier)
    app.drag("log10_mstar", 60)
    app.wait_until_not(richer)

    app.page.locator(".gfl-reset").first.click()
    app.wait_until(start)
    app.press("log10_mstar", "Home")
    app.wait_until(lightest)
    app.page.locator(".gfl-reset").first.click()
    app.wait_until(start)

    app.press("inclination", "ArrowLeft")
    tilted = app.wait_until_not(start)
    app.press("azimuth", "ArrowRight")
    app.wait_until_not(tilted)
    app.press("azimuth", "Home")
    app.wait_until(tilted)

    assert re.fullmatch(r"50 000 stars · \d+ ms.*", app.status().inner_text(), re.DOTALL)
    label = app.page.locator(".gfl-canvas canvas").first.get_attribute("aria-label")
    assert "inclination 89°" in label
    assert app.errors == []


def extrapolate(app):
    """Light and metal-rich at once: no galaxy of the training set is like that."""
    start = app.wait_for_stars()
    app.press("log10_mstar", "Home")
    light = app.wait_until_not(start)
    app.press("mean_metallicity", "End")
    app.wait_until_not(light)
    app.status().get_by_text("outside the training population: extrapolated").wait_for()
    app.page.locator(".gfl-reset").first.click()
    app.wait_until(start)
    app.status().get_by_text("extrapolated").wait_for(state="detached")


def test_explorer_in_jupyterlab(lab):
    app = lab("notebooks/01_explore.ipynb")
    drive(app)


def test_explorer_in_voila(voila):
    app = voila()
    drive(app)


def test_extrapolation_is_announced(voila):
    app = voila()
    extrapolate(app)
