"""From stars to the bytes and axes of a picture: pure functions, no kernel needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil, floor, log10
from typing import Any

import matplotlib
import numpy as np

from galflowlab.maps import QUANTITIES, Map, project_many
from galflowlab.schema import AGE_MAX

Columns = Mapping[str, np.ndarray]

BINS = 128
AGE_LIMITS = (0.0, AGE_MAX)
ROWS = {"surface_density": 0, "mean_age": 1}
"""Quantities shown, from top to bottom, and the palette of each."""

_PALETTES = ("magma", "viridis")
_NEEDS = ("x", "y", "z", "age", "mass")
_NICE_WIDTHS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
_DECADES = (1.5, 5.0)  # fewest and most decades of surface density in one picture
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Picture:
    """What the canvas needs for one frame.

    Parameters
    ----------
    pixels
        One byte per pixel, panel after panel in reading order, each row by row from the
        bottom; 0 where there is nothing to show, else 1 to 255 along the colour bar.
    axes
        Titles, labels, ticks and palettes as plain JSON data.
    alt
        The picture in words.
    """

    pixels: bytes
    axes: dict[str, Any]
    alt: str


@cache
def palettes() -> bytes:
    """RGBA colour tables, one of 256 x 4 bytes after the other.

    Entry 0 stands for an empty pixel: the lowest colour where empty means little
    (surface density), transparent where it means unknown (averages).
    """
    tables = []
    for name in _PALETTES:
        table = matplotlib.colormaps[name](np.linspace(0, 1, 255), bytes=True)
        empty = table[:1].copy()
        empty[0, 3] = 255 if name == _PALETTES[0] else 0
        tables.append(np.concatenate([empty, table]))
    return np.concatenate(tables).astype(np.uint8).tobytes()


def to_bytes(values: np.ma.MaskedArray, low: float, high: float) -> np.ndarray:
    """Scale values linearly to 1 ... 255, clipped at the limits; 0 where masked."""
    scaled = (values.filled(low) - low) * (254 / (high - low)) + 1.5
    levels = np.clip(scaled, 1, 255).astype(np.uint8)
    levels[np.ma.getmaskarray(values)] = 0
    return levels


def field_half_width(stars: Columns) -> float:
    """Half the side [kpc] of a field that shows nearly all stars.

    Taken from a coarse series, and from nothing but the stars: the same stars are always
    shown in the same field, and a small change of the stars seldom changes it.
    """
    radius2 = stars["x"] ** 2 + stars["y"] ** 2 + stars["z"] ** 2
    wanted = 1.25 * float(np.sqrt(np.quantile(radius2, 0.95))) if len(radius2) else 1.0
    if not (np.isfinite(wanted) and wanted > 0):
        raise ValueError("the stars have no finite extent")
    decade = 10.0 ** floor(log10(wanted))
    nice = (width * decade for width in (*_NICE_WIDTHS, 10.0))
    return next((width for width in nice if width >= wanted), 10 * decade)


def density_limits(densities: Sequence[Map]) -> tuple[float, float]:
    """Limits of log10 surface density that hold all occupied pixels, to 0.5 dex."""
    occupied = np.concatenate([m.values.compressed() for m in densities])
    if not len(occupied):
        return 0.0, _DECADES[0]
    high = ceil(2 * log10(occupied.max())) / 2
    low = floor(2 * log10(occupied.min())) / 2
    return min(max(low, high - _DECADES[1]), high - _DECADES[0]), high


def picture(stars: Columns, inclination: float, azimuth: float, bins: int = BINS) -> Picture:
    """Draw surface density and mean age, face-on and at the given inclination.

    Parameters
    ----------
    stars
        Plain columns by name in the units of `galflowlab.schema`; without ``age`` there is no
        map of it.
    inclination
        Inclination [degree] of the right-hand panels; the left-hand ones are face-on.
    azimuth
        Angle [degree] by which the galaxy is turned about its spin in all panels.
    bins
        Pixels along each side of a panel.
    """
    stars = {name: stars[name] for name in _NEEDS if name in stars}
    rows = [name for name in ROWS if name != "mean_age" or "age" in stars]
    half_width = field_half_width(stars)
    views = [project_many(stars, rows, i, azimuth, half_width, bins) for i in (0.0, inclination)]
    limits = {
        "surface_density": density_limits([view["surface_density"] for view in views]),
        "mean_age": AGE_LIMITS,
    }
    panels = []
    for name in rows:
        for view in views:
            values = np.ma.log10(view[name].values) if _logarithmic(name) else view[name].values
            panels.append(to_bytes(values, *limits[name]))
    axes = {
        "bins": bins,
        "ticks": linear_ticks(-half_width, half_width),
        "columns": [_column(0.0, azimuth), _column(inclination, azimuth)],
        "rows": [_row(name, *limits[name]) for name in rows],
    }
    titles = " and ".join(_column(i, azimuth)["title"] for i in (0.0, inclination))
    names = " and ".join(QUANTITIES[name].label for name in rows)
    alt = f"Maps of the {names} of a galaxy, {titles}, {2 * half_width:g} kpc across."
    return Picture(np.stack(panels).tobytes(), axes, alt)


def linear_ticks(low: float, high: float, most: int = 7) -> list[tuple[float, str]]:
    """At most `most` round values between the limits: (fraction of the axis, text)."""
    raw = (high - low) / (most - 1)
    decade = 10.0 ** floor(log10(raw))
    step = next(f * decade for f in (1, 2, 5, 10) if f * decade >= raw * (1 - 1e-9))
    values = step * np.arange(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)
    texts = [f"{value:g}".replace("-", "−") for value in values.round(10)]
    fractions = np.clip((values - low) / (high - low), 0, 1)
    return list(zip(fractions.tolist(), texts, strict=True))


def decade_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Powers of ten between limits given as log10: (fraction of the axis, text)."""
    return [
        ((exponent - low) / (high - low), "10" + str(exponent).translate(_SUPERSCRIPT))
        for exponent in range(ceil(low), floor(high) + 1)
    ]


def _logarithmic(name: str) -> bool:
    return name == "surface_density"


def _row(name: str, low: float, high: float) -> dict[str, Any]:
    ticks = decade_ticks(low, high) if _logarithmic(name) else linear_ticks(low, high, 8)
    return {"label": QUANTITIES[name].axis_label, "palette": ROWS[name], "ticks": ticks}


def _column(inclination: float, azimuth: float) -> dict[str, str]:
    """Title and axis labels of a view; axes that are not those of the galaxy have a prime."""
    names = {0.0: "face-on", 90.0: "edge-on"}
    up = {0.0: "y", 90.0: "z"}.get(inclination, "y′")
    turned = azimuth % 360 != 0
    return {
        "title": names.get(inclination, f"inclination {inclination:g}°"),
        "x": "x′ [kpc]" if turned else "x [kpc]",
        "y": "y′ [kpc]" if turned and up == "y" else f"{up} [kpc]",
    }
