"""The canvases of a sky: the galaxy with the observer in it, and what the observer sees."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from galflowlab_widgets.canvas import STYLE, Wish, module, place
from galflowlab_widgets.rendering import palettes
from galflowlab_widgets.sky_drawing import Field, Sky, net


def _place_or_home(value: Any) -> list[float] | None:
    """A place, or nothing, which asks for the default one."""
    return [] if isinstance(value, list | tuple) and not value else place(value)


class ObserverMap(anywidget.AnyWidget):
    """A galaxy seen face-on, and a handle on it: the observer, who can be dragged.

    Places are fractions of the axes, from 0 to 1. The arrow keys move the observer too, with
    shift by five steps; double click or the key 0 ask for the default place.

    Attributes
    ----------
    pixels
        One byte per pixel, row by row from the bottom; `bins` rows and columns.
    palettes, palette
        Colour tables, 256 RGBA entries each, and which of them is meant.
    axes
        For ``x`` and ``y`` the ``label`` and the ``ticks`` (fraction, text).
    position
        Of the observer. While the user holds it, it stays under the hand.
    step
        Of the arrow keys.
    alt, value_text
        What the map is and where the observer is, in words.
    dragged
        Where the user wants the observer; empty for the default place.
    """

    _esm = module("painter.js", "live.js", "handle.js", "observer.js")
    _css = STYLE

    pixels = traitlets.Bytes().tag(sync=True)
    bins = traitlets.Int(0).tag(sync=True)
    palettes = traitlets.Bytes().tag(sync=True)
    palette = traitlets.Int(0).tag(sync=True)
    axes = traitlets.Dict().tag(sync=True)
    position = traitlets.List(traitlets.Float()).tag(sync=True)
    step = traitlets.List(traitlets.Float(), [0.01, 0.01]).tag(sync=True)
    alt = traitlets.Unicode("A galaxy, not drawn yet.").tag(sync=True)
    value_text = traitlets.Unicode().tag(sync=True)
    dragged = Wish(_place_or_home)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"palettes": palettes(), **kwargs})
        self.add_class("gfl-observer")

    def show(self, field: Field, position: tuple[float, float], where: str) -> None:
        """Show a galaxy and the observer; everything that changed travels in one message."""
        with self.hold_sync():
            self.pixels, self.bins, self.palette = field.pixels, field.bins, field.palette
            self.axes, self.alt = field.axes, field.alt
            self.position, self.value_text = list(position), where


class SkyMap(anywidget.AnyWidget):
    """The whole sky in Mollweide's projection, longitude increasing to the left.

    Attributes
    ----------
    pixels
        One byte per pixel of the picture, row by row from the bottom; those beyond the ellipse
        are not shown.
    frame
        Plain data: ``width`` and ``height`` of the picture, ``palette``, ``label`` and ``ticks``
        of the colour bar, and ``state``: ``preview`` or ``settled``.
    palettes
        Colour tables, 256 RGBA entries each.
    net
        The net of coordinates in fractions of the picture: ``lines``, and texts as (x, y, text)
        of ``longitudes`` and ``latitudes``.
    alt
        The picture in words.
    """

    _esm = module("painter.js", "live.js", "sky.js")
    _css = STYLE

    pixels = traitlets.Bytes().tag(sync=True)
    frame = traitlets.Dict().tag(sync=True)
    palettes = traitlets.Bytes().tag(sync=True)
    net = traitlets.Dict().tag(sync=True)
    alt = traitlets.Unicode("A sky, not drawn yet.").tag(sync=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"palettes": palettes(), "net": net(), **kwargs})
        self.add_class("gfl-sky")

    def show(self, sky: Sky) -> None:
        """Show a sky; everything that changed travels in one message."""
        with self.hold_sync():
            self.pixels, self.frame, self.alt = sky.pixels, sky.frame, sky.alt
