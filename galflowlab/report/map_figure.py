"""Figure of maps: data, model and residual side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from galflowlab.report.style import FONT, tidy
from galflowlab.report.views import MapPair

_COLOURS = {"surface_density": "viridis", "mean_age": "cividis", "v_los": "PuOr_r"}
_RESIDUAL_LIMIT = 4.0  # standard errors
_DECADES = 3.5  # of surface density
_FLATTENED = 0.45  # shown height of an edge-on map as a part of its width
_NOTHING = "#ececec"  # where there is no residual, as opposed to a small one
_PANEL = 2.75  # inches


def map_figure(pairs: Sequence[MapPair]) -> Figure:
    """Draw one row for each view: data, model, and (model - data) / error.

    Parameters
    ----------
    pairs
        At least one, as `views.map_pairs` gives them.
    """
    heights = [_FLATTENED if pair.view.inclination == 90 else 1.0 for pair in pairs]
    tall = _PANEL * sum(heights) + 0.62 * len(pairs)
    figure = Figure(figsize=(3 * _PANEL + 3.0, tall), layout="constrained")
    grid = figure.subplots(len(pairs), 3, squeeze=False, height_ratios=heights)
    for axes, pair in zip(grid, pairs, strict=True):
        _row(figure, axes, pair)
    for axes, title in zip(grid[0], ("data", "model", "residual"), strict=True):
        axes.set_title(title, fontsize=FONT + 2)
    return figure


def _row(figure: Figure, axes: np.ndarray, pair: MapPair) -> None:
    norm = _norm(pair)
    for panel, values in ((axes[0], pair.data.values), (axes[1], pair.model.values)):
        image = _show(panel, pair, values, _COLOURS[pair.view.quantity], norm)
    bar = figure.colorbar(image, ax=axes[:2], fraction=0.04, pad=0.015, aspect=16)
    flat = pair.view.inclination == 90
    label = pair.data.axis_label
    bar.set_label(label.replace(" [", "\n[") if flat else label, fontsize=FONT)
    bar.ax.tick_params(labelsize=FONT - 1)
    limit = Normalize(-_RESIDUAL_LIMIT, _RESIDUAL_LIMIT)
    image = _show(axes[2], pair, pair.residual, "RdBu_r", limit)
    bar = figure.colorbar(image, ax=axes[2], fraction=0.08, pad=0.03, aspect=16, extend="both")
    bar.set_label("(model − data)" + ("\n/ error" if flat else " / error"), fontsize=FONT)
    axes[2].set_facecolor(_NOTHING)
    bar.ax.tick_params(labelsize=FONT - 1)
    if pair.rms is not None:
        axes[2].text(
            0.03, 0.97, f"rms {pair.rms:.2f}", transform=axes[2].transAxes, fontsize=FONT, va="top"
        )
    vertical = "z" if flat else "y"
    axes[0].set_ylabel(f"{pair.view.title}\n{vertical} [kpc]", fontsize=FONT)
    for panel in axes:
        panel.set_xlabel("x [kpc]", fontsize=FONT)
    for panel in axes[1:]:
        panel.tick_params(labelleft=False)


def _show(
    axes: Axes, pair: MapPair, values: np.ma.MaskedArray, colours: str, norm: Normalize
) -> AxesImage:
    image = axes.imshow(
        values,
        origin="lower",
        extent=pair.data.extent,
        cmap=colours,
        norm=norm,
        interpolation="none",  # pixels as they are, also in the SVG
    )
    if pair.view.inclination == 90:
        axes.set_ylim(-_FLATTENED * pair.data.half_width, _FLATTENED * pair.data.half_width)
    axes.locator_params(nbins=5)
    tidy(axes)
    return image


def _norm(pair: MapPair) -> Normalize:
    """Colour scale shared by data and model, from the pixels of the data."""
    values = pair.data.values.compressed()
    if pair.view.quantity == "surface_density":
        top = float(values.max()) if len(values) else 1.0
        bottom = max(float(values.min()) if len(values) else 0.1, top / 10**_DECADES)
        return LogNorm(min(bottom, 0.5 * top), top)
    low, high = np.percentile(values, [4, 96]) if len(values) else (0.0, 1.0)
    if pair.view.quantity == "v_los":
        reach = max(abs(low), abs(high), 1e-3)
        return Normalize(-reach, reach)
    return Normalize(low, high) if high > low else Normalize(low - 0.5, low + 0.5)
