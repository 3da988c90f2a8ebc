"""Models whose contexts are moved together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from galflowlab_widgets.context_panel import PLANE
from galflowlab_widgets.live import Model


class LinkedModels:
    """The contexts of several models as one, so that one set of controls moves all.

    An entry that several models have is the same for all of them: what is left open is filled
    in by the leader, and what the leader does not know by the population of whoever does.

    Parameters
    ----------
    models
        One or more.

    Attributes
    ----------
    names
        All entries: those of the leader, then what the others have beyond it.
    """

    def __init__(self, models: Sequence[Model]) -> None:
        # The plane of mass and metallicity is drawn from one population.
        self._leader = max(models, key=lambda m: len(set(PLANE) & set(m.context_names)))
        self._models = tuple(models)
        self._order = (self._leader, *(m for m in models if m is not self._leader))
        names = (name for model in self._order for name in model.context_names)
        self.names = tuple(dict.fromkeys(names))

    @property
    def values(self) -> np.ndarray:
        """Contexts of the training galaxies of the leader, (galaxy, context)."""
        return self._leader.population.values

    @property
    def stand_ins(self) -> bool:
        """Whether the values only stand for those contexts."""
        return self._leader.population.stand_ins

    def range(self, name: str) -> tuple[float, float]:
        """Lowest and highest value of an entry in the training of any model."""
        ranges = [m.population.range(name) for m in self._models if name in m.context_names]
        return min(low for low, _ in ranges), max(high for _, high in ranges)

    def each(self, chosen: Mapping[str, float]) -> list[dict[str, float]]:
        """The whole context of each model, in order, when some entries are chosen."""
        known = dict(chosen)
        for model in self._order:
            own = {name: known[name] for name in model.context_names if name in known}
            known = {**model.population.complete(own), **known}
        return [{name: known[name] for name in m.context_names} for m in self._models]

    def complete(self, context: Mapping[str, float]) -> dict[str, float]:
        """Fill in the entries left out."""
        found = {name: value for each in self.each(context) for name, value in each.items()}
        return {name: found[name] for name in self.names}

    def complete_many(self, names: tuple[str, ...], values: np.ndarray) -> np.ndarray:
        """Fill in many contexts of the leader at once: (k, given) to (k, context)."""
        return self._leader.population.complete_many(names, values)

    def inside_each(self, contexts: Sequence[Mapping[str, float]]) -> list[bool]:
        """Whether the training galaxies of each model support its context."""
        return [m.population.inside(c) for m, c in zip(self._models, contexts, strict=True)]

    def inside(self, context: Mapping[str, float]) -> bool:
        """Whether a context lies among the training galaxies of all models."""
        return all(self.inside_each(self.each(context)))

    def inside_many(self, rows: np.ndarray) -> np.ndarray:
        """Many contexts of the leader at once: (k, context) to (k,)."""
        return self._leader.population.inside_many(rows)
