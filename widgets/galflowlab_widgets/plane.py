"""A plane of two quantities on which a galaxy is dragged over a population."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from galflowlab_widgets.canvas import STYLE, Wish, module, place


class ContextPlane(anywidget.AnyWidget):
    """A population in a plane of two quantities, and a handle that can be dragged over it.

    All places are fractions of the axes, from 0 to 1. The arrow keys move the handle too, with
    shift by five steps.

    Attributes
    ----------
    points
        The population: float32 pairs.
    support
        A grid of bytes, row 0 at the bottom: 255 where the population reaches, 0 where not.
    support_size
        Columns and rows of the grid.
    axes
        For ``x`` and ``y`` the ``label`` and the ``ticks`` (fraction, text).
    position
        Of the handle. While the user holds it, it stays under the hand.
    marked
        A place to be marked by a ring, or empty.
    outside
        Whether the position lies outside the population.
    alt, value_text
        What the plane is and where the handle is, in words.
    step
        Of the arrow keys.
    dragged
        Where the user wants the handle.
    """

    _esm = module("painter.js", "live.js", "handle.js", "plane.js")
    _css = STYLE

    points = traitlets.Bytes().tag(sync=True)
    support = traitlets.Bytes().tag(sync=True)
    support_size = traitlets.List(traitlets.Int(), [0, 0]).tag(sync=True)
    axes = traitlets.Dict().tag(sync=True)
    position = traitlets.List(traitlets.Float()).tag(sync=True)
    marked = traitlets.List(traitlets.Float()).tag(sync=True)
    outside = traitlets.Bool(False).tag(sync=True)
    alt = traitlets.Unicode("A plane of two quantities.").tag(sync=True)
    value_text = traitlets.Unicode().tag(sync=True)
    step = traitlets.List(traitlets.Float(), [0.01, 0.01]).tag(sync=True)
    dragged = Wish(place)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_class("gfl-plane")
