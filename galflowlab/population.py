"""The population of training galaxies, as far as their contexts go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from astropy import units as u

from galflowlab.context import LOGARITHMIC
from galflowlab.schema import CONTEXT

_NEIGHBOURS = 4  # kernel width reaches this many training galaxies
_ROWS = 64  # contexts completed at once, few enough to stay in the cache
_INSIDE = 0.99  # share of the training galaxies that count as inside their own population
_MARGIN = 1.25  # new galaxies lie a little farther from the old ones than these from each other


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
        (row,) = self.complete_many(list(given), np.array([list(given.values())]))
        return dict(zip(self.names, row.tolist(), strict=True))

    def complete_many(self, names: Sequence[str], values: np.ndarray) -> np.ndarray:
        """Fill in many contexts that give the same entries; each row as `complete` does.

        Parameters
        ----------
        names
            The given entries.
        values
            Their physical values, shape (row, len(names)).

        Returns
        -------
        ndarray
            Shape (row, context), in the order of `names` of the population.

        Raises
        ------
        ValueError
            For unknown or repeated entries, and for values of another shape, not finite, or
            not positive where they span decades.
        """
        values = self._checked_rows(names, values)
        known = sorted(self.names.index(name) for name in names)
        given = values[:, np.argsort([self.names.index(name) for name in names])]
        out = np.ones((len(values), len(self.names)))
        out[:, known] = given
        if len(known) < len(self.names):
            target = self._standardised(out)[:, known]
            filled = np.clip(
                _local_linear(self._standard, target, known),
                self._standard.min(axis=0),
                self._standard.max(axis=0),
            )
            out = self._physical(filled * self._std + self._mean)
            out[:, known] = given
        return out

    def inside(self, context: Mapping[str, float]) -> bool:
        """Whether a context lies among the training galaxies.

        True if its nearest training galaxy is hardly farther than the nearest neighbours of
        99 % of the training galaxies themselves, in standardised entries.
        """
        return bool(self.inside_many(self.row(context))[0])

    def inside_many(self, rows: np.ndarray) -> np.ndarray:
        """Whether contexts lie among the training galaxies; each as `inside` says.

        Parameters
        ----------
        rows
            Whole physical contexts, shape (row, context).

        Returns
        -------
        ndarray
            Booleans, shape (row,).
        """
        target = self._standardised(self._checked_rows(self.names, rows))
        return _distances(target, self._standard).min(axis=1) <= _MARGIN * self._reach + 1e-3

    def distances(self, context: Mapping[str, float], rows: np.ndarray) -> np.ndarray:
        """Distances of whole contexts, shape (row, context), from a context: shape (row,).

        Euclidean in standardised entries, the context completed if need be.
        """
        rows = self._standardised(self._checked_rows(self.names, rows))
        return _distances(self._standardised(self.row(context)), rows)[0]

    def distance(self, a: Mapping[str, float], b: Mapping[str, float]) -> float:
        """Distance of two contexts, both completed if need be, as of `distances`."""
        return float(self.distances(a, self.row(b))[0])

    def nearest(self, context: Mapping[str, float]) -> tuple[int, float]:
        """Row in `values` of the training galaxy nearest to a context, and its distance."""
        distances = self.distances(context, self.values)
        index = int(distances.argmin())
        return index, float(distances[index])

    def row(self, context: Mapping[str, float]) -> np.ndarray:
        """Return the completed context as an array of shape (1, context)."""
        return np.array([list(self.complete(context).values())])

    def _checked_rows(self, names: Sequence[str], values: np.ndarray) -> np.ndarray:
        if set(names) - set(self.names) or len(set(names)) < len(names):
            raise ValueError(f"expected distinct context names, got {names}; {self.describe()}")
        values = np.asarray(values, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != len(names):
            raise ValueError(f"expected contexts of shape (row, {len(names)}), got {values.shape}")
        decades = [name in LOGARITHMIC for name in names]
        if not (np.isfinite(values).all() and (values[:, decades] > 0).all()):
            raise ValueError(f"expected finite contexts, positive if of {sorted(LOGARITHMIC)}")
        return values

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
    total = np.zeros((len(a), len(b)))
    for i in range(a.shape[1]):  # entry by entry: no array of (a, b, entry)
        total += np.subtract.outer(a[:, i], b[:, i]) ** 2
    return np.sqrt(total)


def _local_linear(standard: np.ndarray, targets: np.ndarray, known: list[int]) -> np.ndarray:
    """Predict every entry at each row of `targets` by kernel-weighted linear regression."""
    if not known:
        return np.tile(np.median(standard, axis=0), (len(targets), 1))
    chunks = [targets[i : i + _ROWS] for i in range(0, len(targets), _ROWS)]
    fits = [_fit_chunk(standard, chunk, known) for chunk in chunks]
    return np.concatenate([np.empty((0, standard.shape[1])), *fits])


def _fit_chunk(standard: np.ndarray, targets: np.ndarray, known: list[int]) -> np.ndarray:
    # One matrix product and one solution per row: a row never depends on its neighbours.
    design = np.ones((len(targets), 1 + len(known), len(standard)))
    np.subtract(standard[:, known].T, targets[:, :, None], out=design[:, 1:])
    distance = np.sqrt((design[:, 1:] ** 2).sum(axis=1))
    reach = min(_NEIGHBOURS, len(standard) - 1)
    order = np.partition(distance, (0, reach), axis=1)
    width = np.maximum(order[:, reach], 0.3)
    weight = np.exp(-0.5 * ((distance - order[:, :1]) / width[:, None]) ** 2)
    weighted = design * weight[:, None]
    gram = weighted @ design.swapaxes(1, 2)
    penalised = np.arange(1, 1 + len(known))
    gram[:, penalised, penalised] += 0.05 * weight.sum(axis=1)[:, None]
    return np.linalg.solve(gram, weighted @ standard)[:, 0]
