"""Maps of two galaxies on the same pixels, and their difference in units of its error."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from galflowlab.maps import Map, project_sorted
from galflowlab.pixels import Pixels, masked
from galflowlab.schema import Stars

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
    view = (inclination, azimuth, half_width, bins, centre)
    return measure_many(stars, (quantity,), *view)[quantity]


def measure_many(
    stars: Stars,
    quantities: Iterable[str],
    inclination: float,
    azimuth: float,
    half_width: float,
    bins: int,
    centre: tuple[float, float] = (0.0, 0.0),
) -> dict[str, MeasuredMap]:
    """Measure several quantities of the same stars, sorting them into pixels once.

    Parameters and errors are those of `measure`; the maps are returned by name.
    """
    pixels = Pixels(stars, inclination, azimuth, half_width, bins, centre)
    maps = project_sorted(pixels, quantities)
    return {name: _measured(pixels, shown) for name, shown in maps.items()}


def _measured(pixels: Pixels, shown: Map) -> MeasuredMap:
    sums, shape = pixels.sums, shown.values.shape
    counts = sums.counts.reshape(shape)
    if shown.quantity == DENSITY:
        return MeasuredMap(shown, counts, (sums.squares / pixels.area**2).reshape(shape))
    offsets2 = sums.squared_offsets(*pixels.averaged(shown.quantity))
    spread, fewest = sums.mean(offsets2), _AVERAGED
    if shown.quantity == "sigma_los":
        excess = np.maximum(sums.mean(offsets2**2) - spread**2, 0.0)
        spread = np.divide(excess, 4 * spread, out=np.zeros_like(spread), where=spread > 0)
        fewest = _SCATTERED
    enough = (counts >= fewest) & ~np.ma.getmaskarray(shown.values)
    averaged = replace(shown, values=masked(shown.values.data, enough))
    return MeasuredMap(averaged, counts, sums.variance_of_mean(spread).reshape(shape))


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
