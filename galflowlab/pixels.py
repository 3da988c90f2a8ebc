"""Stars sorted into the pixels of a field on the sky: what `maps` is made of."""

from __future__ import annotations

import functools

import numpy as np

from galflowlab.schema import POSITION, VELOCITY, Stars, finite_columns

MEAN_OF = {f"mean_{column}": column for column in ("age", "fe_h", "o_fe")}
"""Quantities that are the mass-weighted mean of a column."""
AVERAGED = {name: (column,) for name, column in MEAN_OF.items()} | {
    "v_los": VELOCITY,
    "sigma_los": VELOCITY,
}
"""Columns from which stars get the values that a quantity is the mean or the dispersion of."""

_ALONE = 1e-9  # share of the mass that the further stars of a pixel have, beside a single one


def direction(inclination: float, azimuth: float) -> np.ndarray:
    """Rows: unit vectors to the right, up, and away from the observer; exact at 0 and 90."""
    angles = np.deg2rad([inclination, azimuth])
    (sin_i, sin_a), (cos_i, cos_a) = np.sin(angles).round(15), np.cos(angles).round(15)
    right = [cos_a, -sin_a, 0.0]
    up = [sin_a * cos_i, cos_a * cos_i, sin_i]
    away = [sin_a * sin_i, cos_a * sin_i, -cos_i]
    return np.array([right, up, away])


def masked(values: np.ndarray, valid: np.ndarray) -> np.ma.MaskedArray:
    """Masked array that holds NaN below the mask."""
    return np.ma.MaskedArray(np.where(valid, values, np.nan), mask=~valid, fill_value=np.nan)


class WeightedSums:
    """Sums over the stars of each bin, such as a pixel, and averages weighted by mass.

    Parameters
    ----------
    index
        Bin of each star.
    weight
        Mass of each star, float64.
    size
        Number of bins.

    Attributes
    ----------
    mass
        Of each bin.
    """

    def __init__(self, index: np.ndarray, weight: np.ndarray, size: int) -> None:
        self._index, self._weight, self._size = index, weight, size
        self.mass = self.sum(weight)

    @functools.cached_property
    def squares(self) -> np.ndarray:
        """Sum of the squares of the masses."""
        return self.sum(self._weight**2)

    @functools.cached_property
    def counts(self) -> np.ndarray:
        """Stars of each bin, also those without mass."""
        return np.bincount(self._index, minlength=self._size)

    @property
    def several(self) -> np.ndarray:
        """Whether more than one star of a bin has mass: else no scatter is known."""
        return self._freedom > _ALONE

    @functools.cached_property
    def _freedom(self) -> np.ndarray:
        """(Σw)² / Σw² - 1, which is n - 1 for n stars of the same mass."""
        known = self.squares > 0
        return np.divide(self.mass**2, self.squares, out=np.ones(self._size), where=known) - 1

    def sum(self, values: np.ndarray) -> np.ndarray:
        """Sum of plain values."""
        return np.bincount(self._index, values, minlength=self._size)

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Mean of values; zero in bins without mass."""
        total = self.sum(self._weight * values)
        return np.divide(total, self.mass, out=np.zeros(self._size), where=self.mass > 0)

    def squared_offsets(self, values: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """Of each star from the mean of its bin."""
        return (values - mean[self._index]) ** 2

    def variance_of_mean(self, variance: np.ndarray) -> np.ndarray:
        """Squared error of a mean about which stars have a variance; zero if not `several`."""
        return np.divide(variance, self._freedom, out=np.zeros(self._size), where=self.several)

    def dispersion(self, values: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Dispersion about the mean of each bin, and in which bins it is known.

        Variances about the mean of the same few stars are too small, on average by the variance
        of the mean.
        """
        variance = self.mean(self.squared_offsets(values, mean))
        return np.sqrt(variance + self.variance_of_mean(variance)), self.several


def _along(axis: np.ndarray, columns: list[np.ndarray]) -> np.ndarray:
    """Component of vectors along an axis, skipping what the axis does not see."""
    seen = [(a, c) for a, c in zip(axis, columns, strict=True) if a != 0.0]
    terms = [c if a == 1.0 else c * c.dtype.type(a) for a, c in seen]
    return functools.reduce(np.add, terms)


class Pixels:
    """Sums over the stars of each pixel, shared between quantities.

    Parameters
    ----------
    stars
        Positions, ``mass`` and what the quantities need.
    inclination, azimuth, half_width, bins, centre
        As of `galflowlab.maps.project`, which names the errors too.

    Attributes
    ----------
    inclination, azimuth, half_width, bins, centre
        As given, plain numbers.
    area
        Of a pixel [kpc^2].
    sums
        Over the stars of each pixel, row by row from the bottom.
    """

    def __init__(
        self,
        stars: Stars,
        inclination: float,
        azimuth: float,
        half_width: float,
        bins: int,
        centre: tuple[float, float],
    ) -> None:
        if not (np.isfinite(inclination) and np.isfinite(azimuth)):
            raise ValueError(f"expected finite angles, got {inclination} and {azimuth} degrees")
        if not (np.isfinite(half_width) and half_width > 0):
            raise ValueError(f"expected a positive half_width in kpc, got {half_width}")
        if len(centre) != 2 or not np.isfinite(centre).all():
            raise ValueError(f"expected centre as two finite numbers in kpc, got {centre}")
        if bins < 1 or bins != int(bins):
            raise ValueError(f"expected a whole number of bins, at least 1, got {bins}")
        self.inclination, self.azimuth = inclination, azimuth
        self.half_width, self.bins = float(half_width), int(bins)
        self.centre = float(centre[0]), float(centre[1])
        self.area = (2 * self.half_width / self.bins) ** 2
        *position, mass = finite_columns(stars, (*POSITION, "mass"))
        axes, scale = direction(inclination, azimuth), self.bins / (2 * self.half_width)
        right, up = (
            _along(axis, position) * scale + (self.bins / 2 - middle * scale)
            for axis, middle in zip(axes[:2], self.centre, strict=True)
        )
        inside = (right >= 0) & (right < self.bins) & (up >= 0) & (up < self.bins)
        self._stars, self._away = stars, axes[2]
        self._inside, self._all_inside = inside, bool(inside.all())
        column, row = self._select(right).astype(np.intp), self._select(up).astype(np.intp)
        weight = self._select(mass).astype(np.float64)
        self.sums = WeightedSums(row * self.bins + column, weight, self.bins**2)
        self._averaged: dict[tuple[str, ...], tuple[np.ndarray, np.ndarray]] = {}

    def compute(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Values of a quantity by pixel, and which of them are valid."""
        occupied = self.sums.mass > 0
        if name == "surface_density":
            return self.sums.mass / self.area, occupied
        values, mean = self.averaged(name)
        if name == "sigma_los":
            return self.sums.dispersion(values, mean)
        return mean, occupied

    def averaged(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Values of the stars in the field that a quantity in `AVERAGED` is made of, their mean."""
        columns = AVERAGED[name]
        if columns not in self._averaged:
            found = finite_columns(self._stars, columns, len(self._inside))
            seen = _along(self._away, found) if columns == VELOCITY else found[0]
            values = self._select(seen).astype(np.float64, copy=False)
            self._averaged[columns] = values, self.sums.mean(values)
        return self._averaged[columns]

    def _select(self, values: np.ndarray) -> np.ndarray:
        return values if self._all_inside else values[self._inside]
