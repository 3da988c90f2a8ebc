"""Counts of stars in narrow rings, and the likelihood of a Sersic profile given them."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from astropy import units as u
from scipy.special import gammainc, gammaincinv, gammaln

from galflowlab.profiles.binning import checked_range, columns
from galflowlab.profiles.bootstrap import checked_resamples, resampled_sums
from galflowlab.profiles.radial import enclosing_radius
from galflowlab.schema import Stars

_RINGS = 64
_MIN_STARS = 100
_TINY = 1e-300


def sersic_b(index: float) -> float:
    """The b of a Sersic profile: half of the mass lies within the effective radius."""
    return float(gammaincinv(2 * index, 0.5))


class NarrowRings:
    """Stars of a range of projected radii, counted in narrow rings."""

    def __init__(self, stars: Stars, radii: tuple[float, float] | u.Quantity | None) -> None:
        x, y, mass = columns(stars, ("x", "y", "mass"))
        if radii is None:
            radii = 0.0, enclosing_radius(stars, 0.98, projected=True)
        self.inner, self.outer = checked_range(radii)
        R = np.hypot(x, y)
        rows = np.flatnonzero((self.inner <= R) & (self.outer >= R) & (mass > 0))
        self.counts = len(rows)
        if self.counts < _MIN_STARS:
            raise ValueError(
                f"a fit needs {_MIN_STARS} stars between {self.inner:g} and {self.outer:g} kpc, "
                f"got {self.counts}"
            )
        rows = rows[np.argsort(R[rows])]
        parts = np.array_split(rows, _RINGS)
        between = [0.5 * (R[a[-1]] + R[b[0]]) for a, b in itertools.pairwise(parts)]
        self._edges = np.array([self.inner, *between, self.outer])
        if not (np.diff(self._edges) > 0).all():
            raise ValueError(f"a fit needs stars at {_RINGS} radii or more, many of these are one")
        self._masses = [mass[part] for part in parts]
        self.mass = np.array([m.sum() for m in self._masses])
        self.shares = self.mass / self.mass.sum()
        self.half = float(np.median(R[rows]))

    def measure(
        self,
        fit: Callable[[np.ndarray, np.ndarray], np.ndarray],
        best: np.ndarray,
        seed: int | np.random.Generator,
        resamples: int,
    ) -> tuple[list[float], list[float]]:
        """Index, effective radius and density there, and their errors.

        From the best fit, where those of the resamples start.
        """
        resamples, rng = checked_resamples(resamples), np.random.default_rng(seed)
        drawn = np.column_stack(
            [
                resampled_sums(m[:, None] / m.max(), resamples, seed=rng) * m.max()
                for m in self._masses
            ]
        )
        found = [self._with_density(fit(m / m.sum(), best), m.sum()) for m in drawn]
        values = self._with_density(best, self.mass.sum())
        return values.tolist(), np.std(found, axis=0, ddof=1).tolist()

    def minus_log_likelihood(self, shares: np.ndarray, index: float, radius: float) -> float:
        """Per star, of shares of the mass in the rings."""
        expected = self._expected(index, radius)
        return -float(shares @ np.log(np.maximum(expected / max(expected.sum(), _TINY), _TINY)))

    def residual(self, index: float, radius: float) -> float:
        """Root mean square of log10(measured / fitted)."""
        expected = self._expected(index, radius)
        ratio = self.shares / (expected / expected.sum())
        return float(np.sqrt(np.mean(np.log10(ratio) ** 2)))

    def _expected(self, index: float, radius: float) -> np.ndarray:
        """Share of the mass of the whole profile in each ring."""
        return np.diff(gammainc(2 * index, sersic_b(index) * (self._edges / radius) ** (1 / index)))

    def _with_density(self, parameters: np.ndarray, mass: float) -> np.ndarray:
        index, radius = parameters
        b = sersic_b(index)
        total = mass / self._expected(index, radius).sum()
        log_area = np.log(2 * np.pi * index * radius**2) + gammaln(2 * index)
        return np.array([index, radius, total / np.exp(log_area + b - 2 * index * np.log(b))])
