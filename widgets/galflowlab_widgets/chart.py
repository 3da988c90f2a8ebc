"""Charts: panels side by side with axes, images and lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anywidget
import traitlets

from galflowlab_widgets.canvas import STYLE, module
from galflowlab_widgets.rendering import palettes


class Chart(anywidget.AnyWidget):
    """Panels side by side, each with axes and an image, lines or both.

    All places are fractions of the axes; what lies outside 0 to 1 is cut off.

    Attributes
    ----------
    figure
        Plain data: the ``height`` of a line of panels in pixels, and ``panels``, each with
        ``x`` and ``y`` (``label`` and ``ticks``: fraction, text), ``image`` (None, or
        ``offset`` in `pixels`, ``width``, ``height`` and ``palette``) and ``lines``: ``points``
        (pairs, None for a gap), ``colour`` (0 to 6), ``dash``, ``label`` (empty: not in the
        legend), and if wanted ``band``, a list of (x, low, high).
    pixels
        One byte per pixel of the images, each row by row from the bottom.
    palettes
        Colour tables, 256 RGBA entries each.
    alt
        The chart in words.
    """

    _esm = module("painter.js", "live.js", "chart.js")
    _css = STYLE

    figure = traitlets.Dict().tag(sync=True)
    pixels = traitlets.Bytes().tag(sync=True)
    palettes = traitlets.Bytes().tag(sync=True)
    alt = traitlets.Unicode("A chart, not drawn yet.").tag(sync=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"palettes": palettes(), **kwargs})
        self.add_class("gfl-chart")

    def show(self, figure: Mapping[str, Any], pixels: bytes, alt: str) -> None:
        """Show a figure; everything that changed travels in one message."""
        with self.hold_sync():
            self.figure = dict(figure)
            self.pixels = pixels
            self.alt = alt
