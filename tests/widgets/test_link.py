import zlib

import pytest
from galflowlab_widgets.canvas import MapCanvas
from galflowlab_widgets.link import Link
from galflowlab_widgets.rendering import Picture

PIXELS = bytes(1000)


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def canvas():
    return MapCanvas()


@pytest.fixture
def link(canvas, clock):
    return Link(canvas, clock)


def answer(canvas, content):
    canvas._handle_custom_msg(content, [])


def pack(link):
    return link.pack(Picture(PIXELS, {"bins": 1}, (90.0, 0.0), (0.0, 0.0, 1.0), "words"))


def travel(link, canvas, clock, seconds):
    clock.now += 2
    ping = pack(link).frame["ping"]
    clock.now += seconds
    answer(canvas, {"type": "pong", "ping": ping})


def test_bytes_travel_as_they_are_until_the_link_is_known_to_be_slow(link, canvas, clock):
    assert pack(link).pixels == PIXELS
    travel(link, canvas, clock, 0.02)
    assert not link.slow
    for _ in range(4):
        travel(link, canvas, clock, 0.2)
    assert link.slow
    packed = pack(link)
    assert packed.frame["zlib"] is True
    assert packed.frame["bins"] == 1
    assert zlib.decompress(packed.pixels) == PIXELS
    travel(link, canvas, clock, 0.02)
    assert pack(link).frame["zlib"] is False


def test_one_quick_trip_shows_that_the_kernel_was_busy_not_the_link(link, canvas, clock):
    for seconds in (0.5, 0.03, 0.5):
        travel(link, canvas, clock, seconds)
    assert not link.slow


def test_pings_are_rare(link, clock):
    pings = []
    for _ in range(40):
        pings.append(pack(link).frame["ping"])
        clock.now += 0.1
    assert 3 <= sum(ping is not None for ping in pings) <= 5


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        "pong",
        {"type": "pong"},
        {"type": "pong", "ping": "1"},
        {"type": "pong", "ping": 99},
    ],
)
def test_a_page_may_say_anything(link, canvas, clock, content):
    pack(link)
    clock.now += 5
    answer(canvas, content)
    assert not link.slow


def test_an_answer_counts_once(link, canvas, clock):
    ping = pack(link).frame["ping"]
    clock.now += 0.01
    answer(canvas, {"type": "pong", "ping": ping})
    clock.now += 5
    answer(canvas, {"type": "pong", "ping": ping})
    assert not link.slow
    assert len(link._trips) == 1
