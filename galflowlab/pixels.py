"""Stars sorted into the pixels of a field on the sky: what `maps` is made of."""

from __future__ import annotations

import functools

import numpy as np

from galflowlab.schema import POSITION, VELOCITY, Stars, finite_columns

MEAN_OF = {"mean_age": "age", "mean_fe_h": "fe_h", "mean_o_fe": "o_fe"}
"""Quantities that are the mass-weighted mean of a column."""

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

    def sum(self, values: np.ndarray) -> np.ndarray:
        """Sum of plain values."""
        return np.bincount(self._index, values, minlength=self._size)

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Mean of values; zero in bins without mass."""
        total = self.sum(self._weight * values)
        return np.divide(total, self.mass, out=np.zeros(self._size), where=self.mass > 0)

    def dispersion(self, values: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Dispersion about the mean of each bin, and in which bins it is known.

        Variances about the mean of the same few stars are too small; on average they are right
        when divided by 1 - Σw² / (Σw)², which is (n - 1) / n for n stars of the same mass.
        """
        variance = self.mean((values - mean[self._index]) ** 2)
        squares = self.sum(self._weight**2)
        share = np.divide(squares, self.mass**2, out=np.ones(self._size), where=self.mass > 0)
        known = share < 1 - _ALONE
        return np.sqrt(np.divide(variance, 1 - share, out=np.zeros(self._size), where=known)), known


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
    axes
        Rows: unit vectors to the right, up, and away from the observer.
    centre, half_width
        Of the field on the sky [kpc].
    bins
        Pixels along each side.
    """

    def __init__(
        self,
        stars: Stars,
        axes: np.ndarray,
        centre: tuple[float, float],
        half_width: float,
        bins: int,
    ) -> None:
        *position, mass = finite_columns(stars, (*POSITION, "mass"))
        scale = bins / (2 * half_width)
        right = _along(axes[0], position) * scale + (bins / 2 - centre[0] * scale)
        up = _along(axes[1], position) * scale + (bins / 2 - centre[1] * scale)
        inside = (right >= 0) & (right < bins) & (up >= 0) & (up < bins)
        self._stars, self._away = stars, axes[2]
        self._inside, self._all_inside = inside, bool(inside.all())
        self._pixel_area = (2 * half_width / bins) ** 2
        column, row = self._select(right).astype(np.intp), self._select(up).astype(np.intp)
        weight = self._select(mass).astype(np.float64)
        self._sums = WeightedSums(row * bins + column, weight, bins * bins)

    def compute(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Values of a quantity by pixel, and which of them are valid."""
        occupied = self._sums.mass > 0
        if name == "surface_density":
            return self._sums.mass / self._pixel_area, occupied
        if name == "v_los":
            return self._v_los[1], occupied
        if name == "sigma_los":
            return self._sums.dispersion(*self._v_los)
        (values,) = self._columns(MEAN_OF[name])
        return self._sums.mean(self._select(values)), occupied

    @functools.cached_property
    def _v_los(self) -> tuple[np.ndarray, np.ndarray]:
        """Velocity of each star and mean of each pixel."""
        velocity = self._select(_along(self._away, self._columns(*VELOCITY)))
        return velocity.astype(np.float64), self._sums.mean(velocity)

    def _columns(self, *names: str) -> list[np.ndarray]:
        return finite_columns(self._stars, names, len(self._inside))

    def _select(self, values: np.ndarray) -> np.ndarray:
        return values if self._all_inside else values[self._inside]
