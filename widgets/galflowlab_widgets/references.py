"""Simulated galaxies to set beside the model: the one nearest in context."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import Any, Protocol

import numpy as np

from galflowlab.galaxy import Galaxy
from galflowlab.mocks import MockEDF, is_mock_name, remake
from galflowlab.population import Population
from galflowlab.schema import column_values

_REMEMBERED = 8  # galaxies whose stars are kept
_BLOCK = 500  # stars made in one step, which takes some 25 ms
_MOST = 50_000  # stars of a galaxy; more would hold up the charts and contours, and not show


@dataclass(frozen=True)
class Reference:
    """A galaxy to compare with.

    Parameters
    ----------
    name, context
        Of the galaxy.
    stars
        Plain single-precision columns in the units of `galflowlab.schema`, not to be written to;
        all values are finite.
    distance
        From the context asked for, in standard deviations of the population.
    """

    name: str
    context: dict[str, float]
    stars: dict[str, np.ndarray]
    distance: float


class References(Protocol):
    """Galaxies among which the nearest to a context can be found."""

    def nearest(self, context: Mapping[str, float]) -> Reference | None:
        """The galaxy nearest to a context, None if there are no galaxies."""
        ...

    def name_of_nearest(self, context: Mapping[str, float]) -> str | None:
        """Its name alone, which is known at once."""
        ...

    def prepare(self, context: Mapping[str, float]) -> Iterator[None]:
        """Short steps after which `nearest` is quick; may be abandoned between two."""
        ...


class GalaxyReferences:
    """Galaxies at hand, such as simulated ones read from files.

    Parameters
    ----------
    galaxies
        With a context that has all entries of the population; no two of the same name.
    population
        Contexts of the model's training galaxies, whose spread is the unit of distance.

    Raises
    ------
    ValueError
        If a galaxy lacks a context entry, or two have the same name.
    """

    def __init__(self, galaxies: Sequence[Galaxy], population: Population) -> None:
        self._galaxies, self._population = list(galaxies), population
        counts = Counter(galaxy.name for galaxy in self._galaxies)
        if twice := [name for name, count in counts.items() if count > 1]:
            raise ValueError(f"expected galaxies of different names, got several of {twice[0]!r}")
        rows = []
        for galaxy in self._galaxies:
            if missing := [name for name in population.names if name not in galaxy.context]:
                raise ValueError(f"galaxy {galaxy.name!r} has no context {missing}")
            rows.append([galaxy.context[name] for name in population.names])
        self._rows = np.array(rows, dtype=np.float64).reshape(len(rows), len(population.names))
        self._stars = lru_cache(_REMEMBERED)(lambda index: plain_columns(self._galaxies[index]))

    def nearest(self, context: Mapping[str, float]) -> Reference | None:
        """The galaxy nearest to a context, None if there are no galaxies."""
        if not self._galaxies:
            return None
        index, distance = self._nearest(context)
        galaxy = self._galaxies[index]
        return Reference(galaxy.name, dict(galaxy.context), dict(self._stars(index)), distance)

    def name_of_nearest(self, context: Mapping[str, float]) -> str | None:
        """Its name alone, which is known at once."""
        if not self._galaxies:
            return None
        return self._galaxies[self._nearest(context)[0]].name

    def prepare(self, context: Mapping[str, float]) -> Iterator[None]:
        """Read the stars of the nearest galaxy, which takes a moment if there are millions."""
        if self._galaxies:
            self._stars(self._nearest(context)[0])
        yield from ()

    def _nearest(self, context: Mapping[str, float]) -> tuple[int, float]:
        distances = self._population.distances(context, self._rows)
        index = int(distances.argmin())
        return index, float(distances[index])


class MockReferences:
    """The mock galaxies that a model was trained on, made again when they are asked for.

    Making one takes most of a second, so it goes in small steps; the last few are remembered.

    Parameters
    ----------
    names
        Of the training galaxies, row by row those of the population.
    population
        Contexts of the training galaxies.
    n
        Number of stars of a galaxy.

    Raises
    ------
    ValueError
        If a name is not one of a mock, there are more or fewer names than training galaxies,
        or the population does not know their stellar masses.
    """

    def __init__(self, names: Sequence[str], population: Population, n: int = 20_000) -> None:
        if len(names) != len(population):
            raise ValueError(f"expected {len(population)} names of galaxies, got {len(names)}")
        if other := [name for name in names if not is_mock_name(name)]:
            raise ValueError(f"expected names of mock galaxies, got {other[0]!r}")
        if "log10_mstar" not in population.names:
            raise ValueError(f"mocks are made from log10_mstar; there are {population.names}")
        self._names, self._population, self._n = list(names), population, n
        self._made: OrderedDict[int, dict[str, np.ndarray]] = OrderedDict()
        self._begun: tuple[int, list[dict[str, np.ndarray]]] = (-1, [])

    def nearest(self, context: Mapping[str, float]) -> Reference:
        """The training galaxy nearest to a context."""
        index, distance = self._population.nearest(context)
        for _ in self.prepare(context):
            pass
        self._made.move_to_end(index)
        row = self._population.values[index].tolist()
        full = dict(zip(self._population.names, row, strict=True))
        return Reference(self._names[index], full, dict(self._made[index]), distance)

    def name_of_nearest(self, context: Mapping[str, float]) -> str:
        """Its name alone, which is known at once."""
        return self._names[self._population.nearest(context)[0]]

    def prepare(self, context: Mapping[str, float]) -> Iterator[None]:
        """Make the nearest galaxy; what an abandoned making has left is taken up again."""
        index, _ = self._population.nearest(context)
        if index in self._made:
            return
        if self._begun[0] != index:
            self._begun = (index, [])
        blocks = self._begun[1]
        mass = self._population.values[index, self._population.names.index("log10_mstar")]
        truth = remake(self._names[index], float(mass), 1).truth
        assert isinstance(truth, MockEDF)
        for number in range(len(blocks), ceil(self._n / _BLOCK)):
            count = min(_BLOCK, self._n - number * _BLOCK)
            stars = truth.sample(count, seed=np.random.default_rng([index, number]))
            blocks.append({name: stars[name].value.astype(np.float32) for name in stars.colnames})
            yield
        self._remember(index, blocks)

    def _remember(self, index: int, blocks: list[dict[str, np.ndarray]]) -> None:
        columns = {name: np.concatenate([b[name] for b in blocks]) for name in blocks[0]}
        total = blocks[0]["mass"].sum(dtype=np.float64)  # every block shares the whole mass
        columns["mass"] = np.full(self._n, total / self._n, np.float32)
        self._made[index] = _protected(columns)
        self._begun = (-1, [])
        while len(self._made) > _REMEMBERED:
            self._made.popitem(last=False)


def references_for(edf: Any) -> References | None:
    """Galaxies to set beside a model: its training galaxies if all of them are mocks.

    None for a model whose card does not name its training galaxies, or names others.
    """
    names = _training_names(getattr(edf, "card", None))
    if not all(isinstance(name, str) and is_mock_name(name) for name in names):
        return None
    if len(names) != len(edf.population) or "log10_mstar" not in edf.population.names:
        return None
    return MockReferences(names, edf.population)


def _training_names(card: Any) -> list[Any]:
    """What a card gives as names; a card may come from anywhere and hold anything."""
    training = card.get("training") if isinstance(card, Mapping) else None
    names = training.get("names") if isinstance(training, Mapping) else None
    return names if isinstance(names, list) else []


def plain_columns(galaxy: Galaxy) -> dict[str, np.ndarray]:
    """Single-precision columns of the stars of a galaxy whose values are all finite.

    A column that most stars lack is left out; then stars that lack a value. Of more than
    50 000 stars, that many are kept; their masses grow so that the total is that of all.
    """
    columns = {name: column_values(galaxy.stars, name) for name in galaxy.stars.colnames}
    finite = {name: np.isfinite(values) for name, values in columns.items()}
    kept = [name for name in columns if 2 * np.count_nonzero(finite[name]) >= len(galaxy)]
    whole = np.logical_and.reduce([finite[name] for name in kept])
    plain = thinned({name: columns[name][whole] for name in kept}, _MOST)
    return _protected({name: values.astype(np.float32) for name, values in plain.items()})


def thinned(columns: Mapping[str, np.ndarray], most: int) -> dict[str, np.ndarray]:
    """At most so many stars, evenly over the rows, that have the mass of all together."""
    count = len(next(iter(columns.values())))
    if count <= most:
        return dict(columns)
    rows = np.arange(most, dtype=np.int64) * count // most
    fewer = {name: values[rows] for name, values in columns.items()}
    if "mass" in fewer and (part := fewer["mass"].sum(dtype=np.float64)) > 0:
        fewer["mass"] = fewer["mass"] * (columns["mass"].sum(dtype=np.float64) / part)
    return fewer


def _protected(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Columns that nobody writes to: they are shared by all who ask for a galaxy."""
    for values in columns.values():
        values.setflags(write=False)
    return columns
