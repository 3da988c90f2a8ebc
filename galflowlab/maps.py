"""Projected maps: star particles binned on the sky as seen from any direction."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from astropy import units as u

from galflowlab.schema import POSITION, VELOCITY, Quantity, Stars, column_values

_KMS = u.km / u.s

QUANTITIES: dict[str, Quantity] = {
    q.name: q
    for q in (
        Quantity("surface_density", u.Msun / u.kpc**2, "mass per area", "surface density"),
        Quantity("mean_age", u.Gyr, "mass-weighted mean age", "mean age"),
        Quantity("mean_fe_h", u.dex, "mass-weighted mean [Fe/H]", "mean [Fe/H]"),
        Quantity("mean_o_fe", u.dex, "mass-weighted mean [O/Fe]", "mean [O/Fe]"),
        Quantity("v_los", _KMS, "mass-weighted mean line-of-sight velocity", "v (line of sight)"),
        Quantity("sigma_los", _KMS, "line-of-sight velocity dispersion", "σ (line of sight)"),
    )
}
"""What `project` can map; all averages are weighted by mass."""

_MEAN_OF = {"mean_age": "age", "mean_fe_h": "fe_h", "mean_o_fe": "o_fe"}


@dataclass(frozen=True)
class Map:
    """One quantity on a square grid of pixels on the sky.

    Parameters
    ----------
    values
        Masked array of shape (bins, bins), indexed ``[iy, ix]`` with ``[0, 0]`` at the lower
        left. Pixels without a value are masked and hold NaN below the mask.
    quantity
        Name in `QUANTITIES`.
    unit
        Unit of `values`.
    label
        Label for axes and colour bars, without the unit.
    half_width
        Half the side of the field of view [kpc].
    inclination, azimuth
        Viewing direction [degree], see `project`.
    """

    values: np.ma.MaskedArray
    quantity: str
    unit: u.UnitBase
    label: str
    half_width: float
    inclination: float
    azimuth: float

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top edge [kpc], as matplotlib's ``imshow`` takes it."""
        return (-self.half_width, self.half_width, -self.half_width, self.half_width)

    @property
    def pixel_area(self) -> float:
        """Area of one pixel [kpc^2]."""
        return (2 * self.half_width / self.values.shape[0]) ** 2

    @property
    def axis_label(self) -> str:
        """Label with unit, for colour bars."""
        return QUANTITIES[self.quantity].axis_label


def project(
    stars: Stars, quantity: str, inclination: float, azimuth: float, half_width: float, bins: int
) -> Map:
    """Map one quantity of the stars as seen from a given direction.

    The galaxy is first turned by `azimuth` about its spin axis (counter-clockwise as seen
    from +z), then its upper half is tilted away from the observer by `inclination`. With
    a = azimuth and i = inclination the sky coordinates are::

        right = x cos a - y sin a
        up    = (x sin a + y cos a) cos i + z sin i

    and the line-of-sight velocity, positive for receding stars, is::

        v_los = (vx sin a + vy cos a) sin i - vz cos i

    So inclination 0 is face-on, looking down -z (x to the right, y up), and inclination 90 is
    edge-on, looking along +y (x to the right, z up).

    Parameters
    ----------
    stars
        Table or mapping of columns: positions, ``mass`` and what the quantity needs.
    quantity
        Name in `QUANTITIES`.
    inclination, azimuth
        Viewing direction [degree].
    half_width
        Half the side of the square field of view [kpc]. Stars outside it are left out; the
        left and lower edges belong to the field, the right and upper ones do not.
    bins
        Number of pixels along each side.

    Returns
    -------
    Map
        Pixels without stars are masked, in ``sigma_los`` also those with a single star. The
        dispersion is the mass-weighted root mean square about the mean of the pixel.

    Raises
    ------
    ValueError
        For an unknown quantity, a missing column, a value that is not finite, a negative
        mass, a field of view that is not positive, or fewer than one bin.
    """
    return project_many(stars, (quantity,), inclination, azimuth, half_width, bins)[quantity]


def project_many(
    stars: Stars,
    quantities: Iterable[str],
    inclination: float,
    azimuth: float,
    half_width: float,
    bins: int,
) -> dict[str, Map]:
    """Map several quantities of the same stars, binning them once.

    Parameters and errors are those of `project`; the maps are returned by name, in the order
    of `quantities`.
    """
    names = list(quantities)
    unknown = [name for name in names if name not in QUANTITIES]
    if unknown:
        raise ValueError(f"unknown map quantities {unknown}; valid are {list(QUANTITIES)}")
    _check_view(inclination, azimuth, half_width, bins)
    bins = int(bins)
    pixels = _Pixels(stars, _direction(inclination, azimuth), float(half_width), bins)
    maps = {}
    for name in names:
        values, valid = pixels.compute(name)
        grid = np.ma.MaskedArray(
            np.where(valid, values, np.nan).reshape(bins, bins),
            mask=~valid.reshape(bins, bins),
            fill_value=np.nan,
        )
        spec = QUANTITIES[name]
        maps[name] = Map(grid, name, spec.unit, spec.label, float(half_width), inclination, azimuth)
    return maps


def _check_view(inclination: float, azimuth: float, half_width: float, bins: int) -> None:
    if not (np.isfinite(inclination) and np.isfinite(azimuth)):
        raise ValueError(f"expected finite angles, got {inclination} and {azimuth} degrees")
    if not (np.isfinite(half_width) and half_width > 0):
        raise ValueError(f"expected a positive half_width in kpc, got {half_width}")
    if bins < 1 or bins != int(bins):
        raise ValueError(f"expected a whole number of bins, at least 1, got {bins}")


def _direction(inclination: float, azimuth: float) -> np.ndarray:
    """Rows: unit vectors to the right, up, and away from the observer; exact at 0 and 90."""
    angles = np.deg2rad([inclination, azimuth])
    (sin_i, sin_a), (cos_i, cos_a) = np.sin(angles).round(15), np.cos(angles).round(15)
    right = [cos_a, -sin_a, 0.0]
    up = [sin_a * cos_i, cos_a * cos_i, sin_i]
    away = [sin_a * sin_i, cos_a * sin_i, -cos_i]
    return np.array([right, up, away])


def _finite_columns(
    stars: Stars, names: Iterable[str], length: int | None = None
) -> list[np.ndarray]:
    columns: list[np.ndarray] = []
    for name in names:
        values = column_values(stars, name)
        length = len(values) if length is None else length
        if len(values) != length:
            raise ValueError(f"column {name!r} has {len(values)} stars, not {length}")
        if bad := len(values) - int(np.count_nonzero(np.isfinite(values))):
            raise ValueError(f"column {name!r} has {bad} values that are not finite")
        columns.append(values)
    return columns


def _along(axis: np.ndarray, columns: list[np.ndarray]) -> np.ndarray:
    """Component of vectors along an axis, skipping what the axis does not see."""
    seen = [(a, c) for a, c in zip(axis, columns, strict=True) if a != 0.0]
    terms = [c if a == 1.0 else c * c.dtype.type(a) for a, c in seen]
    return functools.reduce(np.add, terms)


class _Pixels:
    """Stars sorted into pixels; sums over pixels are shared between quantities."""

    def __init__(self, stars: Stars, direction: np.ndarray, half_width: float, bins: int) -> None:
        *position, mass = _finite_columns(stars, (*POSITION, "mass"))
        if len(mass) and mass.min() < 0:
            raise ValueError("column 'mass' has negative values")
        scale = bins / (2 * half_width)
        right = _along(direction[0], position) * scale + bins / 2
        up = _along(direction[1], position) * scale + bins / 2
        inside = (right >= 0) & (right < bins) & (up >= 0) & (up < bins)
        self._stars, self._direction = stars, direction
        self._inside, self._all_inside = inside, bool(inside.all())
        self._size, self._pixel_area = bins * bins, (2 * half_width / bins) ** 2
        column, row = self._select(right).astype(np.intp), self._select(up).astype(np.intp)
        self._index = row * bins + column
        self._weight = self._select(mass).astype(np.float64)
        self._mass = self._sum(self._weight)

    def compute(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Values of a quantity by pixel, and which of them are valid."""
        occupied = self._mass > 0
        if name == "surface_density":
            return self._mass / self._pixel_area, occupied
        if name == "v_los":
            return self._v_los[1], occupied
        if name == "sigma_los":
            velocity, mean = self._v_los
            variance = self._mean((velocity - mean[self._index]) ** 2)
            several = np.bincount(self._index, minlength=self._size) >= 2
            return np.sqrt(variance), occupied & several
        (values,) = self._columns(_MEAN_OF[name])
        return self._mean(self._select(values)), occupied

    @functools.cached_property
    def _v_los(self) -> tuple[np.ndarray, np.ndarray]:
        """Velocity of each star and mean of each pixel."""
        velocity = self._select(_along(self._direction[2], self._columns(*VELOCITY)))
        return velocity.astype(np.float64), self._mean(velocity)

    def _columns(self, *names: str) -> list[np.ndarray]:
        return _finite_columns(self._stars, names, len(self._inside))

    def _select(self, values: np.ndarray) -> np.ndarray:
        return values if self._all_inside else values[self._inside]

    def _sum(self, weights: np.ndarray) -> np.ndarray:
        return np.bincount(self._index, weights, minlength=self._size)

    def _mean(self, values: np.ndarray) -> np.ndarray:
        total = self._sum(self._weight * values)
        return np.divide(total, self._mass, out=np.zeros(self._size), where=self._mass > 0)
