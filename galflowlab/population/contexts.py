"""The population of training galaxies, as far as their contexts go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from astropy import units as u

from galflowlab.context import LOGARITHMIC
from galflowlab.population.density import Density
from galflowlab.population.scales import Scales
from galflowlab.schema import CONTEXT

_INSIDE = 1.0  # percentile from which a context counts as inside
_DRAWS = 256  # among which one is possible


class Population:
    """Contexts of the training galaxies: what they span and how their entries hang together.

    Their density is a small mixture of Gaussians in standardised entries (mean metallicity by
    its logarithm), made when first needed and always the same from the same contexts.

    Parameters
    ----------
    names
        Context entries in order.
    values
        Physical contexts of the training galaxies, shape (galaxy, context).
    stand_ins
        Whether the values only stand for those contexts, of which less is known.

    Raises
    ------
    ValueError
        If the values are not a finite (galaxy, context) array, or an entry that is scaled
        logarithmically is not positive.

    Examples
    --------
    >>> import galflowlab
    >>> population = galflowlab.load("mock").population
    >>> low, high = population.range("log10_mstar")
    >>> print(f"{len(population)} galaxies, log10 of the mass {low:.1f} to {high:.1f}")
    720 galaxies, log10 of the mass 6.8 to 11.3
    >>> typical = population.complete({"log10_mstar": 10.3})
    >>> population.support(typical) > 50, population.inside({"log10_mstar": 12.5})
    (True, False)
    """

    def __init__(
        self, names: tuple[str, ...], values: np.ndarray, *, stand_ins: bool = False
    ) -> None:
        values = np.asarray(values, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != len(names) or not len(values):
            raise ValueError(f"expected contexts of shape (galaxy, {len(names)}): {values.shape}")
        self.names = names
        self.values = values
        self.stand_ins = stand_ins
        decades = [name in LOGARITHMIC for name in names]
        if not (np.isfinite(values).all() and (values[:, decades] > 0).all()):
            raise ValueError("expected finite contexts, positive where they span decades")
        self._scales = Scales(names, values)
        self._standard = self._scales.standardised(values)

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

    def complete(
        self, context: Mapping[str, float], *, seed: int | np.random.Generator | None = None
    ) -> dict[str, float]:
        """Fill in the entries left out: with what is typical at the given ones, or drawn.

        Parameters
        ----------
        context
            The given entries, which stay as they are.
        seed
            Without one, every open entry is the median of its own distribution at the given
            entries, kept within the training range: it follows them smoothly. With one, the
            open entries are drawn together from their joint distribution, among ages from 0
            to 14 Gyr whose 10th percentile is not above their median.

        Raises
        ------
        ValueError
            For an invalid context, as `check` says.
        """
        given = self.check(context)
        names, values = list(given), np.array([list(given.values())])
        if seed is None or len(given) == len(self.names):
            (row,) = self.complete_many(names, values)
        else:
            row = self._drawn(names, values, np.random.default_rng(seed))
        return dict(zip(self.names, row.tolist(), strict=True))

    def complete_many(self, names: Sequence[str], values: np.ndarray) -> np.ndarray:
        """Fill in many contexts that give the same entries; each as `complete` without a seed.

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
        out, known, unknown = self._laid_out(names, values)
        if unknown:
            filled = self._scales.standardised(out)
            medians = self._density.mixture.given(known, filled[:, known]).medians()
            within = self._standard[:, unknown]
            filled[:, unknown] = np.clip(medians, within.min(axis=0), within.max(axis=0))
            out[:, unknown] = self._scales.physical(filled)[:, unknown]
        return self._scales.bounded(out, known)

    def support(self, context: Mapping[str, float]) -> float:
        """How typical a context is of the training galaxies, as a percentile.

        The percentage of galaxies like those of the training set, but not in it, that are less
        typical: that have a lower density of contexts. It is spread evenly from 0 to 100 for
        such galaxies, 1 % of which are below 1; far outside it is 0, and so it is for ages
        below 0 or above 14 Gyr, or whose 10th percentile is above the median. Open entries are
        filled in first. It is calibrated on training galaxies held out from the density, so
        that it says little if there are fewer than ten. Around a single one, it takes some
        0.2 dex or Gyr for supported.

        Raises
        ------
        ValueError
            For an invalid context, as `check` says.
        """
        return float(self.support_many(self.row(context))[0])

    def support_many(self, rows: np.ndarray) -> np.ndarray:
        """Percentiles of whole physical contexts, (row, context) to (row,); see `support`."""
        rows = self._checked_rows(self.names, rows)
        possible = (self._scales.bounded(rows, []) == rows).all(axis=1)
        return 100 * possible * self._density.typicality(self._scales.standardised(rows))

    def inside(self, context: Mapping[str, float]) -> bool:
        """Whether a context lies in the region that holds 99 % of galaxies like the training's.

        True if its `support` is at least 1.
        """
        return self.support(context) >= _INSIDE

    def inside_many(self, rows: np.ndarray) -> np.ndarray:
        """Whether whole physical contexts, (row, context), are `inside`: booleans (row,)."""
        return self.support_many(rows) >= _INSIDE

    def distances(self, context: Mapping[str, float], rows: np.ndarray) -> np.ndarray:
        """Distances of whole contexts, shape (row, context), from a context: shape (row,).

        Euclidean in standardised entries, the context completed if need be.
        """
        rows = self._scales.standardised(self._checked_rows(self.names, rows))
        return _distances(self._scales.standardised(self.row(context)), rows)[0]

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

    @cached_property
    def _density(self) -> Density:
        return Density(self._standard)

    def _drawn(
        self, names: Sequence[str], values: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        out, known, unknown = self._laid_out(names, values)
        standard = self._scales.standardised(out)
        conditional = self._density.mixture.given(known, standard[:, known])
        draws = np.repeat(standard, _DRAWS, axis=0)
        draws[:, unknown] = conditional.draw(_DRAWS, rng)
        rows = np.repeat(out, _DRAWS, axis=0)
        rows[:, unknown] = self._scales.physical(draws)[:, unknown]
        bounded = self._scales.bounded(rows, known)
        return bounded[(bounded == rows).all(axis=1).argmax()]  # the first if none is possible

    def _laid_out(
        self, names: Sequence[str], values: np.ndarray
    ) -> tuple[np.ndarray, list[int], list[int]]:
        """Rows over all entries with the given ones in place; which are given, which open."""
        values = self._checked_rows(names, values)
        places = [self.names.index(name) for name in names]
        out = np.ones((len(values), len(self.names)))
        out[:, places] = values
        return out, sorted(places), [i for i in range(len(self.names)) if i not in places]

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
