"""Context: the galaxy-level parameters that an eDF is conditioned on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from astropy import units as u

from galflowlab.schema import CONTEXT, Stars, column_values

LOGARITHMIC = frozenset({"mean_metallicity"})
"""Context entries that span decades and are compared by their logarithm."""


def measure(stars: Stars) -> dict[str, float]:
    """Measure the context of one galaxy from its star particles.

    Parameters
    ----------
    stars
        Columns ``mass``, ``age`` and ``metallicity``, each of shape (star,).

    Returns
    -------
    dict
        ``log10_mstar`` [dex(Msun)] from the summed mass, ``age_p50`` and ``age_p10`` [Gyr]
        (median and 10th percentile), ``mean_metallicity`` [mass fraction]. Percentiles and
        mean count star particles, not mass, as in Wolf & Buck (2023, section 2.2).

    Raises
    ------
    ValueError
        If a column is missing, a value is not finite, or the total mass is not positive.
    """
    mass, age, metallicity = (column_values(stars, c) for c in ("mass", "age", "metallicity"))
    if not len(mass):
        raise ValueError("cannot measure the context of a galaxy without star particles")
    total = float(mass.sum(dtype=np.float64))
    if not total > 0:
        raise ValueError(f"expected a positive total stellar mass, got {total} Msun")
    p10, p50 = np.percentile(age.astype(np.float64), [10, 50])
    context = {
        "log10_mstar": float(np.log10(total)),
        "age_p50": float(p50),
        "age_p10": float(p10),
        "mean_metallicity": float(metallicity.mean(dtype=np.float64)),
    }
    bad = [name for name, value in context.items() if not np.isfinite(value)]
    if bad:
        raise ValueError(f"context entries {bad} are not finite; clean the stars first")
    assert set(context) == set(CONTEXT)
    return context


_NEIGHBOURS = 4  # kernel width reaches this many training galaxies
_INSIDE = 0.99  # share of the training galaxies that count as inside their own population


class Population:
    """Contexts of the training galaxies: what they span and how their entries hang together.

    Parameters
    ----------
    names
        Context entries in order.
    values
        Physical contexts of the training galaxies, shape (galaxy, context).

    Raises
    ------
    ValueError
        If the values are not a finite (galaxy, context) array, or an entry that is scaled
        logarithmically is not positive.
    """

    def __init__(self, names: tuple[str, ...], values: np.ndarray) -> None:
        values = np.asarray(values, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != len(names) or not len(values):
            raise ValueError(f"expected contexts of shape (galaxy, {len(names)}): {values.shape}")
        self.names = names
        self.values = values
        self._log = np.array([name in LOGARITHMIC for name in names])
        if not (np.isfinite(values).all() and (values[:, self._log] > 0).all()):
            raise ValueError("expected finite contexts, positive where they span decades")
        scaled = self._scaled(values)
        self._mean, spread = scaled.mean(axis=0), scaled.std(axis=0)
        self._std = np.where(spread > 1e-6, spread, 1.0)
        self._standard = self._standardised(values)
        self._reach = 0.0
        if len(values) > 1:
            distances = _distances(self._standard, self._standard)
            np.fill_diagonal(distances, np.inf)
            self._reach = float(np.quantile(distances.min(axis=1), _INSIDE))

    def __len__(self) -> int:
        return len(self.values)

    def range(self, name: str) -> tuple[float, float]:
        """Lowest and highest value of an entry among the training galaxies."""
        if name not in self.names:
            raise ValueError(f"unknown context {name!r}; {self.describe()}")
        column = self.values[:, self.names.index(name)]
        return float(column.min()), float(column.max())

    def describe(self) -> str:
        """One line with every entry, its range and unit, for messages."""
        parts = []
        for name in self.names:
            low, high = self.range(name)
            unit = CONTEXT[name].unit_text
            parts.append(f"{name} ({low:.4g} to {high:.4g}{' ' + unit if unit else ''})")
        return "valid entries: " + ", ".join(parts)

    def check(self, context: Mapping[str, float]) -> dict[str, float]:
        """Return the context as plain floats.

        Raises
        ------
        ValueError
            For unknown entries and for values that are not finite or not physical; the
            message lists the valid names and their ranges.
        """
        if not isinstance(context, Mapping):
            raise ValueError(f"expected context as a dict, got {type(context).__name__}")
        unknown = [name for name in context if name not in self.names]
        if unknown:
            raise ValueError(f"unknown context {unknown}; {self.describe()}")
        checked: dict[str, float] = {}
        for name, value in context.items():
            try:
                number = _plain(name, value)
            except (TypeError, ValueError) as error:
                raise ValueError(
                    f"context {name!r} should be one number, got {value!r}; {self.describe()}"
                ) from error
            if not np.isfinite(number) or (name in LOGARITHMIC and number <= 0):
                raise ValueError(
                    f"context {name!r} should be finite"
                    f"{' and positive' if name in LOGARITHMIC else ''}, got {number}; "
                    f"{self.describe()}"
                )
            checked[name] = number
        return checked

    def complete(self, context: Mapping[str, float]) -> dict[str, float]:
        """Fill in the entries left out with what is typical at the given ones.

        The fill-in is a local linear regression over the training galaxies in standardised
        entries, so that it follows the given ones smoothly, kept within the training range.
        """
        given = self.check(context)
        known = [i for i, name in enumerate(self.names) if name in given]
        missing = [i for i, name in enumerate(self.names) if name not in given]
        if not missing:
            return {name: given[name] for name in self.names}
        if not known:
            filled = np.median(self._standard, axis=0)
        else:
            row = np.array([[given.get(name, 1.0) for name in self.names]])
            filled = _local_linear(self._standard, self._standardised(row)[0], known)
        filled = np.clip(filled, self._standard.min(axis=0), self._standard.max(axis=0))
        physical = self._physical(filled * self._std + self._mean)
        return {name: given.get(name, float(physical[i])) for i, name in enumerate(self.names)}

    def inside(self, context: Mapping[str, float]) -> bool:
        """Whether a context lies among the training galaxies.

        True if its nearest training galaxy is no farther than the nearest neighbours of 99 %
        of the training galaxies themselves, in standardised entries (twice that distance is
        allowed for entries between two galaxies).
        """
        target = self._standardised(self.row(context))
        return bool(_distances(target, self._standard).min() <= 2 * self._reach + 1e-3)

    def row(self, context: Mapping[str, float]) -> np.ndarray:
        """Return the completed context as an array of shape (1, context)."""
        return np.array([list(self.complete(context).values())])

    def _standardised(self, values: np.ndarray) -> np.ndarray:
        return (self._scaled(values) - self._mean) / self._std

    def _scaled(self, values: np.ndarray) -> np.ndarray:
        return np.where(self._log, np.log10(np.where(self._log, values, 1.0)), values)

    def _physical(self, scaled: np.ndarray) -> np.ndarray:
        return np.where(self._log, 10.0 ** np.where(self._log, scaled, 0.0), scaled)


def _plain(name: str, value: object) -> float:
    if isinstance(value, u.Quantity):
        value = value.to_value(CONTEXT[name].unit)
    array = np.asarray(value, dtype=np.float64)
    return float(array.reshape(()))


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.sqrt(((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=-1))


def _local_linear(standard: np.ndarray, target: np.ndarray, known: list[int]) -> np.ndarray:
    """Predict every entry at `target[known]` by kernel-weighted linear regression."""
    offset = standard[:, known] - target[known]
    distance = np.sqrt((offset**2).sum(axis=1))
    order = np.sort(distance)
    width = max(order[min(_NEIGHBOURS, len(order) - 1)], 0.3)
    weight = np.exp(-0.5 * ((distance - order[0]) / width) ** 2)
    design = np.column_stack([np.ones(len(offset)), offset])
    ridge = 0.05 * weight.sum() * np.diag([0.0] + [1.0] * len(known))
    gram = design.T @ (weight[:, None] * design) + ridge
    return np.linalg.solve(gram, design.T @ (weight[:, None] * standard))[0]
