"""FrozenEDF: one galaxy whose stars follow its context at the speed of a hand."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
import torch
from astropy.table import QTable

from galflowlab.context import Population
from galflowlab.flow.frozen import FrozenModel
from galflowlab.parallel import map_chunks
from galflowlab.schema import as_stars

Seed: TypeAlias = int | np.random.Generator


class FrozenEDF:
    """Fixed base noise, and an eDF folded at one context; made by `EDF.freeze`.

    Parameters
    ----------
    model, population
        Of the eDF.
    columns
        Columns of the eDF.
    context
        Galaxy-level parameters; entries left out are filled in.
    n, seed
        Number of stars, and what fixes their noise.
    """

    def __init__(
        self,
        model: FrozenModel,
        population: Population,
        columns: tuple[str, ...],
        context: Mapping[str, Any],
        *,
        n: int,
        seed: Seed,
    ) -> None:
        n = operator.index(n)
        if n < 1:
            raise ValueError(f"expected at least one star, got n={n}")
        self._model, self._population, self._columns = model, population, columns
        self.update(context)
        noise = np.random.default_rng(seed).standard_normal((n, len(columns)), np.float32)
        self._noise = torch.from_numpy(np.ascontiguousarray(noise.T))

    def __len__(self) -> int:
        return self._noise.shape[1]

    @property
    def context(self) -> dict[str, float]:
        """The whole context at which the stars are drawn."""
        return dict(self._context)

    def update(self, context: Mapping[str, Any]) -> None:
        """Move to another context; the noise stays, so the stars move smoothly.

        Raises
        ------
        ValueError
            For an unknown or non-finite context entry; the old context then stays.
        """
        full = self._population.complete(context)
        row = torch.from_numpy(self._population.row(full))
        self._sampler, self._context = self._model.at(row), full

    def arrays(
        self, n: int | None = None, columns: Iterable[str] | None = None
    ) -> dict[str, np.ndarray]:
        """Columns of the first `n` stars as plain arrays in the units of `schema.COLUMNS`.

        Parameters
        ----------
        n
            At most the number of stars frozen, which is the default.
        columns
            Names wanted, all by default; fewer are quicker. ``mass`` is always an equal share
            of the stellar mass among the `n` stars.

        Raises
        ------
        ValueError
            For `n` out of range or an unknown column.
        """
        n = len(self) if n is None else operator.index(n)
        if not 1 <= n <= len(self):
            raise ValueError(f"expected 1 to {len(self)} stars, got n={n}")
        known = (*self._columns, *(("mass",) if "log10_mstar" in self._context else ()))
        wanted = known if columns is None else tuple(columns)
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise ValueError(f"unknown columns {unknown}; this eDF has {list(known)}")
        drawn = [name for name in wanted if name != "mass"]
        out = {name: np.empty(n, np.float32) for name in drawn}
        sampler = self._sampler  # one context for all chunks, whatever other threads do

        def draw(chunk: slice) -> None:
            stars = sampler(self._noise[:, chunk], drawn)
            for name in drawn:
                out[name][chunk] = stars[name].numpy()

        map_chunks(draw, n)
        if "mass" in wanted:
            out["mass"] = np.full(n, 10.0 ** self._context["log10_mstar"] / n, np.float32)
        return {name: out[name] for name in wanted}

    def stars(self, n: int | None = None) -> QTable:
        """Table with units of the first `n` stars: all columns of the eDF, and ``mass``."""
        return as_stars(self.arrays(n))
