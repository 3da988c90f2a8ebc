"""The ghost: contour lines of a simulated galaxy, to lay over the maps of a model."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TypeAlias

import contourpy
import numpy as np
from scipy.ndimage import gaussian_filter

from galflowlab.maps import project
from galflowlab.profiles import enclosing_radius
from galflowlab_widgets.scales import Columns

Polylines: TypeAlias = list[list[list[float]]]

_SMOOTHING = 2.0  # pixels, standard deviation
_FEWEST = 4.0  # stars that make up a level, within a kernel: below it contours encircle noise
_SHORTEST = 12  # pixels along a line; shorter ones encircle single stars
_TOLERANCE = 0.15  # pixels by which a simplified line may leave the true one
_MOST_POINTS = 1900


def contours(
    stars: Columns,
    inclination: float,
    azimuth: float,
    centre: tuple[float, float],
    half_width: float,
    *,
    levels: Sequence[float] | None = None,
    n_levels: int = 4,
    bins: int = 96,
) -> Polylines:
    """Lines of equal surface density of a galaxy, lightly smoothed.

    Parameters
    ----------
    stars
        Plain columns ``x y z`` [kpc] and ``mass`` [Msun].
    inclination, azimuth, centre, half_width
        Direction [degree] and field [kpc] on the sky, see `galflowlab.maps.project`.
    levels
        log10 of the surface densities [Msun/kpc^2]; `levels_of` the stars if not given, which
        are the same for every view, so that they may be found once and given to many. Levels
        that few stars make up are left out.
    n_levels
        Number of levels, if they are not given.
    bins
        Resolution: pixels along each side of the field.

    Returns
    -------
    list of polylines
        Each a list of [right, up], fractions of the field, 0, 0 at the lower left; closed lines
        end where they begin. Fewer than 2000 points in all, the brightest levels first. Empty
        if the galaxy is outside the field.

    Raises
    ------
    ValueError
        For stars or a view that cannot be mapped.
    """
    levels = levels_of(stars, n_levels) if levels is None else levels
    seen = project(stars, "surface_density", inclination, azimuth, half_width, bins, centre=centre)
    if not seen.values.count():
        return []
    density = gaussian_filter(seen.values.filled(0.0), _SMOOTHING, mode="nearest")
    kernel = 4 * np.pi * _SMOOTHING**2 * seen.pixel_area
    faintest = _FEWEST * float(np.mean(stars["mass"], dtype=np.float64)) / kernel
    chosen = [level for level in sorted(levels, reverse=True) if 10.0**level >= faintest]
    logarithm = np.log10(np.maximum(density, 1e-3 * faintest))
    return polylines(logarithm, chosen)


def levels_of(stars: Columns, n_levels: int = 4) -> list[float]:
    """log10 surface densities one dex apart below the face-on peak of a galaxy, descending.

    The peak is that of pixels of a thirtieth of the radius of 98 % of the mass, so that it
    does not depend on the view. Raises ValueError for stars without extent or mass.
    """
    radius = enclosing_radius(stars, 0.98, projected=True)
    if not radius > 0:
        raise ValueError("the stars of the galaxy have no extent")
    whole = project(stars, "surface_density", 0.0, 0.0, radius, 60)
    peak = float(gaussian_filter(whole.values.filled(0.0), 1.0, mode="constant").max())
    return [float(np.log10(peak)) - k for k in range(1, n_levels + 1)]


def polylines(grid: np.ndarray, levels: Sequence[float]) -> Polylines:
    """Contour lines of a grid [iy, ix] of pixels, as fractions of its sides.

    Simplified, without the shortest ones; lines of later levels are left out when there are
    too many points.
    """
    ny, nx = grid.shape
    generator = contourpy.contour_generator(
        z=grid, name="serial", line_type=contourpy.LineType.Separate
    )
    found: Polylines = []
    room = _MOST_POINTS
    for level in levels:
        traced = (np.asarray(line) for line in generator.lines(level))
        lines = [line for line in traced if _length(line) >= _SHORTEST]
        for line in sorted(lines, key=_length, reverse=True):
            points = (_simplified(line) + 0.5) / (nx, ny)
            room -= len(points)
            if room < 0:
                return found
            found.append(points.round(3).tolist())
    return found


def _length(line: np.ndarray) -> float:
    return float(np.sqrt((np.diff(line, axis=0) ** 2).sum(axis=1)).sum())


def _simplified(line: np.ndarray) -> np.ndarray:
    """Keep the points from which chords would stray by more than the tolerance.

    Douglas-Peucker; a closed line is cut at its middle, where a chord has two ends.
    """
    keep = np.zeros(len(line), dtype=bool)
    middle = ceil(len(line) / 2)
    keep[[0, middle, -1]] = True
    open_spans = [(0, middle), (middle, len(line) - 1)]
    while open_spans:
        first, last = open_spans.pop()
        if last - first < 2:
            continue
        chord, offsets = line[last] - line[first], line[first + 1 : last] - line[first]
        length = np.hypot(*chord)
        if length > 0:
            stray = np.abs(offsets[:, 0] * chord[1] - offsets[:, 1] * chord[0]) / length
        else:
            stray = np.hypot(*offsets.T)
        farthest = int(stray.argmax())
        if stray[farthest] > _TOLERANCE:
            split = first + 1 + farthest
            keep[split] = True
            open_spans += [(first, split), (split, last)]
    return line[keep]
