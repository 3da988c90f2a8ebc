"""The sky as an app of its own."""

import pytest
from galflowlab_widgets import SkyView
from galflowlab_widgets.live import PREVIEW
from ipywidgets.widgets.widget import _instances


@pytest.fixture
def look(edf):
    made = []

    def make(**options):
        made.append(SkyView(edf, **{"n": 2 * PREVIEW, **options}))
        return made[-1]

    yield make
    for app in made:
        app.close()


def shown(app):
    return app.sky.sky_map.pixels, app.sky.observer_map.pixels, app.sky.observer_map.position


def test_galaxy_and_sky_follow_the_controls(look, edf):
    app = look()
    assert "20 480 of 40 960 stars · preview" in app.status.value
    assert app.context == edf.population.complete({})
    assert app.wait(30)
    assert "40 960 stars · refined" in app.status.value
    assert app.sky.sky_map.frame["state"] == "settled"
    start, calls = shown(app), len(edf.calls)
    app.sky.observer_map.dragged = [0.3, 0.6]
    app.sky.quantity.value = "v_los"
    assert app.wait(30)
    assert len(edf.calls) == calls  # the same stars
    assert app.sky.sky_map.pixels != start[0]
    app.sliders["log10_mstar"].value = 8.1
    app.sliders["mean_metallicity"].value = 0.03
    assert "outside the training population: extrapolated" in app.status.value
    assert app.context["log10_mstar"] == 8.1
    app.sky.quantity.value = "counts"
    app.reset()
    assert app.wait(30)
    assert shown(app) == start


def test_number_of_stars_and_an_error_that_passes(look, edf):
    app = look()
    app.count.value = 50_000
    assert app.wait(30)
    assert "50 000 stars · refined" in app.status.value
    works, before = edf.draw, shown(app)

    def broken(*args):
        raise RuntimeError("no stars today")

    edf.draw = broken
    app.sliders["log10_mstar"].value = 9.0
    assert "Could not draw: no stars today" in app.status.value
    assert shown(app) == before
    edf.draw = works
    app.sliders["log10_mstar"].value = 9.1
    assert "Could not" not in app.status.value


def test_a_still_for_those_without_a_kernel(look):
    app = look(n=1000)
    assert app.wait(30)
    still = app._screen.still()
    assert still.startswith('<img class="gfl-still" alt="')
    assert app.sky.sky_map.alt[:40] in still


def test_closing_leaves_nothing_behind(look):
    before = set(_instances)
    app = look(n=30 * PREVIEW)
    app.close()
    assert app.wait(10)
    assert set(_instances) <= before
    assert app.context == {}


def test_a_model_without_velocities_is_refused(edf):
    edf.columns = ("x", "y", "z", "age")
    with pytest.raises(ValueError, match="expected columns x, y, z, vx"):
        SkyView(edf)
