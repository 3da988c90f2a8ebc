"""The whole sky on an ellipse of equal area: Mollweide's projection, by healpy.

In the plane of the projection the ellipse reaches from -2 to 2 and from -1 to 1. The centre of
the galaxy is in the middle, longitude increases to the left and north is up.
"""

from __future__ import annotations

import functools

import healpy
import numpy as np
from healpy.projector import MollweideProj
from numpy.typing import ArrayLike

from galflowlab.sky.healpix import HealpixMap, checked_nside

MAX_WIDTH = 8192


def mollweide_raster(sky_map: HealpixMap, width: int = 800) -> np.ma.MaskedArray:
    """Picture of a map, shape (width / 2, width), row 0 at the bottom; see `mollweide_pixels`.

    Masked outside the ellipse, and where the map is.
    """
    pixels = mollweide_pixels(sky_map.nside, width)
    picture = np.ma.take(sky_map.values, np.maximum(pixels, 0))
    picture[pixels < 0] = np.ma.masked
    return picture


@functools.lru_cache(maxsize=16)
def mollweide_pixels(nside: int, width: int = 800) -> np.ndarray:
    """Pixel of the sky below each pixel of a picture: a look-up that makes drawing one ``take``.

    Parameters
    ----------
    nside
        Resolution of the map, in ring order.
    width
        Of the picture, even; half of it is the height.

    Returns
    -------
    numpy.ndarray
        Integers of shape (width / 2, width), read-only; -1 outside the ellipse. Row 0 is at the
        bottom. The outermost columns are the tips of the ellipse at x = ±2, the outermost rows
        are the poles at y = ±1.

    Raises
    ------
    ValueError
        For an nside that is no power of two, or a width that is odd or not from 16 to 8192.
    """
    nside = checked_nside(nside)
    if not (16 <= width <= MAX_WIDTH and width % 2 == 0):
        raise ValueError(f"expected an even width from 16 to {MAX_WIDTH}, got {width}")
    projection = MollweideProj(xsize=int(width))
    x, y = projection.ij2xy()
    inside = ~np.ma.getmaskarray(x)
    pixels = np.full(inside.shape, -1, dtype=np.int32)
    pixels[inside] = healpy.vec2pix(nside, *projection.xy2vec(x.data[inside], y.data[inside]))
    pixels.flags.writeable = False
    return pixels


def project(l: ArrayLike, b: ArrayLike) -> tuple[np.ndarray, np.ndarray]:  # noqa: E741
    """Place of Galactic coordinates [degree] in the plane; l = 180 lies at the left edge."""
    l, b = np.broadcast_arrays(np.asarray(l, np.float64), np.asarray(b, np.float64))  # noqa: E741
    # healpy puts 180 at the right edge.
    l = np.where(l % 360 == 180, 180 - 1e-9, l)  # noqa: E741
    return MollweideProj().ang2xy(l, b, lonlat=True)


def graticule(l_step: float = 60.0, b_step: float = 30.0) -> list[np.ndarray]:
    """Lines of equal longitude, then of equal latitude, in the plane of the projection.

    Parameters
    ----------
    l_step, b_step
        Between the lines [degree], counted from l = 0 and b = 0.

    Returns
    -------
    list of numpy.ndarray
        Lines of shape (2, point): x and y.

    Raises
    ------
    ValueError
        For steps below one degree.
    """
    if not (l_step >= 1 and b_step >= 1):
        raise ValueError(f"expected steps of at least 1 degree, got {l_step} and {b_step}")
    latitudes = np.linspace(-90, 90, 181)
    longitudes = np.linspace(-180 + 1e-9, 180 - 1e-9, 181)
    meridians = [m for m in _multiples(l_step, 180) if m > -180]
    parallels = [p for p in _multiples(b_step, 90) if abs(p) < 90]
    return [
        *(np.array(project(meridian, latitudes)) for meridian in meridians),
        *(np.array(project(longitudes, parallel)) for parallel in parallels),
    ]


def _multiples(step: float, end: float) -> np.ndarray:
    """Multiples of a step from -end to end."""
    last = np.floor(end / step)
    return step * np.arange(-last, last + 1)
