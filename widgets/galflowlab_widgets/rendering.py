"""From stars to the bytes and axes of a picture: pure functions, no kernel needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import matplotlib
import numpy as np

from galflowlab.maps import QUANTITIES, columns_needed, project_many
from galflowlab.schema import CONTEXT
from galflowlab_widgets.ghost import Polylines
from galflowlab_widgets.scales import BINS, COLOUR_BARS, Columns, Scales, linear_ticks, nice_length

PALETTES = {name: bar.palette for name, bar in COLOUR_BARS.items()} | {"difference": "PuOr_r"}
"""Colour map of each quantity and of differences."""
PALETTE_OF = {name: i for i, name in enumerate(PALETTES)}


@dataclass(frozen=True)
class View:
    """What to show of a galaxy and from where.

    Parameters
    ----------
    quantities
        Names in `maps.QUANTITIES`, from top to bottom.
    inclination, azimuth
        Direction [degree] of the right-hand panels; the left-hand ones are face-on.
    centre
        Middle of the field on the sky [kpc].
    half_width
        Half the side of the field [kpc]; None follows the size of the galaxy.
    """

    quantities: tuple[str, ...] = ("surface_density", "mean_age")
    inclination: float = 90.0
    azimuth: float = 0.0
    centre: tuple[float, float] = (0.0, 0.0)
    half_width: float | None = None


@dataclass(frozen=True)
class Picture:
    """What the canvas needs for one frame.

    Parameters
    ----------
    pixels
        One byte per pixel, panel after panel in reading order, each row by row from the
        bottom; 0 where there is nothing to show, else 1 to 255 along the colour bar.
    frame
        Titles, labels, ticks and palettes as plain JSON data.
    direction, field
        Inclination and azimuth [degree]; centre and half width [kpc]. Empty where the hand is
        not to change them.
    alt
        The picture in words.
    """

    pixels: bytes
    frame: dict[str, Any]
    direction: tuple[float, ...]
    field: tuple[float, ...]
    alt: str


@cache
def palettes() -> bytes:
    """RGBA colour tables, one of 256 x 4 bytes after the other.

    Entry 0 stands for an empty pixel: the lowest colour where empty means little
    (surface density), transparent where it means unknown (averages).
    """
    tables = []
    for quantity, name in PALETTES.items():
        table = matplotlib.colormaps[name](np.linspace(0, 1, 255), bytes=True)
        empty = table[:1].copy()
        empty[0, 3] = 255 if quantity == "surface_density" else 0
        tables.append(np.concatenate([empty, table]))
    return np.concatenate(tables).astype(np.uint8).tobytes()


def picture(
    stars: Columns,
    view: View,
    scales: Scales,
    *,
    context: Mapping[str, float] | None = None,
    ghost: Sequence[Polylines] | None = None,
    state: str = "settled",
    bins: int = BINS,
) -> Picture:
    """Draw two quantities, face-on and from the direction of the view.

    Parameters
    ----------
    stars
        Plain columns by name in the units of `galflowlab.schema`.
    view, scales
        What is shown, and how it is scaled.
    context
        Of the galaxy, for the words.
    ghost
        Contours of a simulated galaxy for each column, see `ghost.contours`.
    state
        ``preview``, ``refined`` or, if nothing is to be expected any more, ``settled``.
    bins
        Pixels along each side of a panel.
    """
    half_width = view.half_width or scales.half_width
    wanted = dict.fromkeys(c for q in view.quantities for c in columns_needed(q))
    needed = {name: stars[name] for name in wanted}
    inclinations = (0.0, view.inclination)
    drawn = [
        project_many(
            needed, view.quantities, inclination, view.azimuth, half_width, bins, view.centre
        )
        for inclination in inclinations
    ]
    panels = [scales.levels(maps[name]) for name in view.quantities for maps in drawn]
    columns = [column_of(inclination, view.azimuth) for inclination in inclinations]
    frame = frame_of(view, scales, bins) | {
        "columns": columns,
        "state": state,
        "contours": list(ghost) if ghost else [[], []],
    }
    return Picture(
        pixels=np.stack(panels).tobytes(),
        frame=frame,
        direction=(view.inclination, view.azimuth),
        field=(*view.centre, half_width),
        alt=_in_words(view, columns, half_width, context or {}),
    )


def frame_of(view: View, scales: Scales, bins: int) -> dict[str, Any]:
    """The part of a frame that all columns of maps share: axes, scale bar, colour bars of rows."""
    half_width, (right, up) = view.half_width or scales.half_width, view.centre
    bar = nice_length(half_width)
    return {
        "bins": bins,
        "xticks": linear_ticks(right - half_width, right + half_width),
        "yticks": linear_ticks(up - half_width, up + half_width),
        "rows": [_row(name, scales) for name in view.quantities],
        "scale_bar": {"fraction": bar / (2 * half_width), "label": f"{bar:g} kpc"},
    }


def _row(name: str, scales: Scales) -> dict[str, Any]:
    label, ticks = QUANTITIES[name].axis_label, scales.ticks(name)
    return {"label": label, "palette": PALETTE_OF[name], "ticks": ticks}


def column_of(inclination: float, azimuth: float) -> dict[str, str]:
    """Title and axis labels of a view; axes that are not those of the galaxy have a prime."""
    names = {0.0: "face-on", 90.0: "edge-on"}
    up = {0.0: "y", 90.0: "z"}.get(inclination, "y′")
    turned = azimuth % 360 != 0
    return {
        "title": names.get(inclination, f"inclination {inclination:.0f}°"),
        "x": "x′ [kpc]" if turned else "x [kpc]",
        "y": "y′ [kpc]" if turned and up == "y" else f"{up} [kpc]",
    }


def _in_words(
    view: View, columns: list[dict[str, str]], half_width: float, context: Mapping[str, float]
) -> str:
    names = " and ".join(QUANTITIES[name].label for name in view.quantities)
    titles = " and ".join(column["title"] for column in columns)
    galaxy = ", ".join(
        f"{CONTEXT[name].label} = {value:.4f}".replace("log₁₀ M★", "log10 M*")
        for name, value in context.items()
    )
    of = f" with {galaxy}" if galaxy else ""
    return f"Maps of the {names} of a galaxy{of}; {titles}; {2 * half_width:g} kpc across."
