"""Figures of the whole sky for papers."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from matplotlib.patheffects import withStroke

from galflowlab.sky.healpix import HealpixMap
from galflowlab.sky.mollweide import graticule, mollweide_raster, project

_COLOURS = {
    "mean_age": "viridis",
    "mean_fe_h": "cividis",
    "mean_o_fe": "plasma",
    "v_los": "RdBu_r",
    "sigma_los": "inferno",
}
_LOGARITHMIC = {"counts", "mass", "surface_density"}  # drawn in magma
_DECADES = 5.0
_NOTHING = "#c8c8c8"  # where no star is
_FRAME = "#333333"
_LINE = "#ffffff"
_FONT = 9.0
_PANEL = 4.6  # inches
_LABELLED_L = (120, 60, 0, 300, 240)
_LABELLED_B = (-60, -30, 30, 60)
_NAMED_LATITUDE = -45.0  # where longitudes are written: clear of the disc


def mollweide_figure(*sky_maps: HealpixMap, width: int = 1000) -> Figure:
    """Draw maps of the whole sky in Mollweide's projection, two in a row.

    The centre of the galaxy is in the middle, longitude increases to the left; lines are 60
    degrees of longitude and 30 of latitude apart. Pixels without stars are grey.

    Parameters
    ----------
    sky_maps
        At least one, as `healpix_map` makes them.
    width
        Of the picture [pixel], even.

    Raises
    ------
    ValueError
        Without maps, or for a width that `mollweide_pixels` refuses.
    """
    if not sky_maps:
        raise ValueError("expected at least one map to draw")
    columns = min(2, len(sky_maps))
    rows = -(-len(sky_maps) // columns)
    size = _PANEL if columns > 1 else 1.5 * _PANEL
    figure = Figure(figsize=(columns * size, rows * (0.49 * size + 0.75)), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, sky_map in zip(grid.flat, sky_maps, strict=False):
        _panel(figure, axes, sky_map, width)
    for axes in grid.flat[len(sky_maps) :]:
        axes.remove()
    return figure


def _panel(figure: Figure, axes: Axes, sky_map: HealpixMap, width: int) -> None:
    x, y = 2 + 2 / (width - 1), 1 + 1 / (width / 2 - 1)  # pixels have their middles on the edge
    logarithmic = sky_map.quantity in _LOGARITHMIC
    ellipse = axes.add_patch(Ellipse((0, 0), 4, 2, facecolor=_NOTHING, edgecolor="none"))
    image = axes.imshow(
        mollweide_raster(sky_map, width),
        origin="lower",
        extent=(-x, x, -y, y),
        cmap="magma" if logarithmic else _COLOURS[sky_map.quantity],
        norm=_norm(sky_map),
        interpolation="none",
        zorder=2,
    )
    image.set_clip_path(ellipse)
    _lines(axes)
    axes.add_patch(Ellipse((0, 0), 4, 2, fill=False, edgecolor=_FRAME, linewidth=0.8, zorder=4))
    axes.set(xlim=(-2.12, 2.12), ylim=(-1.03, 1.03), aspect="equal")
    axes.set_axis_off()
    near, far = sky_map.distance
    if near > 0 or np.isfinite(far):
        reach = f"{near:g} to {far:g} kpc" if np.isfinite(far) else f"beyond {near:g} kpc"
        axes.set_title(reach, fontsize=_FONT)
    bar = figure.colorbar(
        image,
        ax=axes,
        orientation="horizontal",
        shrink=0.6,
        aspect=30,
        pad=0.02,
        extend="min" if logarithmic else "both",
    )
    bar.set_label(sky_map.axis_label, fontsize=_FONT)
    bar.ax.tick_params(labelsize=_FONT - 1, length=2.5, width=0.6)


def _lines(axes: Axes) -> None:
    """Graticule with its labels."""
    for line in graticule():
        axes.plot(*line, color=_LINE, linewidth=0.4, alpha=0.6, zorder=3)
    outline = [withStroke(linewidth=1.5, foreground=_FRAME)]
    style: dict[str, Any] = {
        "color": _LINE,
        "fontsize": _FONT - 1,
        "path_effects": outline,
        "zorder": 4,
    }
    for longitude in _LABELLED_L:
        x, y = (float(v) for v in project(longitude, _NAMED_LATITUDE))
        axes.text(x, y, f"{longitude}°", ha="center", va="center", **style)
    for latitude in _LABELLED_B:
        x, y = (float(v) for v in project(180.0, latitude))
        outside = "bottom" if latitude > 0 else "top"
        name = f"{latitude}°".replace("-", "\N{MINUS SIGN}")
        axes.text(x - 0.02, y, name, fontsize=_FONT - 1, ha="right", va=outside)


def _norm(sky_map: HealpixMap) -> Normalize:
    """Colour scale that leaves out the extreme pixels; velocities are symmetric about zero."""
    values = sky_map.values.compressed()
    low, high = np.percentile(values, [2, 98]) if len(values) else (0.0, 1.0)
    if sky_map.quantity in _LOGARITHMIC:
        top = float(values.max()) if len(values) else 1.0
        return LogNorm(min(max(low, top / 10**_DECADES), 0.5 * top), top)
    if sky_map.quantity == "v_los":
        reach = max(abs(low), abs(high), 1e-3)
        return Normalize(-reach, reach)
    return Normalize(low, high) if high > low else Normalize(low - 0.5, low + 0.5)
