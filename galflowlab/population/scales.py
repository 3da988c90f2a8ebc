"""Physical contexts to standardised entries and back."""

from __future__ import annotations

import numpy as np
from astropy import units as u

from galflowlab.context import LOGARITHMIC
from galflowlab.schema import AGE_MAX, CONTEXT

_UNVARIED = 0.1  # dex or Gyr, unit of entries in which the training galaxies are all the same
_FAR = 1e9  # standard deviations: farther is not told apart, so that squares stay finite


class Scales:
    """Mean and spread of contexts, mean metallicity by its logarithm, and bounds of ages.

    Parameters
    ----------
    names, values
        Entries in order, and valid physical contexts, shape (galaxy, context).
    """

    def __init__(self, names: tuple[str, ...], values: np.ndarray) -> None:
        self._names = names
        self._log = np.array([name in LOGARITHMIC for name in names])
        scaled = self._scaled(values)
        self._mean, spread = scaled.mean(axis=0), scaled.std(axis=0)
        self._std = np.where(spread > 1e-6, spread, _UNVARIED)

    def standardised(self, rows: np.ndarray) -> np.ndarray:
        """Entries of physical rows (row, context) in spreads from the mean."""
        return np.clip((self._scaled(rows) - self._mean) / self._std, -_FAR, _FAR)

    def physical(self, standard: np.ndarray) -> np.ndarray:
        """Inverse of `standardised`."""
        scaled = standard * self._std + self._mean
        return np.where(
            self._log, 10.0 ** np.clip(np.where(self._log, scaled, 0), -300, 300), scaled
        )

    def bounded(self, rows: np.ndarray, known: list[int]) -> np.ndarray:
        """Move ages to where they can be: 0 to 14 Gyr, the 10th percentile below the median.

        Entries that are known stay; rows that can be stay as they are.
        """
        out = rows.copy()
        for i, name in enumerate(self._names):
            if i not in known and CONTEXT[name].unit == u.Gyr:
                np.clip(out[:, i], 0.0, AGE_MAX, out=out[:, i])
        if {"age_p10", "age_p50"} <= set(self._names):
            young, middle = self._names.index("age_p10"), self._names.index("age_p50")
            if young not in known:
                out[:, young] = np.minimum(out[:, young], out[:, middle])
            elif middle not in known:
                out[:, middle] = np.maximum(out[:, young], out[:, middle])
        return out

    def _scaled(self, rows: np.ndarray) -> np.ndarray:
        return np.where(self._log, np.log10(np.where(self._log, rows, 1.0)), rows)
