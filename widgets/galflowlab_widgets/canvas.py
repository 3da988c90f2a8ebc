"""The canvas on which all maps of an app are drawn, and what all canvases have in common."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from galflowlab_widgets.rendering import Picture, palettes

STATIC = Path(__file__).parent / "static"
STYLE = STATIC / "apps.css"

_FARTHEST = 1e6  # kpc; what a page asks for beyond it is no place in a galaxy
_NARROWEST = 1e-6  # kpc


def module(*names: str) -> str:
    """One browser module out of files of ``static``, which cannot import each other there."""
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names)


def numbers(value: Any, count: int) -> list[float] | None:
    """Exactly `count` finite floats, or None if the value is anything else."""
    if not isinstance(value, list | tuple) or len(value) != count:
        return None
    if any(isinstance(v, bool) or not isinstance(v, int | float) for v in value):
        return None
    try:
        floats = [float(v) for v in value]
    except OverflowError:
        return None
    return floats if all(map(isfinite, floats)) else None


def place(value: Any) -> list[float] | None:
    """Two fractions of the axes, cut to 0 to 1, or None if the value is anything else."""
    fractions = numbers(value, 2)
    return fractions and [min(max(f, 0.0), 1.0) for f in fractions]


class Wish(traitlets.List):
    """What the user asks for by hand: a few numbers that the browser sends.

    A page may send anything. Values that are no wish are ignored without an error, as if they
    had not come. A wish that comes twice is told to observers twice, unlike other traits:
    in between the app may have been moved by other means.

    Parameters
    ----------
    clean
        Returns the wish as a list of floats, or None if the value is none.
    """

    def __init__(self, clean: Callable[[Any], list[float] | None]) -> None:
        super().__init__()
        self._clean = clean
        self.tag(sync=True)

    def set(self, obj: Any, value: Any) -> None:
        """Take a wish and tell observers; ignore anything else."""
        wish = self._clean(value)
        if wish is not None:
            old = obj._trait_values.get(self.name, [])
            obj._trait_values[self.name] = wish
            obj._notify_trait(self.name, old, wish)


def _direction(value: Any) -> list[float] | None:
    angles = numbers(value, 2)
    return angles and [min(max(angles[0], 0.0), 180.0), angles[1] % 360]


def _field(value: Any) -> list[float] | None:
    if isinstance(value, list | tuple) and not value:
        return []
    field = numbers(value, 3)
    if field is None or max(map(abs, field)) > _FARTHEST or field[2] < _NARROWEST:
        return None
    return field


class MapCanvas(anywidget.AnyWidget):
    """Maps in rows and columns with axes and colour bars, drawn in the browser.

    The kernel sends one byte per pixel, and places as fractions of an axis; the browser looks
    up the colours and finds the places on the screen. Dragging, the mouse wheel and keys ask
    for another direction or field; until someone shows it, it is only a wish.

    Attributes
    ----------
    pixels
        Bytes of all panels in reading order, each row by row from the bottom; compressed by
        zlib where the frame says so.
    frame
        Plain data: ``bins``, ``xticks`` and ``yticks`` (fraction, text), ``columns`` (title, x,
        y), ``rows`` (label, palette, ticks, and ``y`` if it is not that of the column), and if
        wanted ``scale_bar`` (fraction, label), ``contours`` (a list of polylines in fractions
        for each column), ``zlib`` and ``ping`` (a number that comes back, once, in a message of
        type ``pong`` after drawing).
    palettes
        Colour tables, 256 RGBA entries each.
    alt
        The picture in words.
    direction
        Inclination and azimuth [degree] shown; empty if turning makes no sense.
    field
        Centre to the right and up, and half the width [kpc], shown; empty likewise.
    turned
        Inclination (0 to 180) and azimuth (0 to 360) [degree] that the user asks for.
    zoomed
        Field [kpc] that the user asks for; empty if it is to follow the galaxy again.
    """

    _esm = module("painter.js", "live.js", "map_gestures.js", "map_canvas.js")
    _css = STYLE

    pixels = traitlets.Bytes().tag(sync=True)
    frame = traitlets.Dict().tag(sync=True)
    palettes = traitlets.Bytes().tag(sync=True)
    alt = traitlets.Unicode("Maps of a galaxy, not drawn yet.").tag(sync=True)
    direction = traitlets.List(traitlets.Float()).tag(sync=True)
    field = traitlets.List(traitlets.Float()).tag(sync=True)
    turned = Wish(_direction)
    zoomed = Wish(_field)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"palettes": palettes(), **kwargs})
        self.add_class("gfl-canvas")

    def show(self, picture: Picture) -> None:
        """Show a picture; everything that changed travels in one message."""
        with self.hold_sync():
            self.pixels = picture.pixels
            self.frame = picture.frame
            self.alt = picture.alt
            self.direction = list(picture.direction)
            self.field = list(picture.field)

    def snapshot(self, name: str = "galaxy.png") -> None:
        """Let the browser save what the canvas shows as a PNG file of the given name."""
        self.send({"type": "snapshot", "name": name})
