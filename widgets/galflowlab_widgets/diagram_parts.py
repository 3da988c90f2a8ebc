"""What diagrams are put together from: axes, lines and panels as plain JSON data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy.ndimage import gaussian_filter

from galflowlab.profiles import RadialProfile, plane
from galflowlab.schema import COLUMNS
from galflowlab_widgets.ghost import polylines
from galflowlab_widgets.scales import Columns, Limits, linear_ticks, nice_above

Json: TypeAlias = dict[str, Any]

HEIGHT = 230  # px
PIXELS = 64
MODEL, REFERENCE = 0, 1
"""Which galaxy, and the colour of its lines."""
Names: TypeAlias = Mapping[int, str]
NAMES: Names = {MODEL: "model", REFERENCE: "nearest galaxy"}
FEWEST = 5  # stars in a bin that is shown
_SHARES = (0.3, 0.6, 0.9)  # of the mass of the reference within its contour lines


@dataclass(frozen=True)
class Diagram:
    """What a chart needs for one frame.

    Parameters
    ----------
    figure
        Height [px] and panels as plain JSON data: axes, image, lines.
    pixels
        Images of the panels, one byte per pixel, row by row from the bottom; 0 where empty,
        else 1 to 255 along the palette.
    alt
        The diagram in words.
    """

    figure: Json
    pixels: bytes
    alt: str


def diagram(panels: list[Json], alt: str, pixels: bytes = b"") -> Diagram:
    """Put panels side by side."""
    return Diagram({"height": HEIGHT, "panels": panels}, pixels, alt)


def panel(x: Json, y: Json, lines: list[Json], image: Json | None = None) -> Json:
    """One panel; its image is a part of the pixels of the diagram."""
    return {"x": x, "y": y, "image": image, "lines": lines}


def axis(label: str, ticks: Sequence[tuple[float, str]]) -> Json:
    """Label with unit, and ticks as fractions of the axis."""
    return {"label": label, "ticks": [[round(at, 4), text] for at, text in ticks]}


def fraction(values: np.ma.MaskedArray, limits: Limits, *, log: bool = False) -> np.ma.MaskedArray:
    """Where values lie between the limits: 0 to 1, beyond if outside; limits of log as log10."""
    low, high = limits
    return ((np.ma.log10(values) if log else values) - low) / (high - low)


def line(
    x: np.ndarray,
    y: np.ma.MaskedArray,
    colour: int,
    label: str,
    *,
    dash: bool = False,
    band: tuple[np.ma.MaskedArray, np.ma.MaskedArray] | None = None,
) -> Json:
    """A line through fractions of the panel, with a gap where `y` is masked."""
    xs, ys, gaps = x.round(4).tolist(), y.filled(0).round(4).tolist(), np.ma.getmaskarray(y)
    points = [None if g else [a, b] for a, b, g in zip(xs, ys, gaps, strict=True)]
    drawn: Json = {"points": points, "colour": colour, "dash": dash, "label": label}
    if band is not None:
        low, high = band
        known = ~(np.ma.getmaskarray(low) | np.ma.getmaskarray(high))
        columns = [values[known].tolist() for values in (x, low, high)]
        drawn["band"] = [[round(v, 4) for v in values] for values in zip(*columns, strict=True)]
    return drawn


def profile_line(
    profile: RadialProfile,
    outer: float,
    limits: Limits,
    colour: int,
    label: str,
    *,
    dash: bool = False,
    log: bool = False,
) -> Json:
    """A radial profile; that of the model with its standard errors as a band."""
    values = sure(profile.values, profile.counts)
    band = None
    if not dash:
        errors = profile.errors
        # on a logarithmic axis the lower end of a band stays above zero
        low = np.ma.maximum(values - errors, 1e-3 * values) if log else values - errors
        band = (fraction(low, limits, log=log), fraction(values + errors, limits, log=log))
    heights = fraction(values, limits, log=log)
    return line(profile.centres / outer, heights, colour, label, dash=dash, band=band)


def sure(values: np.ma.MaskedArray, counts: np.ndarray) -> np.ma.MaskedArray:
    """Mask the bins with too few stars to be worth a point."""
    return np.ma.masked_where(counts < FEWEST, values)


def settled(values: np.ma.MaskedArray, counts: np.ndarray) -> np.ndarray:
    """Values of the bins that hold at least a hundredth of the stars, to take limits from.

    The others are noisy, and limits would jitter with them. Raises ValueError if not even a few
    stars are in one bin.
    """
    enough = (counts >= FEWEST) & (counts >= 0.01 * counts.sum())
    chosen = np.ma.masked_where(~enough, values).compressed()
    if not len(chosen):
        raise ValueError("there are too few stars to be drawn")
    return chosen


def distribution(
    shown: Mapping[int, Columns], column: str, edges: np.ndarray, x: Json, names: Names
) -> Json:
    """Panel of the share of the mass per unit of a column, in equal bins."""
    n, low, high = len(edges) - 1, float(edges[0]), float(edges[-1])
    density = {}
    for who, stars in shown.items():
        index = np.floor((stars[column] - low) * (n / (high - low)))
        inside = (index >= 0) & (index < n)
        mass = stars["mass"].astype(np.float64)
        shares = np.bincount(index[inside].astype(np.intp), mass[inside], minlength=n)
        density[who] = shares / mass.sum() * (n / (high - low))
    limits = (0.0, nice_above(float(density[MODEL].max())))
    centres = (0.5 * (edges[1:] + edges[:-1]) - low) / (high - low)
    lines = [
        line(centres, fraction(np.ma.asarray(d), limits), who, names[who], dash=who == REFERENCE)
        for who, d in density.items()
    ]
    label = f"share of the mass [{COLUMNS[column].unit_text}⁻¹]"
    return panel(x, axis(label, linear_ticks(*limits, 6)), lines)


def enclosing_lines(
    stars: Columns, x: str, y: str, ranges: tuple[Limits, Limits], name: str
) -> list[Json]:
    """Lines in a plane that enclose shares of the mass of a reference galaxy."""
    share = gaussian_filter(plane(stars, x, y, *ranges, PIXELS).filled(0.0), 1.2, mode="constant")
    falling = np.sort(share, axis=None)[::-1]
    within = np.cumsum(falling)
    if not within[-1] > 0:
        return []
    levels = falling[np.searchsorted(within, np.array(_SHARES) * within[-1])]
    label = f"{name}: 30, 60 and 90 % of its mass"
    return [
        {"points": points, "colour": REFERENCE, "dash": True, "label": "" if i else label}
        for i, points in enumerate(polylines(share, levels.tolist()))
    ]
