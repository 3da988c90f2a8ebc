"""The training monitor: what it shows of reports, and trainings in the background."""

import json
import math
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from galflowlab_widgets import TrainingMonitor
from galflowlab_widgets import training_screen as screen_module
from galflowlab_widgets.held_out_map import HeldOutGalaxy
from galflowlab_widgets.training_curves import Curve, Row, learning_rates, losses, read_log
from galflowlab_widgets.training_words import amount, duration, ended, pace, under_way

import galflowlab
from galflowlab import mocks
from galflowlab.schema import EDF_COLUMNS, star_matrix
from galflowlab.training import Progress
from galflowlab.training_set import TrainingSet
from tests.widgets.conftest import NAMES

CONTEXTS = ((9.0, 5.0, 2.0, 0.005), (10.5, 6.0, 2.0, 0.015), (10.0, 6.0, 2.0, 0.01))
BUDGET = 1_000_000


@pytest.fixture
def held_out(edf):
    """Three galaxies that the stub model makes itself."""
    rows = [dict(zip(NAMES, context, strict=True)) for context in CONTEXTS]
    stars = [star_matrix(edf.draw(4000, row, 5), EDF_COLUMNS) for row in rows]
    names, context = ("light", "heavy", "middle"), torch.tensor(CONTEXTS, dtype=torch.float64)
    return TrainingSet(names, EDF_COLUMNS, NAMES, list(map(torch.from_numpy, stars)), context)


@pytest.fixture
def progress(held_out, edf):
    """Make reports."""

    def make(stars_seen, held_out_nll=None, train_nll=14.0, last=None):
        seconds = stars_seen / 20_000
        numbers = (stars_seen, BUDGET, train_nll, held_out_nll, 5e-3, seconds)
        last = stars_seen >= BUDGET if last is None else last
        return Progress(*numbers, last, held_out, lambda: edf)

    return make


@pytest.fixture(scope="module")
def suite():
    """Galaxies small enough to train on in a second."""
    return mocks.make_suite(12, 300, seed=3, scatter=0.0, log10_mstar=(8.5, 10.8))


@pytest.fixture
def monitor():
    made = TrainingMonitor()
    yield made
    made.close()


@pytest.fixture
def unthrottled(monkeypatch):
    monkeypatch.setattr(screen_module, "_BETWEEN_CURVES", 0.0)
    monkeypatch.setattr(screen_module, "_BETWEEN_MAPS", 0.0)
    monkeypatch.setattr(screen_module, "_MAP_SHARE", math.inf)


def rows_of(*nlls, step=10_000):
    """Reports with these training losses; every other one has a held-out loss."""
    rows = []
    for i, nll in enumerate(nlls):
        held = nll + 0.5 if i % 2 else None
        rows.append(Row((i + 1) * step, nll, held, 1e-3 * (i + 1), 0.5 * (i + 1)))
    return rows


def curve_of(rows):
    curve = Curve()
    for row in rows:
        curve.add(row)
    return curve


def numbers_in(axis):
    return [float(text.replace("−", "-")) for _, text in axis["ticks"]]


def shown(monitor):
    return re.sub(r"<[^>]*>", " ", monitor.panel.message.value).strip()


def points(monitor, i):
    (panel,) = monitor.panel.loss_chart.figure["panels"]
    return [p for p in panel["lines"][i]["points"] if p is not None]


# Curves


def test_losses_lie_where_the_axes_say():
    rows = rows_of(15.0, 14.5, 14.25, 14.0)
    diagram = losses(rows, 40_000)
    (panel,) = diagram.figure["panels"]
    assert panel["x"]["label"] == "stars seen [10³]"
    assert panel["y"]["label"] == "NLL [nats per star]"
    for axis, column, scale in (("x", 0, 1e3), ("y", 1, 1.0)):
        (f, _), (g, _) = panel[axis]["ticks"][0], panel[axis]["ticks"][-1]
        first, *_, last = numbers_in(panel[axis])
        place = np.array([p[column] for p in panel["lines"][0]["points"]])
        values = first + (place - f) / (g - f) * (last - first)
        expected = [getattr(row, ("stars_seen", "train_nll")[column]) for row in rows]
        np.testing.assert_allclose(scale * values, expected, rtol=1e-3)
    held = panel["lines"][1]
    assert held["label"] == "held-out"
    assert [p[0] for p in held["points"]] == [0.5, 1.0]
    assert "now training 14.000, held-out 14.500 nats per star" in diagram.alt
    json.dumps(diagram.figure, allow_nan=False)


def test_first_losses_do_not_flatten_the_rest():
    early, late = [400.0, 60.0], list(np.linspace(15, 14, 50))
    (panel,) = losses(rows_of(*early, *late), 520_000).figure["panels"]
    place = [p[1] for p in panel["lines"][0]["points"]]
    assert place[0] > 1  # cut off by the browser
    assert max(place[2:]) - min(place[2:]) > 0.4


def test_losses_that_are_not_finite_are_gaps():
    rows = rows_of(15.0, math.nan, 14.0)
    diagram = losses(rows, 40_000)
    (panel,) = diagram.figure["panels"]
    assert panel["lines"][0]["points"][1] is None
    json.dumps(diagram.figure, allow_nan=False)
    json.dumps(losses(rows_of(math.nan), 40_000).figure, allow_nan=False)
    json.dumps(learning_rates([], 40_000).figure, allow_nan=False)


def test_the_axis_ends_where_the_budget_does():
    (panel,) = losses(rows_of(15.0, 14.0, step=999_936), 2 * 999_936).figure["panels"]
    assert panel["x"]["ticks"][-1] == [1.0, "2.0"]
    assert panel["lines"][0]["points"][-1][0] == pytest.approx(1, abs=1e-3)


def test_learning_rates_have_short_numbers():
    (panel,) = learning_rates(rows_of(15.0, 14.0, 13.0), 3_000_000).figure["panels"]
    assert panel["x"]["label"] == "stars seen [10⁶]"
    assert panel["y"]["label"] == "learning rate [10⁻³]"
    assert numbers_in(panel["y"])[-1] == 3
    assert panel["lines"][0]["points"][-1][1] == 1.0


def test_reports_ahead_of_a_resumed_training_are_dropped():
    curve = curve_of(rows_of(15.0, 14.5, 14.0, 13.9))
    curve.add(Row(20_000, 14.4, None, 1e-3, 1.0))
    assert [row.train_nll for row in curve.rows] == [15.0, 14.4]


def test_best_and_evaluations_since():
    best = curve_of(rows_of(15.0, 14.0, 13.0, 14.1, 13.0, 14.2)).best()
    assert (best.nll, best.stars_seen, best.since) == (14.5, 20_000, 2)
    assert curve_of(rows_of(15.0)).best() is None
    assert curve_of([Row(1, 1.0, math.nan, 1e-3, 1.0)]).best() is None


def test_logs_are_read_back(tmp_path, suite):
    path = tmp_path / "log.csv"
    seen = []
    recipe = {"seed": 1, "stars_seen": 5_000, "batch": 128, "progress": False}
    galflowlab.fit(suite, **recipe, log=path, callbacks=[lambda p: seen.append(Row.of(p))])
    assert read_log(path) == seen
    path.write_text("stars_seen,train_nll\n1,2\n")
    with pytest.raises(ValueError, match="expected a log with the columns stars_seen"):
        read_log(path)
    path.write_text("stars_seen,train_nll,held_out_nll,learning_rate,seconds\n1,2,3,x,5\n")
    with pytest.raises(ValueError, match="not a log of a training"):
        read_log(path)


# Words


@pytest.mark.parametrize(
    ("stars", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.00 k"),
        (12_345, "12.3 k"),
        (999_900, "1.00 M"),
        (4e8, "400 M"),
    ],
)
def test_amounts_have_three_digits(stars, text):
    assert amount(stars) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3, "3 s"), (99, "99 s"), (600, "10 min"), (7200, "2.0 h"), (2e5, "2.3 days")],
)
def test_durations_are_rough(seconds, text):
    assert duration(seconds) == text


def test_pace_says_how_fast_and_how_long():
    curve = curve_of(rows_of(15.0, 14.0, 13.0))
    expected = "30.0 k of 100 k stars seen · 30 % · 20.0 k stars/s · about 4 s left"
    assert pace(curve, 100_000) == expected + " · learning rate 0.003"
    assert "left" not in pace(curve, 30_000)
    assert "in 2 s" in pace(curve, 30_000)


def test_it_says_when_nothing_gets_better():
    curve = curve_of(rows_of(15.0, 14.0, 13.0, 14.1))
    assert under_way(curve) == ("training", False)
    curve.add(Row(70_000, 13.0, 14.7, 1e-3, 3.0))
    assert under_way(curve) == ("held-out NLL has not improved since 20.0 k stars", True)
    assert "done early, at 70.0 k stars: held-out NLL had not" in ended(curve, 100_000)
    assert ended(curve, 70_300).startswith("done; the weights with the best held-out NLL, 14.500")


# Maps


def test_data_and_model_share_limits_and_noise(held_out, edf):
    galaxy = HeldOutGalaxy(held_out, 1)
    picture = galaxy.picture(edf, "model at 5 stars")
    bins = picture.frame["bins"]
    panels = np.frombuffer(picture.pixels, np.uint8).reshape(2, 2, bins, bins)
    assert galaxy.n == 4000
    assert [c["title"] for c in picture.frame["columns"]] == ["data", "model at 5 stars"]
    assert [r["y"] for r in picture.frame["rows"]] == ["face-on: y [kpc]", "edge-on: z [kpc]"]
    assert picture.frame["rows"][0]["label"] == "surface density [M☉ kpc⁻²]"
    assert picture.frame["rows"][0]["ticks"] == picture.frame["rows"][1]["ticks"]
    filled = (panels > 0).sum(axis=(2, 3))
    np.testing.assert_allclose(filled[:, 0], filled[:, 1], rtol=0.15)  # other seed, same galaxy
    assert filled[0, 0] > 1.3 * filled[1, 0]  # a disc
    bright = panels[:, :, bins // 2 - 2 : bins // 2 + 2, bins // 2 - 2 : bins // 2 + 2]
    assert bright.max() > 200
    assert panels[panels > 0].min() < 50  # a single star: colours are not spent on less
    assert "held-out galaxy heavy" in picture.alt
    assert (picture.direction, picture.field) == ((), ())  # nothing to turn
    again = galaxy.picture(edf, "model at 6 stars")
    assert again.pixels == picture.pixels


def test_a_model_of_another_galaxy_looks_different(held_out, edf):
    galaxy = HeldOutGalaxy(held_out, 0)
    right = galaxy.picture(edf, "model")
    edf.draw = lambda n, context, seed, draw=edf.draw: draw(n, context | {"log10_mstar": 11}, seed)
    wrong = galaxy.picture(edf, "model")
    bins = right.frame["bins"]
    both = [np.frombuffer(p.pixels, np.uint8).reshape(2, 2, -1) for p in (right, wrong)]
    assert (both[0][:, 0] == both[1][:, 0]).all()
    assert (both[0][:, 1] != both[1][:, 1]).sum() > 0.1 * bins**2


def test_large_galaxies_are_thinned(held_out, edf):
    stars = held_out.stars[0].repeat(9, 1)
    many = replace(held_out, stars=[stars, *held_out.stars[1:]])
    assert HeldOutGalaxy(many, 0).n == 18_000


def test_galaxies_without_a_mass_or_an_extent_are_refused(held_out):
    nameless = replace(held_out, context_names=("a", "b", "c", "d"))
    with pytest.raises(ValueError, match="expected log10_mstar among the context"):
        HeldOutGalaxy(nameless, 0)
    point = replace(held_out, stars=[torch.zeros(5, 10, dtype=torch.float64)] * 3)
    with pytest.raises(ValueError, match="no finite extent"):
        HeldOutGalaxy(point, 0)


# The monitor as a callback


def elsewhere(function, *args):
    """Call a function in another thread, so that the main thread is free for the button."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *args).result()


def test_reports_move_everything(monitor, progress, unthrottled):
    assert shown(monitor) == "waiting for the first report"
    assert monitor.panel.button.disabled
    assert elsewhere(monitor, progress(100_000, 15.0)) is True
    assert not monitor.panel.button.disabled
    assert re.fullmatch(r"training; last report at \d\d:\d\d:\d\d", shown(monitor))
    assert monitor.panel.bar.value == 0.1
    first = monitor.panel.canvas.frame["columns"][1]["title"]
    assert first == "model after 100 k stars"
    assert monitor(progress(200_000, train_nll=13.0)) is True
    assert "200 k of 1.00 M stars seen · 20 % · 20.0 k stars/s" in monitor.panel.numbers.value
    assert "NLL 13.000 in training, 15.000 held-out" in monitor.panel.numbers.value
    assert [p[0] for p in points(monitor, 0)] == [0.1, 0.2]
    assert [p[0] for p in points(monitor, 1)] == [0.1]
    assert len(monitor.panel.rate_chart.figure["panels"][0]["lines"][0]["points"]) == 2
    assert monitor.panel.canvas.frame["columns"][1]["title"] == "model after 200 k stars"
    assert re.search("^training; last report.*; interrupt the kernel to stop it$", shown(monitor))
    assert monitor.panel.button.disabled  # the main thread was busy with this report


def test_the_last_report_is_shown_and_says_so(monitor, progress):
    monitor(progress(500_000, 14.5))
    assert monitor(progress(BUDGET, 14.4)) is True
    assert shown(monitor).startswith("done; the weights with the best held-out NLL, 14.400")
    assert monitor.panel.bar.value == 1.0
    assert monitor.panel.button.disabled
    assert monitor.panel.canvas.frame["columns"][1]["title"] == "model after 1.00 M stars"


def test_drawing_is_throttled(monitor, progress, edf):
    for stars in range(10_000, 100_000, 1000):
        monitor(progress(stars))
    assert len(edf.calls) == 3 + 1  # three galaxies of the fixture, one map
    assert len(points(monitor, 0)) == 1


def test_stop_ends_at_the_next_report_once(monitor, progress):
    monitor.stop()
    assert shown(monitor) == "waiting for the first report"  # there was nothing to stop
    elsewhere(monitor, progress(10_000))
    monitor.panel.button.click()
    assert shown(monitor).startswith("stopping: the training ends when its checkpoint is written")
    assert monitor.panel.button.disabled
    assert elsewhere(monitor, progress(20_000)) is False
    assert shown(monitor) == "stopped at 20.0 k stars; if it has a checkpoint, run again to go on"
    assert elsewhere(monitor, progress(30_000)) is True  # run again
    assert shown(monitor).startswith("training; last report")
    assert [p[0] for p in points(monitor, 0)] == [0.01, 0.02]  # the third is throttled


def test_a_stop_that_came_too_late_does_not_stop_the_next_training(monitor, progress, held_out):
    monitor(progress(10_000))
    monitor.stop()
    another = replace(held_out, stars=list(held_out.stars))
    assert monitor(replace(progress(10_000), held_out=another)) is True


def test_the_galaxy_can_be_chosen(monitor, progress):
    monitor(progress(10_000))
    labels = [label for label, _ in monitor.panel.galaxy.options]
    assert labels[0] == "light, log₁₀ M★ = 9.00"
    assert monitor.panel.galaxy.label.startswith("middle")
    assert "galaxy middle" in monitor.panel.canvas.alt
    monitor.panel.galaxy.value = 1
    assert "galaxy heavy" in monitor.panel.canvas.alt
    report = progress(BUDGET)
    resumed = replace(report.held_out, stars=list(report.held_out.stars))
    monitor(replace(report, held_out=resumed))
    assert "galaxy heavy" in monitor.panel.canvas.alt


def test_what_cannot_be_drawn_does_not_end_the_training(monitor, progress, unthrottled):
    def broken():
        raise FloatingPointError("weights of <nan>")

    assert monitor(replace(progress(10_000), snapshot=broken)) is True
    assert "Could not show the training: weights of &lt;nan&gt;" in monitor.panel.message.value
    good = progress(20_000)
    monitor(good)
    assert shown(monitor).startswith("training; last report")
    edf = good.snapshot()
    edf.freeze = lambda *args, **options: broken()
    monitor(progress(30_000))
    assert shown(monitor).startswith("training")
    assert "Could not draw the held-out galaxy: weights of" in shown(monitor)
    assert 'role="alert"' in monitor.panel.message.value


def test_a_still_shows_curves_and_maps(monitor, progress):
    assert monitor.panel.still() == ""
    monitor(progress(10_000, 15.0))
    still = monitor.panel.still()
    assert still.count('<img class="gfl-still"') == 2
    assert "NLL against stars seen" in still
    assert "held-out galaxy middle" in still


def test_a_closed_monitor_leaves_trainings_alone(progress):
    monitor = TrainingMonitor()
    monitor(progress(10_000))
    monitor.close()
    assert monitor(progress(20_000)) is True
    assert monitor.panel.canvas.comm is None
    with pytest.raises(RuntimeError, match="a closed one"):
        monitor.train([])


# Trainings in the background

RECIPE = {"seed": 1, "stars_seen": 15_000, "batch": 128}


def weights(edf):
    return edf._model.state_dict()


class Gate:
    """A callback that holds a training at its third report until it is opened."""

    def __init__(self):
        self.reached, self.opened, self.count = threading.Event(), threading.Event(), 0

    def __call__(self, progress):
        self.count += 1
        if self.count == 3:
            self.reached.set()
            assert self.opened.wait(30)


@pytest.mark.slow
def test_a_training_is_stopped_saved_and_gone_on_with(monitor, suite, tmp_path):
    paths = {"checkpoint": tmp_path / "t.safetensors", "log": tmp_path / "t.csv"}
    gate = Gate()
    monitor.train(suite, **RECIPE, **paths, callbacks=[gate])
    assert monitor.running
    assert gate.reached.wait(30)
    with pytest.raises(RuntimeError, match="a training is going on"):
        monitor.train(suite, **RECIPE)
    with pytest.raises(TimeoutError):
        monitor.result(timeout=0.01)
    monitor.panel.button.click()
    gate.opened.set()
    partial_edf = monitor.result(30)
    stopped_at = partial_edf.card["training"]["stars_seen"]
    assert stopped_at < RECIPE["stars_seen"] / 2
    assert paths["checkpoint"].is_file()
    text = f"stopped at {amount(stopped_at)} stars; run again, or press “go on”, to go on"
    assert shown(monitor) == text
    assert monitor.panel.button.description == "go on"
    assert not monitor.running

    other = TrainingMonitor()  # as in another session: the log brings the beginning back
    other.train(suite, **RECIPE, **paths)
    whole = other.result(60)
    uninterrupted = galflowlab.fit(suite, **RECIPE, progress=False)
    assert all(torch.equal(weights(whole)[k], weights(uninterrupted)[k]) for k in weights(whole))
    assert shown(other).startswith("done; the weights with the best held-out NLL")
    assert other.panel.button.disabled
    assert len(points(other, 0)) == len(read_log(paths["log"]))
    assert other.panel.canvas.frame["columns"][1]["title"] == "model, best weights"

    monitor.panel.button.click()  # the checkpoint is complete by now: no report comes
    assert monitor.result(60).card["training"]["stars_seen"] >= 0.99 * RECIPE["stars_seen"]
    assert shown(monitor).startswith("done")
    other.close()


def test_without_a_checkpoint_it_says_so(monitor, suite):
    gate = Gate()
    monitor.train(suite, **RECIPE, callbacks=[gate])
    assert gate.reached.wait(30)
    monitor.stop()
    gate.opened.set()
    monitor.result(30)
    assert shown(monitor).endswith(
        "there is no checkpoint: running again starts from the beginning"
    )
    assert monitor.panel.button.disabled


def test_failures_are_shown_and_raised(monitor, suite):
    with pytest.raises(RuntimeError, match="call train first"):
        monitor.result()
    monitor.train([], seed=1)
    with pytest.raises(ValueError, match="at least one galaxy"):
        monitor.result(30)
    assert shown(monitor).startswith("The training failed: expected at least one galaxy")
    assert 'role="alert"' in monitor.panel.message.value
    monitor.train(suite, seed=1, learning=3)
    with pytest.raises(TypeError, match="learning"):
        monitor.result(30)


def test_closing_stops_what_was_started(suite, tmp_path):
    monitor, gate = TrainingMonitor(), Gate()
    monitor.train(suite, **RECIPE, checkpoint=tmp_path / "t.safetensors", callbacks=[gate])
    assert gate.reached.wait(30)
    monitor.close()
    gate.opened.set()
    assert monitor.result(30).card["training"]["stars_seen"] < RECIPE["stars_seen"] / 2
    assert (tmp_path / "t.safetensors").is_file()


def test_a_monitor_changes_nothing_in_the_training(suite):
    train = partial(galflowlab.fit, suite, seed=2, stars_seen=5_000, batch=128, progress=False)
    watched, alone = train(callbacks=[TrainingMonitor()]), train()
    assert all(torch.equal(weights(watched)[k], weights(alone)[k]) for k in weights(alone))
