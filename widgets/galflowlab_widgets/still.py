"""Stills of maps and charts, for a notebook that is read without a kernel."""

from __future__ import annotations

import base64
import html
import io
import math

import numpy as np
from matplotlib.figure import Figure

from galflowlab_widgets.diagram_parts import Diagram
from galflowlab_widgets.rendering import Picture, palettes

_DPI = 80


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
        table = tables[row["palette"]]
        for i, column in enumerate(frame["columns"]):
            ax = axes[j][i]
            ax.imshow(table[panels[j, i]], origin="lower", extent=(0, 1, 0, 1))
            ax.set_facecolor("0.93")
            ax.set_xticks(*_ticks(frame["xticks"]))
            ax.set_yticks(*_ticks(frame["yticks"]))
            up = row.get("y", column["y"])
            ax.set(xlabel=column["x"], ylabel=up, title=column["title"])
            for line in frame["contours"][i]:
                ax.plot(*np.transpose(line), color="white", lw=0.8)
        bar = figure.add_axes(axes[j][-1].inset_axes((1.04, 0, 0.05, 1)))
        bar.imshow(table[1:, None], origin="lower", extent=(0, 1, 0, 1), aspect="auto")
        bar.set_xticks([])
        bar.yaxis.tick_right()
        bar.set_yticks(*_ticks(row["ticks"]))
        bar.yaxis.set_label_position("right")
        bar.set_ylabel(row["label"])
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


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
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def as_html(picture: Picture) -> str:
    """Wrap the still of maps as an image that a live app hides."""
    return _image(png(picture), picture.alt)


def chart_as_html(diagram: Diagram) -> str:
    """Wrap the still of a chart likewise."""
    return _image(chart_png(diagram), diagram.alt)


def _image(data: bytes, alt: str) -> str:
    text, encoded = html.escape(alt, quote=True), base64.b64encode(data).decode()
    return f'<img class="gfl-still" alt="{text}" src="data:image/png;base64,{encoded}">'


def _ticks(ticks: list[tuple[float, str]]) -> tuple[list[float], list[str]]:
    return [fraction for fraction, _ in ticks], [text for _, text in ticks]
