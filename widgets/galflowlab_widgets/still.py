"""A still of the maps, for a notebook that is read without a kernel."""

from __future__ import annotations

import base64
import html
import io

import numpy as np
from matplotlib.figure import Figure

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
            ax.set(xlabel=column["x"], ylabel=column["y"], title=column["title"])
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


def as_html(picture: Picture) -> str:
    """Wrap the still as an image that a live app hides."""
    data = base64.b64encode(png(picture)).decode()
    alt = html.escape(picture.alt, quote=True)
    return f'<img class="gfl-still" alt="{alt}" src="data:image/png;base64,{data}">'


def _ticks(ticks: list[tuple[float, str]]) -> tuple[list[float], list[str]]:
    return [fraction for fraction, _ in ticks], [text for _, text in ticks]
