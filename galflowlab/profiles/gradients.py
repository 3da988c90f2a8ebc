"""Radial gradients of age and abundances."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from astropy import units as u

from galflowlab.profiles.binning import checked_range, columns
from galflowlab.profiles.bootstrap import checked_resamples, resampled_sums
from galflowlab.profiles.moments import MIN_STARS
from galflowlab.profiles.planes import LOG_METALLICITY
from galflowlab.profiles.radial import half_mass_radius
from galflowlab.schema import COLUMNS, Quantity, Stars

_ONE_RADIUS = 1e-12  # variance of R over its mean square


@dataclass(frozen=True)
class Gradient:
    """Straight line of a star column against cylindrical radius.

    Parameters
    ----------
    name
        Of the column, or ``log10_metallicity``.
    unit
        Of the column, as text.
    slope, slope_error
        Per kpc.
    slope_per_half_mass, slope_per_half_mass_error
        Per projected half-mass radius, whose own error is not counted.
    intercept, intercept_error
        Value on the axis.
    half_mass_radius
        Projected [kpc].
    radii
        Range of the fit [kpc].
    counts
        Stars in it.
    """

    name: str
    unit: str
    slope: float
    slope_error: float
    slope_per_half_mass: float
    slope_per_half_mass_error: float
    intercept: float
    intercept_error: float
    half_mass_radius: float
    radii: tuple[float, float]
    counts: int

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON-serialisable data."""
        return asdict(self) | {"radii": list(self.radii)}


def gradient(
    stars: Stars,
    column: str,
    *,
    seed: int | np.random.Generator,
    resamples: int = 100,
    radii: tuple[float, float] | u.Quantity | None = None,
) -> Gradient:
    """Slope of a star column against cylindrical radius, by regression weighted with mass.

    Parameters
    ----------
    stars
        Table or mapping of columns ``x y mass`` and the column.
    column
        ``age`` [Gyr], ``fe_h`` or ``o_fe`` [dex], or any other of the stars.
    seed, resamples
        Of the Bayesian bootstrap over stars.
    radii
        Range of cylindrical radii [kpc]; 0 to 2 projected half-mass radii by default, which hold
        85 % of an exponential disc.

    Raises
    ------
    ValueError
        For bad columns, fewer than 20 stars in the range or none apart in radius, a range that
        does not increase from at least 0, or fewer than two resamples.
    """
    (values,) = columns(stars, (column,))
    return _fit(stars, values, COLUMNS[column], seed, resamples, radii)


def metallicity_gradient(
    stars: Stars,
    *,
    seed: int | np.random.Generator,
    resamples: int = 100,
    radii: tuple[float, float] | u.Quantity | None = None,
) -> Gradient:
    """Slope of log10 Z [dex] against radius; stars without metals are left out.

    Parameters and errors are those of `gradient`.
    """
    (z,) = columns(stars, ("metallicity",))
    logarithm = np.where(z > 0, np.log10(np.where(z > 0, z, 1.0)), np.nan)
    return _fit(stars, logarithm, LOG_METALLICITY, seed, resamples, radii)


def _fit(
    stars: Stars,
    values: np.ndarray,
    quantity: Quantity,
    seed: int | np.random.Generator,
    resamples: int,
    radii: tuple[float, float] | u.Quantity | None,
) -> Gradient:
    resamples = checked_resamples(resamples)
    x, y, mass = columns(stars, ("x", "y", "mass"))
    if len(values) != len(x):
        raise ValueError(f"column {quantity.name!r} has {len(values)} stars, not {len(x)}")
    half = half_mass_radius(stars, projected=True)
    inner, outer = checked_range((0.0, 2 * half) if radii is None else radii)
    R = np.hypot(x, y)
    rows = np.flatnonzero((inner <= R) & (outer >= R) & (mass > 0) & np.isfinite(values))
    if len(rows) < MIN_STARS:
        raise ValueError(
            f"a gradient of {quantity.name} needs {MIN_STARS} stars between {inner:g} and "
            f"{outer:g} kpc, got {len(rows)}"
        )
    share = mass[rows] / mass[rows].max()
    R_mean, mean = (np.average(v[rows], weights=share) for v in (R, values))
    a, b = R[rows] - R_mean, values[rows] - mean
    if not np.average(a**2, weights=share) > _ONE_RADIUS * outer**2:
        raise ValueError(f"a gradient needs stars at several radii, all are at {R_mean:g} kpc")
    terms = np.column_stack([share, share * a, share * b, share * a * a, share * a * b])
    drawn = resampled_sums(terms, resamples, seed=seed)
    slope, level = _line(terms.sum(axis=0))
    slopes, levels = _line(drawn)
    error = float(slopes.std(ddof=1))
    return Gradient(
        name=quantity.name,
        unit=quantity.unit.to_string(),
        slope=float(slope),
        slope_error=error,
        slope_per_half_mass=float(slope) * half,
        slope_per_half_mass_error=error * half,
        intercept=float(mean + level - slope * R_mean),
        intercept_error=float((levels - slopes * R_mean).std(ddof=1)),
        half_mass_radius=half,
        radii=(inner, outer),
        counts=len(rows),
    )


def _line(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slope and value at zero from sums of 1, a, b, a² and a b along the last axis."""
    one, a, b, aa, ab = np.moveaxis(sums, -1, 0)
    slope = (one * ab - a * b) / (one * aa - a**2)
    return slope, (b - slope * a) / one
