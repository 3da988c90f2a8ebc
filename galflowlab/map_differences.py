"""Maps of two galaxies on the same pixels, and their difference in units of its error."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from galflowlab.maps import Map, columns_needed, project_many
from galflowlab.pixels import MEAN_OF, direction, masked
from galflowlab.schema import VELOCITY, Stars, finite_columns

DENSITY = "surface_density"
_SEEN = 4  # stars of both in a pixel that shows a difference of density
_AVERAGED = 6  # stars of a pixel that shows an average ...
_SCATTERED = 20  # ... and of one that shows a dispersion, whose error is that of a fourth moment


@dataclass(frozen=True)
class MeasuredMap:
    """A map with what its errors are made of.

    Parameters
    ----------
    map
        Of the quantity; averages are masked where stars are few.
    counts
        Stars of each pixel, shape (bins, bins).
    variance
        Of the value of each pixel, from the number of its stars and their scatter.
    """

    map: Map
    counts: np.ndarray
    variance: np.ndarray


def measure(
    stars: Stars,
    quantity: str,
    inclination: float,
    azimuth: float,
    half_width: float,
    bins: int,
    centre: tuple[float, float] = (0.0, 0.0),
) -> MeasuredMap:
    """Map one quantity with the variance of every pixel.

    Parameters and errors are those of `galflowlab.maps.project`. The variance of a dispersion is
    made of the second and the fourth moment of the pixel: of normal velocities it would be too
    small by far, because discs in haloes have heavy tails.
    """
    names = columns_needed(quantity)
    table = dict(zip(names, finite_columns(stars, names), strict=True))
    mass = np.asarray(table["mass"], float)
    area = (2 * half_width / bins) ** 2

    def project(name: str, **changed: np.ndarray) -> Map:
        view = (inclination, azimuth, half_width, bins, centre)
        return project_many(table | changed, (name,), *view)[name]

    def sums(weights: np.ndarray) -> np.ndarray:
        return project(DENSITY, mass=weights).values.filled(0.0) * area

    def mean(values: np.ndarray) -> np.ndarray:
        return project("mean_age", age=values).values.filled(0.0)  # whatever they are

    shown, counts, squares = project(quantity), sums(np.ones(len(mass))), sums(mass**2)
    if quantity == DENSITY:
        return MeasuredMap(shown, np.rint(counts), squares / area**2)
    if quantity in MEAN_OF:
        values = np.asarray(table[MEAN_OF[quantity]], float)
    else:
        away = direction(inclination, azimuth)[2]
        values = away @ np.array([table[name] for name in VELOCITY], float)
    squared = values**2
    first, second = mean(values), mean(squared)
    spread, fewest = np.maximum(second - first**2, 0.0), _AVERAGED
    if quantity == "sigma_los":
        third, fourth = mean(squared * values), mean(squared**2)
        fourth += first * (6 * first * second - 4 * third - 3 * first**3)  # about the mean
        excess = np.maximum(fourth - spread**2, 0.0)
        spread = np.divide(excess, 4 * spread, out=np.zeros_like(spread), where=spread > 0)
        fewest = _SCATTERED
    effective = np.divide(sums(mass) ** 2, squares, out=np.zeros_like(squares), where=squares > 0)
    several = effective > 1 + 1e-9
    variance = np.divide(spread, effective - 1, out=np.zeros_like(spread), where=several)
    enough = (counts > fewest - 0.5) & ~np.ma.getmaskarray(shown.values)
    averaged = replace(shown, values=masked(shown.values.data, enough))
    return MeasuredMap(averaged, np.rint(counts), variance)


def residual(first: MeasuredMap, second: MeasuredMap) -> np.ma.MaskedArray:
    """Second minus first map in units of the error of the difference, masked where stars are few.

    Parameters
    ----------
    first, second
        Maps of the same quantity and pixels, of stars that are independent of each other.
    """
    variance = first.variance + second.variance
    enough = variance > 0
    if first.map.quantity == DENSITY:
        enough &= first.counts + second.counts >= _SEEN
    else:
        enough &= ~(first.map.values.mask | second.map.values.mask)
    difference = second.map.values.filled(0.0) - first.map.values.filled(0.0)
    scaled = np.divide(difference, np.sqrt(variance), out=np.zeros_like(difference), where=enough)
    return masked(scaled, enough)


def rms(values: np.ma.MaskedArray) -> float | None:
    """Root mean square of a residual, about 1 if only chance differs; None without pixels."""
    return float(np.sqrt((values**2).mean())) if values.count() else None
