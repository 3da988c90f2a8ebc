"""From stars and an observer to the bytes and words of a sky: pure functions, no kernel needed."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from math import floor, isfinite, log10
from typing import Any

import numpy as np

from galflowlab.maps import project
from galflowlab.sky import (
    QUANTITIES,
    Observer,
    Sightlines,
    graticule,
    healpix_map,
    mollweide_pixels,
    nside_for,
    sightlines,
)
from galflowlab.sky.mollweide import project as project_sky
from galflowlab_widgets.rendering import PALETTES
from galflowlab_widgets.scales import (
    Columns,
    Limits,
    Scales,
    decade_ticks,
    linear_ticks,
    shown,
    to_bytes,
)

FIELD_BINS = 96
WIDTH = 800  # pixels of the picture of a sky, as many as it has on most screens
_IN_A_PIXEL = 4.0, 6.0  # stars on average over the sky, to be counted and to be averaged
_FAINTEST, _DECADES = -1.0, 3.5  # of star counts, relative to stars spread evenly over the sky
_SKY = 4 * np.pi * np.rad2deg(1) ** 2  # square degrees
_NAMED_LATITUDE = -45.0  # degrees, where the longitudes are written: clear of the disc
_PALETTE = {name: i for i, name in enumerate(PALETTES)} | {"counts": 0}


@dataclass(frozen=True)
class Field:
    """A galaxy seen face-on, for the map on which the observer is placed.

    Parameters
    ----------
    pixels
        One byte per pixel, row by row from the bottom.
    bins, palette
        Pixels along each side, and the colour table.
    axes
        Labels and ticks as plain data.
    alt
        The map in words.
    """

    pixels: bytes
    bins: int
    palette: int
    axes: dict[str, Any]
    alt: str


@dataclass(frozen=True)
class Sky:
    """What the canvas of a sky needs for one frame.

    Parameters
    ----------
    pixels
        One byte per pixel, row by row from the bottom, compressed by zlib: 0 where there is
        nothing to show, else 1 to 255 along the colour bar.
    frame
        Size of the picture, palette, label and ticks of the colour bar as plain JSON data.
    alt
        The sky in words.
    stars, nside
        Number of stars in it, and its resolution.
    """

    pixels: bytes
    frame: dict[str, Any]
    alt: str
    stars: int
    nside: int


def quantities(columns: Iterable[str]) -> tuple[str, ...]:
    """What a sky can show of stars with these columns, in `sky.QUANTITIES`."""
    return ("counts", *(name for name in shown(tuple(columns)) if name != "surface_density"))


def label(quantity: str) -> str:
    """Name of a quantity for a menu."""
    return "star counts" if quantity == "counts" else QUANTITIES[quantity].label


def field(stars: Columns, half_width: float, scales: Scales) -> Field:
    """Draw the surface density of stars seen face-on, looking down the spin.

    Parameters
    ----------
    stars
        Plain columns by name in the units of `galflowlab.schema`.
    half_width
        Half the side of the field [kpc].
    scales
        Limits of ``surface_density``.
    """
    density = project(stars, "surface_density", 0.0, 0.0, half_width, FIELD_BINS)
    ticks = linear_ticks(-half_width, half_width, 5)
    axes = {name: {"label": f"{name} [kpc]", "ticks": ticks} for name in ("x", "y")}
    alt = f"Place of the observer in the galaxy seen face-on, {2 * half_width:g} kpc across"
    levels = scales.levels(density).tobytes()
    return Field(levels, FIELD_BINS, _PALETTE["surface_density"], axes, alt)


def sky(
    stars: Columns,
    observer: Observer,
    quantity: str,
    limits: Limits,
    *,
    distance: Limits = (0.0, np.inf),
    total: int | None = None,
) -> Sky:
    """Draw what an observer in the galaxy sees.

    Parameters
    ----------
    stars
        Plain columns by name in the units of `galflowlab.schema`.
    observer
        Where to look from.
    quantity
        One of `quantities`; star counts are drawn per square degree.
    limits
        Of the colour bar; log10 for star counts.
    distance
        Nearest and farthest distance [kpc] of the stars.
    total
        Number of stars in the end: counts are those of so many.

    Raises
    ------
    ValueError
        For what `sky.sightlines` and `sky.healpix_map` refuse.
    """
    seen = sightlines(stars, observer)
    inside = _inside(seen, distance)
    nside = nside_for(inside, stars_per_pixel=_IN_A_PIXEL[quantity != "counts"])
    found = healpix_map(seen, nside, quantity, distance=distance)
    values = found.values
    if quantity == "counts":
        share = (total or len(seen)) / len(seen)
        values = np.ma.log10(values * (share / found.pixel_area))
    lookup = _lookup(nside)
    height, width = lookup.shape
    complete = total is None or total == len(seen)
    frame = {
        "width": width,
        "height": height,
        "palette": _PALETTE[quantity],
        "label": "stars [deg⁻²]" if quantity == "counts" else found.axis_label,
        "ticks": decade_ticks(*limits) if quantity == "counts" else linear_ticks(*limits, 8),
        "state": "settled" if complete else "preview",
    }
    levels = to_bytes(values, *limits)[lookup]
    x, y, _ = observer.position
    alt = (
        f"The sky at x = {x:.2f}, y = {y:.2f} kpc in {label(quantity)}{_shell(distance)}: "
        f"{inside} stars"
    )
    return Sky(zlib.compress(levels.tobytes(), 1), frame, alt, inside, nside)


def count_limits(total: int) -> Limits:
    """Limits of log10 of stars per square degree: the same wherever the observer is."""
    even = log10(max(total, 1) / _SKY)
    low = floor(2 * (even + _FAINTEST)) / 2
    return low, low + _DECADES


@cache
def net() -> dict[str, Any]:
    """Lines of equal longitude and latitude and their names, in fractions of the picture."""
    lines = [_fractions(*line[:, ::3]) for line in graticule(60.0, 30.0)]
    named = {f"{lon % 360}°": (lon, _NAMED_LATITUDE) for lon in range(-120, 121, 60)}
    edge = {f"{lat}°".replace("-", "−"): (180, lat) for lat in range(-60, 61, 30)}
    return {
        "lines": [line.round(4).tolist() for line in lines],
        "longitudes": [[*_named(*place), text] for text, place in named.items()],
        "latitudes": [[*_named(*place), text] for text, place in edge.items()],
    }


def _inside(seen: Sightlines, distance: Limits) -> int:
    near, far = distance
    if near <= 0 and not isfinite(far):
        return len(seen)
    return int(np.count_nonzero((seen.distance >= near) & (seen.distance < far)))


def _shell(distance: Limits) -> str:
    near, far = distance
    if isfinite(far):
        return f" at {near:g} to {far:g} kpc"
    return f" beyond {near:g} kpc" if near > 0 else ""


@lru_cache(maxsize=8)
def _lookup(nside: int) -> np.ndarray:
    """Pixel of the sky below each pixel of the picture; rows go on beyond the ellipse.

    The browser cuts along a smooth ellipse, which needs pixels on both sides of it.
    """
    pixels = mollweide_pixels(nside, WIDTH)
    inside = pixels >= 0
    rows = np.flatnonzero(inside.any(axis=1))
    near = np.clip(np.arange(len(pixels)), rows[0], rows[-1])
    pixels, inside = pixels[near], inside[near]
    first, last = inside.argmax(axis=1), WIDTH - 1 - inside[:, ::-1].argmax(axis=1)
    columns = np.clip(np.arange(WIDTH), first[:, None], last[:, None])
    return np.take_along_axis(pixels, columns, axis=1)


def _named(longitude: float, latitude: float) -> list[float]:
    place = _fractions(*project_sky(np.array(longitude), np.array(latitude)))
    return [round(float(f), 4) for f in place]


def _fractions(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Places in the plane of the projection as fractions of its box."""
    return np.stack([(x + 2) / 4, (y + 1) / 2], axis=-1)
