import threading

import numpy as np
import pytest
from galflowlab_widgets import Explorer

from galflowlab.schema import CONTEXT


def test_shows_the_typical_galaxy_at_once(edf):
    explorer = Explorer(edf, n=2000)
    assert explorer.frames == 1
    assert explorer.context == edf.population.complete({})
    assert len(explorer.canvas.pixels) == 4 * explorer.canvas.axes["bins"] ** 2
    assert max(explorer.canvas.pixels) > 200
    assert "2 000 stars ·" in explorer.status.value
    assert "extrapolated" not in explorer.status.value
    assert len(explorer.stars) == 2000


def test_every_context_has_a_slider_with_its_unit(edf):
    explorer = Explorer(edf, n=500)
    assert tuple(explorer.sliders) == edf.context_names
    for name, control in explorer.sliders.items():
        assert CONTEXT[name].label in control.label.value
        assert CONTEXT[name].unit_text in control.label.value
        low, high = edf.population.range(name)
        control.value = 0.0 if name != "mean_metallicity" else 1e-9
        assert control.value < low
        control.value = 1e9
        assert control.value > high
        assert f"gfl-slider-{name}" in control.slider._dom_classes


def test_a_moved_slider_changes_the_picture_once(edf):
    explorer = Explorer(edf, n=2000)
    before = explorer.canvas.pixels
    explorer.sliders["log10_mstar"].value = 11.0
    assert explorer.canvas.pixels != before
    assert explorer.frames == 2
    assert len(edf.calls) == 2
    assert explorer.context["log10_mstar"] == 11.0
    assert explorer.stars["mass"].value.sum() == pytest.approx(1e11, rel=1e-4)


def test_untouched_sliders_follow_and_touched_ones_stay(edf):
    explorer = Explorer(edf, n=500)
    mass, age = explorer.sliders["log10_mstar"], explorer.sliders["age_p50"]
    mass.value = 11.0
    assert age.following
    assert age.value == edf.population.complete({"log10_mstar": 11.0})["age_p50"]
    assert "typical" in age.label.value
    assert "typical" not in mass.label.value
    age.value = 5.0
    mass.value = 9.0
    assert (mass.value, age.value) == (9.0, 5.0)
    assert explorer.context == edf.population.complete({"log10_mstar": 9.0, "age_p50": 5.0})


def test_sliders_move_by_whole_steps_that_survive_the_browser(edf):
    """The browser rounds to steps: what the kernel sets must be on one, or it comes back."""
    explorer = Explorer(edf, n=500)
    for mass in np.linspace(8, 11, 7):
        explorer.sliders["log10_mstar"].value = mass
        for control in explorer.sliders.values():
            assert isinstance(control.slider.value, int)
            control.slider.set_state({"value": control.slider.value})
        assert [c.following for c in explorer.sliders.values()] == [False, True, True, True]


def test_reset_restores_the_first_picture_exactly(edf):
    explorer = Explorer(edf, n=2000)
    before, axes = explorer.canvas.pixels, explorer.canvas.axes
    explorer.sliders["log10_mstar"].value = 8.2
    explorer.sliders["mean_metallicity"].value = 0.02
    explorer.inclination.value = 30
    frames = explorer.frames
    explorer.reset_button.click()
    assert explorer.frames == frames + 1
    assert explorer.canvas.pixels == before
    assert explorer.canvas.axes == axes
    assert all(control.following for control in explorer.sliders.values())


def test_turning_the_view_draws_no_new_stars(edf):
    explorer = Explorer(edf, n=2000)
    before = explorer.canvas.pixels
    half = len(before) // 4
    explorer.inclination.value = 45
    assert explorer.canvas.pixels[half : 2 * half] != before[half : 2 * half]
    assert explorer.canvas.axes["columns"][1]["title"] == "inclination 45°"
    explorer.azimuth.value = 60
    assert explorer.canvas.axes["columns"][0]["x"] == "x′ [kpc]"
    assert explorer.frames == 3
    assert len(edf.calls) == 1


def test_extrapolation_is_said_in_words(edf):
    explorer = Explorer(edf, n=500)
    explorer.sliders["log10_mstar"].value = 8.0
    assert "extrapolated" not in explorer.status.value
    explorer.sliders["mean_metallicity"].value = 0.03
    assert "outside the training population: extrapolated" in explorer.status.value
    assert "gfl-warning" in explorer.status.value


def test_an_error_is_one_sentence_and_the_next_frame_recovers(edf, capsys):
    explorer = Explorer(edf, n=500)
    before, works = explorer.canvas.pixels, edf.draw

    def broken(*args, **kwargs):
        raise RuntimeError("no <b>stars</b> today\nsecond line")

    edf.draw = broken
    explorer.sliders["log10_mstar"].value = 10.5
    assert "Could not draw: no &lt;b&gt;stars&lt;/b&gt; today</span>" in explorer.status.value
    assert explorer.canvas.pixels == before
    assert explorer.frames == 1
    edf.draw = works
    explorer.sliders["log10_mstar"].value = 10.4
    assert "Could not draw" not in explorer.status.value
    assert explorer.frames == 2
    assert capsys.readouterr() == ("", "")


def test_two_explorers_are_independent(edf):
    one, two = Explorer(edf, n=1000), Explorer(edf, n=1000, seed=2)
    before = two.canvas.pixels
    assert one.canvas.pixels != before
    one.sliders["log10_mstar"].value = 9.0
    assert (one.frames, two.frames) == (2, 1)
    assert two.canvas.pixels == before
    assert two.sliders["log10_mstar"].following


def test_changes_from_several_threads_end_in_a_consistent_picture(edf):
    explorer = Explorer(edf, n=500)

    def wiggle(name, values):
        for value in values:
            explorer.sliders[name].value = value

    threads = [
        threading.Thread(target=wiggle, args=("log10_mstar", np.linspace(8.5, 11, 20))),
        threading.Thread(target=wiggle, args=("age_p50", np.linspace(3, 8, 20))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = Explorer(edf, n=500)
    expected.sliders["log10_mstar"].value = 11.0
    expected.sliders["age_p50"].value = 8.0
    assert explorer.context == expected.context
    assert explorer.canvas.pixels == expected.canvas.pixels
