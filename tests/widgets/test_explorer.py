import threading
import time

import numpy as np
import pytest
from galflowlab_widgets.live import PREVIEW
from galflowlab_widgets.references import Reference
from galflowlab_widgets.rendering import View
from ipywidgets.widgets.widget import _instances

import galflowlab
from galflowlab.tables import read_table


def shown(explorer):
    frame = {**explorer.canvas.frame, "ping": None}
    return explorer.canvas.pixels, frame, explorer.canvas.alt


def test_shows_the_typical_galaxy_at_once(explore, edf):
    explorer = explore(n=2000)
    assert explorer.frames == 1
    assert explorer.context == edf.population.complete({})
    assert len(explorer.canvas.pixels) == 4 * explorer.canvas.frame["bins"] ** 2
    assert max(explorer.canvas.pixels) > 200
    assert "2 000 stars · refined ·" in explorer.status.value
    assert "extrapolated" not in explorer.status.value
    assert len(explorer.stars) == 2000


def test_a_model_of_positions_alone_shows_its_density(edf, explore):
    edf.columns = ("x", "y", "z")
    explorer = explore(n=2000)
    assert explorer.view.quantities == ("surface_density", "surface_density")
    assert "2 000 stars · refined ·" in explorer.status.value


def test_a_preview_first_and_then_all_stars(explore):
    explorer = explore(n=3 * PREVIEW)
    explorer.sliders["log10_mstar"].value = 10.0
    assert "20 480 of 61 440 stars · preview" in explorer.status.value
    preview = shown(explorer)
    assert explorer.wait(30)
    assert "61 440 stars · refined" in explorer.status.value
    assert explorer.canvas.pixels != preview[0]
    assert explorer.canvas.frame["rows"] == preview[1]["rows"]  # the colour bars have not jumped
    assert explorer.canvas.frame["xticks"] == preview[1]["xticks"]
    assert len(explorer.stars) == 3 * PREVIEW


def test_a_moved_slider_changes_the_picture_once(explore, edf):
    explorer = explore(n=2000)
    before = explorer.canvas.pixels
    explorer.sliders["log10_mstar"].slider.value += 20
    assert explorer.canvas.pixels != before
    assert explorer.frames == 2
    assert len(edf.calls) == 2
    mass = explorer.context["log10_mstar"]
    assert mass == explorer.sliders["log10_mstar"].value
    assert explorer.stars["mass"].value.sum() == pytest.approx(10**mass, rel=1e-4)


def test_untouched_sliders_follow_and_touched_ones_stay(explore, edf):
    explorer = explore(n=500)
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


def test_a_lock_pins_what_would_follow(explore):
    explorer = explore(n=500)
    age = explorer.sliders["age_p50"]
    before = explorer.context["age_p50"]
    age.lock.value = True
    explorer.sliders["log10_mstar"].value = 11.0
    assert explorer.context["age_p50"] == before
    age.lock.value = False
    assert explorer.context["age_p50"] != before


def test_the_plane_drags_mass_and_metallicity(explore):
    explorer = explore(n=500)
    plane = explorer.plane
    plane.dragged = [0.6, 0.5]
    assert not explorer.sliders["log10_mstar"].following
    assert not explorer.sliders["mean_metallicity"].following
    assert explorer.sliders["age_p50"].following
    assert plane.position == pytest.approx([0.6, 0.5], abs=0.01)
    assert explorer.frames == 2


def test_sliders_move_by_whole_steps_that_survive_the_browser(explore):
    """The browser rounds to steps: what the kernel sets must be on one, or it comes back."""
    explorer = explore(n=500)
    for mass in np.linspace(8, 11, 7):
        explorer.sliders["log10_mstar"].value = mass
        for control in explorer.sliders.values():
            assert isinstance(control.slider.value, int)
            control.slider.set_state({"value": control.slider.value})
        assert [c.following for c in explorer.sliders.values()] == [False, True, True, True]


def test_reset_restores_the_first_picture_exactly(explore):
    explorer = explore(n=2000)
    before = shown(explorer)
    explorer.sliders["log10_mstar"].value = 8.2
    explorer.sliders["mean_metallicity"].value = 0.02
    explorer.canvas.turned = [30.0, 20.0]
    explorer.canvas.zoomed = [1.0, 1.0, 2.0]
    frames = explorer.frames
    explorer.reset()
    assert explorer.frames == frames + 1
    assert shown(explorer) == before
    assert all(control.following for control in explorer.sliders.values())


def test_turning_and_zooming_draw_no_new_stars(explore, edf):
    explorer = explore(n=2000)
    before = explorer.canvas.pixels
    half = len(before) // 4
    explorer.canvas.turned = [45.0, 0.0]
    assert explorer.canvas.pixels[:half] == before[:half]
    assert explorer.canvas.pixels[half : 2 * half] != before[half : 2 * half]
    assert explorer.canvas.frame["columns"][1]["title"] == "inclination 45°"
    explorer.canvas.turned = [45.0, 60.0]
    assert explorer.canvas.direction == [45.0, 60.0]
    assert explorer.canvas.frame["columns"][0]["x"] == "x′ [kpc]"
    explorer.canvas.zoomed = [1.0, 0.5, 3.0]
    assert explorer.canvas.field == [1.0, 0.5, 3.0]
    explorer.canvas.zoomed = []
    assert explorer.canvas.field[:2] == [0.0, 0.0]
    assert explorer.frames == 5
    assert len(edf.calls) == 1


def test_a_fixed_field_stays_when_the_galaxy_grows(explore):
    explorer = explore(n=2000)
    field = explorer.canvas.field
    explorer.view_panel.fixed.value = True
    explorer.sliders["log10_mstar"].value = 8.0
    assert explorer.canvas.field == field
    explorer.view_panel.fixed.value = False
    assert explorer.canvas.field[2] < field[2]


def test_quantities_are_chosen_and_never_twice_the_same(explore):
    explorer = explore(n=2000)
    explorer.view_panel.lower.value = "v_los"
    assert explorer.canvas.frame["rows"][1]["label"] == "v (line of sight) [km s⁻¹]"
    explorer.view_panel.upper.value = "v_los"
    assert explorer.view.quantities == ("v_los", "surface_density")
    assert explorer.view_panel.lower.value == "surface_density"


def test_extrapolation_is_said_in_words_and_colour(explore):
    explorer = explore(n=500)
    explorer.sliders["log10_mstar"].value = 8.0
    assert "extrapolated" not in explorer.status.value
    assert not explorer.plane.outside
    explorer.sliders["mean_metallicity"].value = 0.03
    assert "outside the training population: extrapolated" in explorer.status.value
    assert "gfl-warning" in explorer.status.value
    assert explorer.plane.outside


def test_an_error_is_one_sentence_and_the_next_frame_recovers(explore, edf, capsys):
    explorer = explore(n=500)
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


def test_number_of_stars_and_seed(explore):
    explorer = explore(n=2000)
    first = explorer.stars["x"].copy()
    explorer.actions.count.value = 20_000
    assert len(explorer.stars) == 20_000
    explorer.actions.resample.click()
    assert len(explorer.stars) == 20_000
    assert "seed=2" in explorer.code
    assert not np.array_equal(explorer.stars["x"][:2000], first)


def test_playing_moves_along_the_path_and_a_hand_stops_it(explore):
    explorer = explore(n=500)
    explorer.path = [{"log10_mstar": 8.0}, {"log10_mstar": 9.0}, {"log10_mstar": 11.0}]
    player = explorer.actions.player
    player.playing = True
    player.value = player.max // 4
    assert explorer.context["log10_mstar"] == pytest.approx(9.0)
    assert explorer.sliders["age_p50"].following
    player.value = player.max // 2
    assert explorer.context["log10_mstar"] == pytest.approx(11.0)
    assert player.playing
    explorer.sliders["age_p50"].slider.value += 1
    assert not player.playing
    context = explorer.context
    player.value = player.max // 4  # the page had sent it before it heard of the pause
    assert explorer.context == context


def test_exported_stars_are_those_shown(explore, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    explorer = explore(n=2000)
    for name in ("galaxy.fits", "galaxy.hdf5", "galaxy.parquet"):
        explorer.actions.filename.value = name
        explorer.actions.export.click()
        assert f"wrote {name}: 2 000 stars" in explorer.status.value
        table, header = read_table(tmp_path / name)
        np.testing.assert_array_equal(table["vx"].value, explorer.stars["vx"].value)
        assert header["context"] == explorer.context


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../galaxy.fits", "working directory"),
        ("/tmp/galaxy.fits", "working directory"),
        ("galaxy.exe", "cannot tell the format"),
        ("nowhere/galaxy.fits", "there is no folder nowhere"),
        ("old.fits", "is there already"),
    ],
)
def test_export_refuses_in_words(explore, tmp_path, monkeypatch, name, message):
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "old.fits").touch()
    monkeypatch.chdir(inner)
    explorer = explore(n=500)
    explorer.actions.filename.value = name
    explorer.actions.export.click()
    assert message in explorer.status.value
    assert {p.name for p in tmp_path.rglob("*")} == {"inner", "old.fits"}
    assert (inner / "old.fits").stat().st_size == 0


def test_two_explorers_are_independent(explore):
    one, two = explore(n=1000), explore(n=1000, seed=2)
    before = two.canvas.pixels
    assert one.canvas.pixels != before
    one.sliders["log10_mstar"].value = 9.0
    assert (one.frames, two.frames) == (2, 1)
    assert two.canvas.pixels == before
    assert two.sliders["log10_mstar"].following


@pytest.mark.parametrize("rest", [0.0, 0.15])
def test_closing_leaves_nothing_behind(explore, rest):
    before = set(_instances)
    explorer = explore(n=30 * PREVIEW)
    time.sleep(rest)  # so that it is being refined, or not yet
    explorer.close()
    assert explorer.wait(10)
    assert set(_instances) <= before
    assert explorer.canvas.comm is None
    assert (explorer.context, explorer.code) == ({}, "")
    status = explorer.status.value
    explorer.sliders["log10_mstar"].value = 9.0
    assert (explorer.context, explorer.status.value) == ({}, status)


def test_stars_taken_before_the_hand_rests_do_not_end_the_refinement(explore):
    explorer = explore(n=3 * PREVIEW)
    explorer.sliders["log10_mstar"].value = 10.0
    assert len(explorer.stars) == 3 * PREVIEW
    assert explorer.wait(30)
    assert "61 440 stars · refined" in explorer.status.value
    assert explorer.canvas.frame["state"] == "settled"


def test_another_number_of_stars_while_refining(explore):
    explorer = explore(n=30 * PREVIEW)
    explorer.actions.count.value = 50_000
    assert explorer.wait(30)
    assert "50 000 stars · refined" in explorer.status.value


def test_a_chart_that_fails_stops_nothing_else(explore, monkeypatch):
    explorer = explore(n=3 * PREVIEW)

    def fail(*_):
        raise ValueError("too few stars")

    monkeypatch.setattr(explorer.tabs, "draw", fail)
    explorer.sliders["log10_mstar"].value = 10.0
    assert explorer.wait(30)
    assert "61 440 stars · refined" in explorer.status.value
    assert "Could not draw the chart: too few stars" in explorer.status.value


class Broken:
    """References that fail at one point."""

    def __init__(self, where):
        self.where = where

    def _do(self, where, result):
        if where == self.where:
            raise OSError(f"no disk for {where}")
        return result

    def prepare(self, context):
        self._do("prepare", None)
        yield

    def nearest(self, context):
        self.context = dict(context)
        stars = {name: np.ones(9, np.float32) for name in ("x", "y", "z", "mass")}
        if self.where == "stars":
            del stars["x"]
        return self._do("nearest", Reference("one", self.context, stars, 0.1))

    def name_of_nearest(self, context):
        return self._do("name", "one")


@pytest.mark.parametrize("where", ["prepare", "nearest", "stars", "name"])
def test_references_that_fail_are_given_up_in_words(explore, where):
    explorer = explore(n=500, references=Broken(where))
    assert explorer.wait(30)
    explorer.sliders["log10_mstar"].value = 10.0
    assert explorer.wait(30)
    assert explorer.context["log10_mstar"] == 10.0
    assert explorer.canvas.frame["state"] == "settled"
    assert "no galaxy beside the model: " in explorer.view_panel.caption.value
    frames = explorer.frames
    explorer.canvas.turned = [30.0, 0.0]
    assert explorer.frames == frames + 1


def test_a_view_that_makes_no_sense_is_refused_and_changes_nothing(explore):
    explorer = explore(n=500)
    before = explorer.view
    for quantities in (("v_los", "nonsense"), ("v_los",), ("v_los", "v_los")):
        with pytest.raises(ValueError, match="expected two of"):
            explorer.view = View(quantities)
    with pytest.raises(ValueError, match="finite"):
        explorer.sliders["log10_mstar"].value = np.nan
    assert explorer.view == before
    explorer.sliders["log10_mstar"].value = 10.0
    assert explorer.context["log10_mstar"] == 10.0
    assert explorer.frames == 2


def test_changes_from_several_threads_end_in_a_consistent_picture(explore):
    explorer = explore(n=500)

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
    expected = explore(n=500)
    expected.sliders["log10_mstar"].value = 11.0
    expected.sliders["age_p50"].value = 8.0
    assert explorer.wait(10)
    assert explorer.context == expected.context
    assert explorer.canvas.pixels == expected.canvas.pixels


def test_the_code_makes_the_stars_that_are_shown():
    from galflowlab_widgets import Explorer

    explorer = Explorer(galflowlab.load("mock"), n=PREVIEW + 5000)
    explorer.sliders["log10_mstar"].slider.value += 7
    scope = {}
    exec(explorer.code, scope)  # what a user does with copied code
    assert explorer.actions.copy.text == explorer.code
    for name in explorer.stars.colnames:
        np.testing.assert_array_equal(scope["stars"][name], explorer.stars[name])
    explorer.close()
