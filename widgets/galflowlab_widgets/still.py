"""Stills of maps, skies and charts, for a notebook that is read without a kernel."""

from __future__ import annotations

import base64
import html
import io
import math
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from galflowlab_widgets.diagram_parts import Diagram
from galflowlab_widgets.rendering import Picture, palettes
from galflowlab_widgets.sky_drawing import Sky

_DPI = 80
# Voila draws a page before its widgets: without this, pictures would flash where the app will be.
_NOT_IN_VOILA = (
    "<style>[data-voila] :is(.jp-MarkdownCell:has(img[alt^='Picture of the app']), .gfl-still)"
    " { display: none }</style>"
)


def png(picture: Picture) -> bytes:
    """Draw a picture as the canvas does, as a PNG file."""
    frame = picture.frame
    rows, columns, bins = len(frame["rows"]), len(frame["columns"]), frame["bins"]
    tables = np.frombuffer(palettes(), np.uint8).reshape(-1, 256, 4)
    panels = np.frombuffer(picture.pixels, np.uint8).reshape(rows, columns, bins, bins)
    # A Figure of its own: pyplot is not meant for threads.
    figure = Figure(figsize=(4.4 * columns, 3.7 * rows), dpi=_DPI, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for j, row in enumerate(frame["rows"]):
        for i, column in enumerate(frame["columns"]):
            ax, scale = axes[j][i], column.get("scales", frame["rows"])[j]
            table = tables[scale["palette"]]
            ax.imshow(table[panels[j, i]], origin="lower", extent=(0, 1, 0, 1))
            ax.set_facecolor("0.93")
            ax.set_xticks(*_ticks(frame["xticks"]))
            ax.set_yticks(*_ticks(frame["yticks"]))
            up = row.get("y", column["y"])
            ax.set(xlabel=column["x"], ylabel=up, title=column["title"])
            for line in frame["contours"][i]:
                ax.plot(*np.transpose(line), color="white", lw=0.8)
            following = frame["columns"][i + 1 : i + 2]
            if not following or ("scales" in following[0]) != ("scales" in column):
                _colour_bar(ax, table, scale)
    return _saved(figure)


def sky_png(sky: Sky, net: Mapping[str, Any]) -> bytes:
    """Draw a sky and its net of coordinates, as a PNG file."""
    frame = sky.frame
    shape = frame["height"], frame["width"]
    table = np.frombuffer(palettes(), np.uint8).reshape(-1, 256, 4)[frame["palette"]]
    levels = np.frombuffer(zlib.decompress(sky.pixels), np.uint8).reshape(shape)
    figure = Figure(figsize=(9.6, 4.6), dpi=_DPI, layout="constrained")
    ax = figure.subplots()
    image = ax.imshow(table[levels], origin="lower", extent=(0, 1, 0, 1), aspect=0.5)
    image.set_clip_path(Ellipse((0.5, 0.5), 1, 1, transform=ax.transData))
    for line in net["lines"]:
        ax.plot(*np.transpose(line), color="0.5", lw=0.5)
    ax.set_axis_off()
    _colour_bar(ax, table, frame)
    return _saved(figure)


def chart_png(diagram: Diagram) -> bytes:
    """Draw the lines of a chart, as a PNG file."""
    panels = diagram.figure["panels"]
    figure = Figure(figsize=(5.2 * len(panels), 3.6), dpi=_DPI, layout="constrained")
    for ax, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for line in panel["lines"]:
            points = [(math.nan, math.nan) if p is None else p for p in line["points"]]
            ax.plot(*np.transpose(points or [(math.nan, math.nan)]), label=line["label"])
        ax.set(xlim=(0, 1), ylim=(0, 1), xlabel=panel["x"]["label"], ylabel=panel["y"]["label"])
        ax.set_xticks(*_ticks(panel["x"]["ticks"]))
        ax.set_yticks(*_ticks(panel["y"]["ticks"]))
        if any(line["label"] for line in panel["lines"]):
            ax.legend()
    return _saved(figure)


def as_html(picture: Picture) -> str:
    """Wrap the still of maps as an image that a live app hides."""
    return _image(png(picture), picture.alt)


def sky_as_html(sky: Sky, net: Mapping[str, Any]) -> str:
    """Wrap the still of a sky likewise."""
    return _image(sky_png(sky, net), sky.alt)


def chart_as_html(diagram: Diagram) -> str:
    """Wrap the still of a chart likewise."""
    return _image(chart_png(diagram), diagram.alt)


def output(stills: str) -> dict[str, str]:
    """Wrap stills, or none yet, as the output of a cell."""
    return {"text/html": stills + _NOT_IN_VOILA}


def _image(data: bytes, alt: str) -> str:
    text, encoded = html.escape(alt, quote=True), base64.b64encode(data).decode()
    return f'<img class="gfl-still" alt="{text}" src="data:image/png;base64,{encoded}">'


def _colour_bar(ax: Axes, table: np.ndarray, scale: Mapping[str, Any]) -> None:
    bar = ax.figure.add_axes(ax.inset_axes((1.04, 0, 0.05, 1)))
    bar.imshow(table[1:, None], origin="lower", extent=(0, 1, 0, 1), aspect="auto")
    bar.set_xticks([])
    bar.yaxis.tick_right()
    bar.set_yticks(*_ticks(scale["ticks"]))
    bar.yaxis.set_label_position("right")
    bar.set_ylabel(scale["label"])


def _saved(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def _ticks(ticks: list[tuple[float, str]]) -> tuple[list[float], list[str]]:
    return [fraction for fraction, _ in ticks], [text for _, text in ticks]
