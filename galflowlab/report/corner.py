"""Corner plots: every pair of coordinates, the model's contours over the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.ndimage import gaussian_filter

from galflowlab.report.coordinates import AXES
from galflowlab.report.style import DATA, DATA_SHADES, FONT, MODEL, mathtext, tidy

HOLDING = (0.3, 0.6, 0.9)
"""Shares of the stars within the contours."""

_BINS = 40
_SMOOTHING = 1.2  # pixels; the noise of some thousand stars would tear the contours
_TAIL = 0.01  # of the stars beyond each end of an axis
_MARGIN = 0.06
_SIDE = 6.8  # inches: two of them stand side by side on a page


def corner(
    data: Mapping[str, np.ndarray], model: Mapping[str, np.ndarray], names: Sequence[str]
) -> Figure:
    """Draw the pairs of coordinates of data and model.

    Parameters
    ----------
    data, model
        Coordinates by name in `AXES`, each of shape (star,).
    names
        Which to show, in order; at least two that both have.

    Returns
    -------
    Figure
        On the diagonal the distribution of each coordinate, below it contours that hold
        `HOLDING` of the stars: of the data as grey areas, of the model as lines.
    """
    size = len(names)
    figure = Figure(figsize=(_SIDE, _SIDE))
    grid: Any = figure.subplots(size, size, squeeze=False)
    edges = {name: _edges(name, data[name]) for name in names}
    for i, j in np.ndindex(size, size):
        axes, x, y = grid[i, j], names[j], names[i]
        if j > i:
            axes.set_axis_off()
            continue
        if i == j:
            _one(axes, data[x], model[x], edges[x])
        else:
            _pair(axes, (data[x], data[y]), (model[x], model[y]), edges[x], edges[y])
        _label(axes, x, y, bottom=i == size - 1, left=j == 0 and i > 0)
    figure.align_labels()
    _legend(figure)
    figure.subplots_adjust(0.11, 0.08, 0.99, 0.99, wspace=0.08, hspace=0.08)
    return figure


def _edges(name: str, values: np.ndarray) -> np.ndarray:
    low, high = np.quantile(values, [_TAIL, 1 - _TAIL])
    margin = _MARGIN * (high - low) or 0.5  # one value only: an axis around it
    hard = AXES[name].limits
    return np.linspace(max(low - margin, hard[0]), min(high + margin, hard[1]), _BINS + 1)


def _one(axes: Axes, data: np.ndarray, model: np.ndarray, edges: np.ndarray) -> None:
    shares = [np.histogram(values, edges)[0] / len(values) for values in (data, model)]
    axes.stairs(shares[0], edges, color=DATA_SHADES[0], fill=True)
    axes.stairs(shares[1], edges, color=MODEL, linewidth=1.3)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(bottom=0)


def _pair(
    axes: Axes,
    data: tuple[np.ndarray, np.ndarray],
    model: tuple[np.ndarray, np.ndarray],
    x_edges: np.ndarray,
    y_edges: np.ndarray,
) -> None:
    centres = [0.5 * (edges[1:] + edges[:-1]) for edges in (x_edges, y_edges)]
    density, levels = _contours(*data, x_edges, y_edges)
    if levels:
        axes.contourf(*centres, density.T, [*levels, np.inf], colors=DATA_SHADES[: len(levels)])
    density, levels = _contours(*model, x_edges, y_edges)
    if levels:
        axes.contour(*centres, density.T, levels, colors=MODEL, linewidths=1.0)
    axes.set_xlim(x_edges[0], x_edges[-1])
    axes.set_ylim(y_edges[0], y_edges[-1])


def _contours(
    x: np.ndarray, y: np.ndarray, x_edges: np.ndarray, y_edges: np.ndarray
) -> tuple[np.ndarray, list[float]]:
    """Smoothed counts, and increasing levels above which `HOLDING` of the stars lie."""
    counts, _, _ = np.histogram2d(x, y, (x_edges, y_edges))
    density = gaussian_filter(counts, _SMOOTHING, mode="nearest")
    ranked = np.sort(density, axis=None)[::-1]
    total = np.cumsum(ranked)
    if not total[-1] > 0:  # all stars lie elsewhere
        return density, []
    places = np.searchsorted(total, np.array(HOLDING) * total[-1])
    return density, sorted({float(level) for level in ranked[places]})


def _label(axes: Axes, x: str, y: str, *, bottom: bool, left: bool) -> None:
    tidy(axes)
    axes.locator_params(nbins=3)
    axes.tick_params(labelbottom=bottom, labelleft=left, labelsize=FONT - 2)
    if x == y:
        axes.set_yticks([])
    if bottom:
        axes.set_xlabel(mathtext(AXES[x].axis_label), fontsize=FONT)
    if left:
        axes.set_ylabel(mathtext(AXES[y].axis_label), fontsize=FONT)


def _legend(figure: Figure) -> None:
    shares = ", ".join(f"{100 * share:.0f}" for share in HOLDING)
    handles = [
        Patch(facecolor=DATA_SHADES[0], edgecolor=DATA, label="data"),
        Line2D([], [], color=MODEL, label="model"),
    ]
    figure.legend(
        handles=handles,
        loc="upper right",
        frameon=False,
        fontsize=FONT + 1,
        title=f"contours hold {shares} % of the stars",
        title_fontsize=FONT,
        alignment="right",
    )
