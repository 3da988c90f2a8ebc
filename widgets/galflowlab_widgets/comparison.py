"""From the stars of two galaxies to maps side by side and their difference: pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2, sqrt
from typing import Any

import numpy as np

from galflowlab.map_differences import measure_many, residual, rms
from galflowlab.maps import QUANTITIES, Map, project_many
from galflowlab_widgets.rendering import PALETTE_OF, Picture, View, column_of, frame_of
from galflowlab_widgets.scales import BINS, Columns, Scales, linear_ticks, shown, to_bytes

LIMIT = 4.0
"""Errors that the colours of a difference reach."""
_FEWEST, _COARSEST = 32, 16  # pixels along a side of a map and of a difference
_IN_A_PIXEL = 2.5  # pixels of a difference along a side: the root of the stars over this


@dataclass(frozen=True)
class Comparison:
    """Two galaxies side by side.

    Parameters
    ----------
    picture
        Left, right and right minus left, in units of the error of the difference.
    rms
        Root mean square of the difference in those units by quantity; only those known.
    """

    picture: Picture
    rms: dict[str, float]


def comparison(
    sides: Sequence[Columns | None],
    view: View,
    scales: Scales,
    *,
    names: Sequence[str],
    total: int,
    state: str = "settled",
) -> Comparison:
    """Draw two quantities of two galaxies from one direction, and what differs.

    Parameters
    ----------
    sides
        Plain columns of the left and the right galaxy; None for one that is not there. A map
        that needs columns which a galaxy lacks stays empty.
    view, scales
        What is shown, and how both are scaled.
    names
        Of the galaxies.
    total
        Stars of each galaxy there will be in the end, which the resolution depends on.
    state
        ``preview`` or, if nothing is to be expected any more, ``settled``.
    """
    half_width = view.half_width or scales.half_width
    bins, coarse = resolution(total)
    around, blank = (view.inclination, view.azimuth, half_width), np.zeros((bins, bins), np.uint8)
    maps: list[dict[str, Map]] = []
    for stars in sides:
        known = [name for name in view.quantities if name in shown(stars or ())]
        maps.append(project_many(stars, known, *around, bins, view.centre) if stars else {})
    both = [name for name in view.quantities if all(name in side for side in maps)]
    measured = [
        measure_many(stars, both, *around, coarse, view.centre) for stars in sides if stars and both
    ]
    panels: list[np.ndarray] = []
    spread: dict[str, float] = {}
    factor = bins // coarse
    for name in view.quantities:
        panels += [scales.levels(side[name]) if name in side else blank for side in maps]
        if name not in both:
            panels.append(blank)
            continue
        values = residual(*(side[name] for side in measured))
        if (size := rms(values)) is not None:
            spread[name] = size
        panels.append(to_bytes(values, -LIMIT, LIMIT).repeat(factor, 0).repeat(factor, 1))
    frame = frame_of(view, scales, bins) | {
        "columns": _columns(view, names),
        "state": state,
        "contours": [[], [], []],
    }
    words = _in_words(view, names, half_width, spread)
    field = (*view.centre, half_width)
    pixels = np.stack(panels).tobytes()
    return Comparison(
        Picture(pixels, frame, (view.inclination, view.azimuth), field, words), spread
    )


def resolution(total: int) -> tuple[int, int]:
    """Pixels along a side of a map, and of a difference, for so many stars: powers of two."""
    root = sqrt(max(total, 1))
    bins = min(BINS, max(_FEWEST, 2 ** int(log2(root))))
    return bins, min(bins, max(_COARSEST, 2 ** int(log2(max(root / _IN_A_PIXEL, 1.0)))))


def seen_from(view: View) -> str:
    """The direction of a view in words."""
    title = column_of(view.inclination, view.azimuth)["title"]
    turned = f", turned by {view.azimuth:.0f}°" if view.azimuth % 360 else ""
    return f"{title}{turned}"


def said(spread: Mapping[str, float]) -> str:
    """The size of the differences in words."""
    parts = ", ".join(f"{QUANTITIES[name].label} {size:.2g}" for name, size in spread.items())
    return f"rms difference in units of its error: {parts}" if parts else "no difference known"


def _columns(view: View, names: Sequence[str]) -> list[dict[str, Any]]:
    axes = column_of(view.inclination, view.azimuth) | {"tilts": True}
    bar = {
        "label": "(right − left) / error",
        "palette": PALETTE_OF["difference"],
        "ticks": linear_ticks(-LIMIT, LIMIT),
    }
    scales = [bar] * len(view.quantities)
    columns: list[dict[str, Any]] = [axes | {"title": name} for name in names]
    return [*columns, axes | {"title": "difference", "scales": scales}]


def _in_words(
    view: View, names: Sequence[str], half_width: float, spread: Mapping[str, float]
) -> str:
    quantities = " and ".join(QUANTITIES[name].label for name in view.quantities)
    left, right = names
    return (
        f"Maps of the {quantities} of {left} and {right}, {seen_from(view)}, and the difference; "
        f"{2 * half_width:g} kpc across; {said(spread)}."
    )
