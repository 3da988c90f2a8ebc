"""Exponential and Sersic fits to the face-on surface density.

Maximum likelihood of the projected radii of the stars between two radii, the density being
normalised between them: no bins are chosen and no noise is assumed. For speed the stars are
counted in many narrow rings, which loses next to nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from astropy import units as u
from scipy.optimize import minimize, minimize_scalar

from galflowlab.profiles.narrow_rings import NarrowRings, sersic_b
from galflowlab.schema import Stars, in_unit

_INDEX = (0.2, 12.0)
_SCALE = 50.0  # a scale may be that much smaller or larger than the range of radii


@dataclass(frozen=True)
class ExponentialFit:
    """Surface density central_density exp(-R / scale_length).

    Parameters
    ----------
    scale_length, scale_length_error
        In kpc.
    central_density, central_density_error
        In Msun / kpc².
    radii
        Range of the fit [kpc].
    residual
        Root mean square of log10(measured / fitted) over 64 rings of equal counts [dex]; stars
        drawn from the fit give 3.5 / sqrt(stars).
    counts
        Stars in the range.
    """

    scale_length: float
    scale_length_error: float
    central_density: float
    central_density_error: float
    radii: tuple[float, float]
    residual: float
    counts: int

    def __call__(self, radius: np.ndarray) -> np.ndarray:
        """Surface density [Msun / kpc²] at projected radii [kpc]."""
        return self.central_density * np.exp(-in_unit("radius", radius, u.kpc) / self.scale_length)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON-serialisable data."""
        return asdict(self) | {"radii": list(self.radii)}


@dataclass(frozen=True)
class SersicFit:
    """Sersic profile effective_density exp(-b [(R / effective_radius)^(1/index) - 1]).

    b is such that half of the mass lies within the effective radius (Graham & Driver 2005).

    Parameters
    ----------
    index, index_error
        1 for an exponential disc, 4 for a de Vaucouleurs spheroid.
    effective_radius, effective_radius_error
        In kpc.
    effective_density, effective_density_error
        Surface density there [Msun / kpc²].
    radii, residual, counts
        As of `ExponentialFit`.
    """

    index: float
    index_error: float
    effective_radius: float
    effective_radius_error: float
    effective_density: float
    effective_density_error: float
    radii: tuple[float, float]
    residual: float
    counts: int

    def __call__(self, radius: np.ndarray) -> np.ndarray:
        """Surface density [Msun / kpc²] at projected radii [kpc]."""
        x = (in_unit("radius", radius, u.kpc) / self.effective_radius) ** (1 / self.index)
        return self.effective_density * np.exp(-sersic_b(self.index) * (x - 1))

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON-serialisable data."""
        return asdict(self) | {"radii": list(self.radii)}


def fit_exponential(
    stars: Stars,
    *,
    seed: int | np.random.Generator,
    resamples: int = 50,
    radii: tuple[float, float] | u.Quantity | None = None,
) -> ExponentialFit:
    """Fit an exponential disc to the face-on surface density.

    Parameters
    ----------
    stars
        Table or mapping of columns ``x y mass``.
    seed, resamples
        Of the Bayesian bootstrap over stars.
    radii
        Range of projected radii [kpc]; by default from 0 to the one that holds 98 % of the mass.
        Leave a bulge out by a range that begins beyond it.

    Raises
    ------
    ValueError
        For bad columns, a range that does not increase from at least 0, fewer than 100 stars in
        it or too few radii, a density that does not fall outwards, or fewer than two resamples.

    Examples
    --------
    >>> import galflowlab
    >>> from galflowlab import profiles
    >>> stars = galflowlab.load("mock").sample(20_000, {"log10_mstar": 10.0}, seed=1)
    >>> disc = profiles.fit_exponential(stars, seed=1, resamples=10)
    >>> print(f"scale length {disc.scale_length:.1f} kpc")
    scale length 1.4 kpc
    """
    rings = NarrowRings(stars, radii)
    limits = np.log(rings.outer / _SCALE), np.log(rings.outer * _SCALE)

    def fit(shares: np.ndarray, start: np.ndarray) -> np.ndarray:
        found = minimize_scalar(
            lambda log_re: rings.minus_log_likelihood(shares, 1.0, np.exp(log_re)),
            bounds=limits,
            method="bounded",
            options={"xatol": 1e-6},
        )
        return np.array([1.0, np.exp(found.x)])

    best = fit(rings.shares, np.ones(2))
    # Of the resamples a few may rest on a limit: that is their spread, and no reason to refuse.
    if not limits[0] + 0.01 < np.log(best[1]) < limits[1] - 0.01:
        raise ValueError("no exponential fits: the surface density does not fall outwards")
    (_, re, density), errors = rings.measure(fit, best, seed, resamples)
    b = sersic_b(1.0)
    return ExponentialFit(
        scale_length=re / b,
        scale_length_error=errors[1] / b,
        central_density=density * float(np.exp(b)),
        central_density_error=errors[2] * float(np.exp(b)),
        radii=(rings.inner, rings.outer),
        residual=rings.residual(1.0, re),
        counts=rings.counts,
    )


def fit_sersic(
    stars: Stars,
    *,
    seed: int | np.random.Generator,
    resamples: int = 50,
    radii: tuple[float, float] | u.Quantity | None = None,
) -> SersicFit:
    """Fit a Sersic profile to the face-on surface density.

    Parameters and errors are those of `fit_exponential`; ValueError also where the index comes
    out below 0.2 or above 12.
    """
    rings = NarrowRings(stars, radii)

    def fit(shares: np.ndarray, start: np.ndarray) -> np.ndarray:
        found = minimize(
            lambda p: rings.counts * rings.minus_log_likelihood(shares, *np.exp(p)),
            np.log(start),
            method="L-BFGS-B",
            bounds=[np.log(_INDEX), np.log(rings.outer * np.array([1 / _SCALE, _SCALE]))],
        )
        return np.exp(found.x)

    best = fit(rings.shares, np.array([1.0, rings.half]))
    if not _INDEX[0] * 1.01 < best[0] < _INDEX[1] / 1.01:
        raise ValueError(f"no Sersic profile with an index in {_INDEX} fits the density")
    (index, re, density), errors = rings.measure(fit, best, seed, resamples)
    return SersicFit(
        index=index,
        index_error=errors[0],
        effective_radius=re,
        effective_radius_error=errors[1],
        effective_density=density,
        effective_density_error=errors[2],
        radii=(rings.inner, rings.outer),
        residual=rings.residual(index, re),
        counts=rings.counts,
    )
