import json
import math
from types import SimpleNamespace

import pytest
from galflowlab_widgets.canvas import MapCanvas, module
from galflowlab_widgets.chart import Chart
from galflowlab_widgets.plane import ContextPlane

NO_NUMBERS = [None, "ab", {}, 3, [], [1], [1, 2, 3, 4], [1, "2"], [1, None], [True, 1], [[1], 2]]
NOT_FINITE = [[math.nan, 1], [1, math.inf], [10**400, 1]]

NO_FIELDS = [None, "abc", {}, 3, [1], [1, 2], [1, 2, 3, 4], [0, 0, True], [0, 0, "1"]]
NO_FIELDS += [[0, math.nan, 1], [0, 0, math.inf], [0, 0, 0], [0, 0, -1], [1e300, 0, 1]]


def heard(widget, name):
    """Values that observers are told, in order."""
    values = []
    widget.observe(lambda change: values.append(change["new"]), name)
    return values


def sent(widget):
    """Names in every message to the browser."""
    messages = []
    widget.send_state = lambda key=None: messages.append(
        {key} if isinstance(key, str) else set(key)
    )
    return messages


@pytest.mark.parametrize("value", NO_NUMBERS + NOT_FINITE)
@pytest.mark.parametrize(("kind", "name"), [(MapCanvas, "turned"), (ContextPlane, "dragged")])
def test_what_is_no_pair_of_numbers_is_ignored(kind, name, value):
    widget = kind()
    widget.set_state({name: [0.25, 0.5]})
    values = heard(widget, name)
    widget.set_state({name: value})
    assert values == []
    assert getattr(widget, name) == [0.25, 0.5]


@pytest.mark.parametrize("value", NO_FIELDS)
def test_what_is_no_field_is_ignored(value):
    canvas = MapCanvas()
    canvas.set_state({"zoomed": [1, -2, 3]})
    values = heard(canvas, "zoomed")
    canvas.set_state({"zoomed": value})
    assert values == []
    assert canvas.zoomed == [1.0, -2.0, 3.0]


def test_wishes_are_brought_into_range():
    canvas, plane = MapCanvas(), ContextPlane()
    angles, places = heard(canvas, "turned"), heard(plane, "dragged")
    for value in ([90, 10], [200, 370], [-5, -10]):
        canvas.set_state({"turned": value})
    plane.set_state({"dragged": [-0.5, 7]})
    assert angles == [[90.0, 10.0], [180.0, 10.0], [0.0, 350.0]]
    assert places == [[0.0, 1.0]]
    assert all(isinstance(v, float) for pair in (*angles, *places) for v in pair)


def test_a_wish_that_comes_again_is_told_again():
    """In between the galaxy may have been turned or moved by other means."""
    canvas, plane = MapCanvas(), ContextPlane()
    angles, fields = heard(canvas, "turned"), heard(canvas, "zoomed")
    places = heard(plane, "dragged")
    for _ in range(2):
        canvas.set_state({"turned": [90, 5]})
        canvas.set_state({"zoomed": []})
        plane.set_state({"dragged": [0.1, 0.2]})
    assert angles == 2 * [[90.0, 5.0]]
    assert fields == 2 * [[]]
    assert places == 2 * [[0.1, 0.2]]


def test_wishes_of_two_canvases_are_their_own():
    one, two = MapCanvas(), MapCanvas()
    one.set_state({"turned": [10, 20], "zoomed": [0, 0, 5]})
    assert (two.turned, two.zoomed) == ([], [])
    assert one.turned == [10.0, 20.0]
    assert {"turned", "zoomed"} <= set(two.keys)


def test_a_picture_travels_in_one_message():
    canvas = MapCanvas()
    messages = sent(canvas)
    picture = SimpleNamespace(
        pixels=bytes(4), frame={"bins": 2}, alt="a", direction=(90, 0), field=(0, 0, 5)
    )
    canvas.show(picture)
    assert messages == [{"pixels", "frame", "alt", "direction", "field"}]
    assert canvas.direction == [90.0, 0.0]
    canvas.show(picture)
    assert not any(messages[1:])  # nothing has changed


def test_a_figure_travels_in_one_message():
    chart = Chart()
    messages = sent(chart)
    chart.show({"height": 200, "panels": []}, b"123", "lines")
    assert messages == [{"figure", "pixels", "alt"}]
    assert json.loads(json.dumps(chart.figure)) == {"height": 200, "panels": []}


def test_a_snapshot_is_asked_of_the_browser():
    canvas, messages = MapCanvas(), []
    canvas.send = messages.append
    canvas.snapshot("mine.png")
    assert messages == [{"type": "snapshot", "name": "mine.png"}]


@pytest.mark.parametrize("kind", [MapCanvas, ContextPlane, Chart])
def test_the_browser_gets_all_of_its_module_and_nothing_from_elsewhere(kind):
    source = kind._esm
    assert source.startswith(module("painter.js", "live.js"))
    assert source.count("export default") == 1
    assert "import" not in source.replace("No imports", "").replace("import another", "")
    assert "http" not in source
    assert kind()._dom_classes == (
        {MapCanvas: "gfl-canvas", ContextPlane: "gfl-plane", Chart: "gfl-chart"}[kind],
    )
