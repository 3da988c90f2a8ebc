"""Element mass fractions to [Fe/H] and [O/Fe] on one named solar scale."""

from __future__ import annotations

import numpy as np

SOLAR_SCALE = "Asplund et al. 2009"
"""Photospheric abundances of Asplund, Grevesse, Sauval & Scott 2009, ARA&A 47, 481, table 1."""

_LOG_EPS = {"H": 12.00, "O": 8.69, "Fe": 7.50}  # 12 + log10(number per hydrogen atom)
_ATOMIC_MASS = {"H": 1.008, "O": 15.999, "Fe": 55.845}


def _solar_log_mass_ratio(top: str, bottom: str) -> float:
    number = _LOG_EPS[top] - _LOG_EPS[bottom]
    return float(number + np.log10(_ATOMIC_MASS[top] / _ATOMIC_MASS[bottom]))


def _log_ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    top, bottom = np.asarray(top, np.float64), np.asarray(bottom, np.float64)
    defined = (top > 0) & (bottom > 0)
    ratio = np.full(top.shape, np.nan)
    np.log10(top, out=ratio, where=defined)
    np.subtract(ratio, np.log10(bottom, where=defined, out=np.zeros_like(ratio)), out=ratio)
    return ratio


def iron_over_hydrogen(iron: np.ndarray, hydrogen: np.ndarray) -> np.ndarray:
    """[Fe/H] in dex from mass fractions; NaN where either is not positive."""
    return _log_ratio(iron, hydrogen) - _solar_log_mass_ratio("Fe", "H")


def oxygen_over_iron(oxygen: np.ndarray, iron: np.ndarray) -> np.ndarray:
    """[O/Fe] in dex from mass fractions; NaN where either is not positive."""
    return _log_ratio(oxygen, iron) - _solar_log_mass_ratio("O", "Fe")
