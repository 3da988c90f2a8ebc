"""The canvas on which all maps of an app are drawn, by a single hand-written module."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets

from galflowlab_widgets.rendering import Picture, palettes

_STATIC = Path(__file__).parent / "static"


class MapCanvas(anywidget.AnyWidget):
    """Maps in rows and columns with axes and colour bars, drawn in the browser.

    The kernel sends one byte per pixel; the browser looks up the colours.
    """

    _esm = _STATIC / "map_canvas.js"
    _css = _STATIC / "map_canvas.css"

    pixels = traitlets.Bytes().tag(sync=True)
    axes = traitlets.Dict().tag(sync=True)
    palettes = traitlets.Bytes().tag(sync=True)
    alt = traitlets.Unicode("Maps of a galaxy, not drawn yet.").tag(sync=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(palettes=palettes(), **kwargs)
        self.add_class("gfl-canvas")

    def show(self, picture: Picture) -> None:
        """Show a picture; everything that changed travels in one message."""
        with self.hold_sync():
            self.pixels = picture.pixels
            self.axes = picture.axes
            self.alt = picture.alt
