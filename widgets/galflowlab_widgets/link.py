"""The link between kernel and browser: compress pictures where bytes travel slowly."""

from __future__ import annotations

import time
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from galflowlab_widgets.canvas import MapCanvas
from galflowlab_widgets.rendering import Picture

_SLOW = 0.08  # seconds there and back, drawing included; nearby it is a third of that
_EVERY = 1.0  # seconds between two pings
_REMEMBERED = 4


class Link:
    """Measures the round trip by a number that the browser returns after drawing.

    Parameters
    ----------
    canvas
        On which the pictures are drawn.
    clock
        Seconds, for tests.
    """

    def __init__(self, canvas: MapCanvas, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ping = 0
        self._sent: float | None = None
        self._next = 0.0
        self._trips: deque[float] = deque(maxlen=_REMEMBERED)
        canvas.on_msg(self._on_message)

    @property
    def slow(self) -> bool:
        """Whether even the quickest of the last trips was slow; others waited for the kernel."""
        return bool(self._trips) and min(self._trips) > _SLOW

    def pack(self, picture: Picture) -> Picture:
        """The picture as it should travel now."""
        ping = None
        if self._clock() >= self._next:
            self._ping += 1
            ping, self._sent = self._ping, self._clock()
            self._next = self._sent + _EVERY
        slow = self.slow
        pixels = zlib.compress(picture.pixels, 1) if slow else picture.pixels
        return replace(picture, pixels=pixels, frame=picture.frame | {"zlib": slow, "ping": ping})

    def _on_message(self, _widget: object, content: Any, _buffers: object) -> None:
        """Take the answer to the last ping; a page may send anything."""
        if not (isinstance(content, dict) and content.get("type") == "pong"):
            return
        if content.get("ping") == self._ping and self._sent is not None:
            self._trips.append(self._clock() - self._sent)
            self._sent = None
