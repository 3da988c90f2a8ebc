"""Stellar mass functions: how many galaxies there are of every mass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

_GRID = 4001  # masses at which the number of galaxies below is tabulated


@dataclass(frozen=True)
class MassFunction:
    """Two Schechter functions of the same characteristic mass.

    Parameters
    ----------
    log10_characteristic_mass
        Log10 of the characteristic mass [Msun].
    phi
        Normalisations of the two [Mpc^-3].
    alpha
        Slopes of the two.
    valid
        Lowest and highest log10 of the stellar mass [Msun] at which it was measured.
    source
        Paper, and what its masses assume.
    """

    log10_characteristic_mass: float
    phi: tuple[float, float]
    alpha: tuple[float, float]
    valid: tuple[float, float]
    source: str

    def __call__(self, log10_mstar: ArrayLike) -> np.ndarray:
        """Galaxies per Mpc^3 and dex at log10 of the stellar mass [Msun], of the same shape."""
        x = 10.0 ** (np.asarray(log10_mstar, dtype=np.float64) - self.log10_characteristic_mass)
        terms = (phi * x ** (alpha + 1) for phi, alpha in zip(self.phi, self.alpha, strict=True))
        return np.log(10) * np.exp(-x) * sum(terms)

    def quantile(self, share: ArrayLike, low: float, high: float) -> np.ndarray:
        """Mass below which lies a share of the galaxies between two masses.

        Parameters
        ----------
        share
            From 0 to 1, any shape.
        low, high
            Log10 of the stellar mass [Msun]; what is beyond `valid` does not count.

        Raises
        ------
        ValueError
            If nothing lies between `low` and `high` where the function was measured.
        """
        bottom, top = max(low, self.valid[0]), min(high, self.valid[1])
        if not bottom < top:
            raise ValueError(
                f"{self.source} is measured from {self.valid[0]:g} to {self.valid[1]:g} "
                f"[log10 Msun], which has nothing of {low:g} to {high:g}"
            )
        grid = np.linspace(bottom, top, _GRID)
        density = self(grid)
        below = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
        return np.interp(np.asarray(share, dtype=np.float64), below / below[-1], grid)


MASS_FUNCTIONS = {
    "baldry12": MassFunction(
        log10_characteristic_mass=10.66,
        phi=(3.96e-3, 0.79e-3),
        alpha=(-0.35, -1.47),
        valid=(8.0, 11.5),
        source="Baldry et al. (2012, MNRAS 421, 621; GAMA, z < 0.06, Chabrier IMF, H0 = 70)",
    ),
}
"""Published stellar mass functions by name."""
