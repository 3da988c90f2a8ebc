import contextlib
from math import log10

import numpy as np
import pytest
from galflowlab_widgets.context_panel import PLANE, ContextPanel
from galflowlab_widgets.controls import ContextControl, widened

from galflowlab.schema import CONTEXT


@pytest.fixture
def moves():
    return []


@pytest.fixture
def control(edf, moves):
    return ContextControl(
        "log10_mstar", edf.population, lambda: moves.append(1), contextlib.nullcontext
    )


@pytest.fixture
def panel(edf, moves):
    return ContextPanel(edf.population, lambda: moves.append(1), contextlib.nullcontext)


def test_slider_ranges_are_whole_steps_around_the_given_range():
    low, high, step = widened(7.01, 11.2)
    assert (low, high, step) == (6.8, 11.41, 0.01)
    low, high, step = widened(5.0, 5.0)
    assert low < 5 < high
    assert step > 0


def test_moving_a_slider_locks_it(control, moves):
    control.follow(10.0)
    assert control.following
    assert moves == []
    control.slider.value += 3
    assert not control.following
    assert control.value == pytest.approx(10.0 + 3 * control.step, abs=control.step / 2)
    assert moves == [1]
    assert control.lock.icon == "lock"


def test_locking_keeps_the_exact_value_and_unlocking_follows_again(control, moves):
    control.follow(10.01234)
    control.lock.value = True
    assert control.value == 10.01234
    control.lock.value = False
    assert control.following
    assert len(moves) == 2
    control.follow(9.5)
    assert control.value == 9.5


def test_a_value_set_from_code_is_exact_and_stays_within_the_slider(control, edf, moves):
    control.value = 10.31234
    assert (control.value, control.following, len(moves)) == (10.31234, False, 1)
    control.value = 10.31235  # the same step of the slider
    assert (control.value, len(moves)) == (10.31235, 2)
    low, high = edf.population.range("log10_mstar")
    control.value = 1e9
    assert high < control.value < high + 1
    assert control.fraction == pytest.approx(1)
    control.value = 0.0
    assert low - 1 < control.value < low
    assert control.fraction == pytest.approx(0)


@pytest.mark.parametrize("name", CONTEXT)
def test_labels_have_value_and_unit_and_say_what_is_typical(edf, name):
    control = ContextControl(name, edf.population, lambda: None, contextlib.nullcontext)
    control.follow(edf.population.complete({})[name])
    control.describe()
    assert CONTEXT[name].label in control.label.value
    assert CONTEXT[name].unit_text in control.label.value
    assert "typical" in control.label.value
    control.put(0.5)
    control.describe()
    assert "typical" not in control.label.value


def test_the_plane_shows_every_training_galaxy_and_where_they_reach(panel, edf):
    points = np.frombuffer(panel.plane.points, np.float32).reshape(-1, 2)
    assert len(points) == len(edf.population)
    assert ((points > 0) & (points < 1)).all()
    nx, ny = panel.plane.support_size
    support = np.frombuffer(panel.plane.support, np.uint8).reshape(ny, nx)
    assert set(np.unique(support)) == {0, 255}
    cells = (points * [nx, ny]).astype(int)
    assert (support[cells[:, 1], cells[:, 0]] == 255).mean() > 0.8
    assert support[-1, 0] == support[0, -1] == 0


def test_plane_and_sliders_agree(panel, edf, moves):
    context = edf.population.complete({"log10_mstar": 9.3})
    panel.show(context, inside=True)
    mass, metallicity = (panel.sliders[name] for name in PLANE)
    assert panel.plane.position == [mass.fraction, metallicity.fraction]
    panel.plane.dragged = [0.25, 0.75]
    assert len(moves) == 1
    assert set(panel.chosen) == set(PLANE)
    assert mass.value == pytest.approx(mass.scaled(0.25), abs=mass.step)
    assert log10(metallicity.value) == pytest.approx(metallicity.scaled(0.75), abs=0.02)
    panel.show(edf.population.complete(panel.chosen), inside=False)
    assert panel.plane.outside
    assert panel.plane.position == pytest.approx([0.25, 0.75], abs=0.01)
    panel.release()
    assert panel.chosen == {}


def test_a_marked_galaxy_lies_where_its_context_is(panel, edf):
    context = edf.population.complete({"log10_mstar": 9.3})
    panel.show(context, inside=True)
    panel.mark(context)
    assert panel.plane.marked == pytest.approx(panel.plane.position)
    panel.mark(None)
    assert panel.plane.marked == []


def test_the_users_value_wins_over_what_the_app_shows_meanwhile(control):
    control.follow(10.0)
    index = control.slider.value + 5
    control._on_slider({"new": index})  # while the app still shows the typical value
    assert control.slider.value == index
    assert not control.following


def test_locking_moves_the_handle_to_the_value(control):
    control.follow(10.0)
    control.follow(9.0, show=False)
    control.lock.value = True
    assert control.value == 9.0
    assert control.slider.value == control._index(9.0)
