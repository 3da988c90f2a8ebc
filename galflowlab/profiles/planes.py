"""Star particles in the plane of two columns: shares of the mass, and running percentiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from astropy import units as u

from galflowlab.pixels import masked
from galflowlab.profiles.binning import bin_index, checked_edges, columns, quantiles
from galflowlab.profiles.bootstrap import checked_resamples, resampled_weights
from galflowlab.profiles.moments import MIN_STARS
from galflowlab.schema import COLUMNS, Quantity, Stars

LOG_METALLICITY = Quantity(
    "log10_metallicity", u.dex, "log10 of the mass fraction of metals", "log₁₀ Z"
)


@dataclass(frozen=True)
class Percentiles:
    """Percentiles of one column in bins of another.

    Parameters
    ----------
    edges
        Edges of the bins, shape (bins + 1,).
    fractions
        Share of the mass of a bin that has at most the value.
    values
        Masked array of shape (fraction, bins).
    counts
        Number of stars in each bin.
    quantity
        What the values are.
    """

    edges: np.ndarray
    fractions: tuple[float, ...]
    values: np.ma.MaskedArray
    counts: np.ndarray
    quantity: Quantity


def plane(
    stars: Stars,
    x: str,
    y: str,
    x_range: tuple[float, float] | u.Quantity,
    y_range: tuple[float, float] | u.Quantity,
    bins: int,
) -> np.ma.MaskedArray:
    """Share of all mass in each pixel of a plane of two columns.

    Returns a masked array of shape (bins, bins), indexed ``[iy, ix]`` with ``[0, 0]`` at the
    lower left; pixels without mass are masked. Stars outside the ranges count in the total
    only. Raises ValueError for ranges that do not increase, no mass, and bad columns.
    """
    if bins < 1 or bins != int(bins):
        raise ValueError(f"expected a whole number of bins, at least 1, got {bins}")
    *values, mass = columns(stars, (x, y, "mass"))
    if not mass.sum() > 0:
        raise ValueError("the stars have no mass: there is nothing to take shares of")
    edges = [
        checked_edges(limits, COLUMNS[name].unit) for name, limits in ((x, x_range), (y, y_range))
    ]
    ix, iy = (
        np.floor((v - low) * (bins / (high - low)))
        for v, (low, high) in zip(values, edges, strict=True)
    )
    inside = (ix >= 0) & (ix < bins) & (iy >= 0) & (iy < bins)
    index = (iy[inside] * bins + ix[inside]).astype(np.intp)
    share = np.bincount(index, mass[inside] / mass.sum(), minlength=int(bins) ** 2)
    return masked(share, share > 0).reshape(int(bins), int(bins))


def percentiles(
    stars: Stars,
    x: str,
    y: str,
    edges: Sequence[float] | np.ndarray,
    fractions: Sequence[float] = (0.16, 0.5, 0.84),
) -> Percentiles:
    """Percentiles of column `y` in bins of column `x`, weighted by mass.

    The value at a fraction is the smallest of a star such that the stars up to it have at
    least that fraction of the mass of the bin. Raises ValueError for bad columns, edges that do
    not increase, and fractions outside 0 to 1.
    """
    found = _Binned(stars, x, y, edges, fractions)
    values = found.quantiles(found.mass)
    return Percentiles(found.edges, tuple(fractions), values, found.counts, COLUMNS[y])


def percentile_errors(
    stars: Stars,
    x: str,
    y: str,
    edges: Sequence[float] | np.ndarray,
    fractions: Sequence[float] = (0.16, 0.5, 0.84),
    *,
    seed: int | np.random.Generator,
    resamples: int = 100,
) -> np.ma.MaskedArray:
    """Standard errors of `percentiles`, of the same shape and unit, by Bayesian bootstrap.

    Masked where a bin has fewer than `MIN_STARS` stars. Raises ValueError as `percentiles`, and
    for fewer than two resamples.
    """
    found = _Binned(stars, x, y, edges, fractions)
    weights = resampled_weights(found.mass, checked_resamples(resamples), seed=seed)
    drawn = np.ma.stack([found.quantiles(weight) for weight in weights])
    enough = np.broadcast_to(found.counts >= MIN_STARS, drawn.shape[1:])
    return masked(drawn.filled(0.0).std(axis=0, ddof=1), enough & ~drawn.mask.any(axis=0))


class _Binned:
    """Values of one column, sorted into bins of another."""

    def __init__(
        self,
        stars: Stars,
        x: str,
        y: str,
        edges: Sequence[float] | np.ndarray,
        fractions: Sequence[float],
    ) -> None:
        if not all(0 < fraction <= 1 for fraction in fractions):
            raise ValueError(f"expected fractions above 0, at most 1, got {fractions}")
        along, self._values, self.mass = columns(stars, (x, y, "mass"))
        self.edges, self._fractions = checked_edges(edges, COLUMNS[x].unit), fractions
        index = bin_index(along, self.edges)
        order = np.argsort(
            index.astype(np.min_scalar_type(-len(self.edges))), kind="stable"
        )  # small integers: a radix sort
        bounds = np.searchsorted(index[order], np.arange(len(self.edges)))
        self._members = np.split(order, bounds)[1:-1]
        self.counts = np.diff(bounds)

    def quantiles(self, mass: np.ndarray) -> np.ma.MaskedArray:
        """Values at the fractions of mass, shape (fraction, bins)."""
        out = np.zeros((len(self._fractions), len(self._members)))
        valid = np.zeros(len(self._members), dtype=bool)
        for i, members in enumerate(self._members):
            weight = mass[members]
            valid[i] = weight.sum() > 0
            if valid[i]:
                out[:, i] = quantiles(self._values[members], weight, self._fractions)
        return masked(out, np.broadcast_to(valid, out.shape))


def age_metallicity(stars: Stars, edges: Sequence[float] | np.ndarray) -> Percentiles:
    """Median and 16th and 84th percentile of [Fe/H] in bins of age [Gyr].

    Of log10 Z if the stars have no ``fe_h``; percentiles at Z = 0 are then masked.
    """
    names = getattr(stars, "colnames", stars)
    if "fe_h" in names:
        return percentiles(stars, "age", "fe_h", edges)
    found = percentiles(stars, "age", "metallicity", edges)
    z = found.values.filled(0.0)
    values = masked(np.log10(np.where(z > 0, z, 1.0)), z > 0)
    return Percentiles(found.edges, found.fractions, values, found.counts, LOG_METALLICITY)
