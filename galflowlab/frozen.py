"""FrozenEDF: one galaxy whose stars follow its context at the speed of a hand."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from astropy.table import QTable

from galflowlab.flow.frozen import FrozenModel, FrozenSampler
from galflowlab.parallel import map_chunks, one_after_another
from galflowlab.population import Population
from galflowlab.schema import as_stars

Seed: TypeAlias = int | np.random.Generator
BLOCK = 1 << 18  # stars of one step of a stream: 10 MB of noise, 10 MB of columns


@dataclass(frozen=True)
class FrozenContext:
    """An eDF folded at one context; immutable, so threads may share it."""

    sampler: FrozenSampler
    context: dict[str, float]
    columns: tuple[str, ...]

    @classmethod
    def of(
        cls,
        model: FrozenModel,
        population: Population,
        columns: tuple[str, ...],
        context: Mapping[str, Any],
    ) -> FrozenContext:
        """Fold; raises ValueError for an unknown or non-finite context entry."""
        full = population.complete(context)
        return cls(model.at(torch.from_numpy(population.row(full))), full, columns)

    def wanted(self, columns: Iterable[str] | None) -> tuple[str, ...]:
        """Names of columns, all by default; raises ValueError for an unknown one."""
        known = (*self.columns, *(("mass",) if "log10_mstar" in self.context else ()))
        wanted = known if columns is None else tuple(columns)
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise ValueError(f"unknown columns {unknown}; this eDF has {list(known)}")
        return wanted

    def arrays(
        self, noise: torch.Tensor, wanted: tuple[str, ...], total: int
    ) -> dict[str, np.ndarray]:
        """Columns of the stars of some noise, shape (feature, star), among `total` stars."""
        n = noise.shape[1]
        drawn = [name for name in wanted if name != "mass"]
        out = {name: np.empty(n, np.float32) for name in drawn}
        if drawn:
            self._fill(out, noise)
        if "mass" in wanted:
            out["mass"] = np.full(n, 10.0 ** self.context["log10_mstar"] / total, np.float32)
        return {name: out[name] for name in wanted}

    def _fill(self, out: dict[str, np.ndarray], noise: torch.Tensor) -> None:
        sample = self.sampler.drawing(out)

        def draw(chunk: slice) -> None:
            stars = sample(noise[:, chunk])
            for name, values in out.items():
                values[chunk] = stars[name].cpu().numpy()

        on_cpu = self.sampler.device.type == "cpu"
        (map_chunks if on_cpu else one_after_another)(draw, noise.shape[1])

    def stream(
        self, n: int, columns: Iterable[str] | None, *, seed: Seed, block: int
    ) -> Iterator[dict[str, np.ndarray]]:
        """Columns of `n` stars in blocks, those of `FrozenEDF` for the same seed."""
        n, block = at_least_one(n), at_least_one(block)
        wanted, generator = self.wanted(columns), np.random.default_rng(seed)

        def blocks() -> Iterator[dict[str, np.ndarray]]:
            for start in range(0, n, block):
                noise = base_noise(generator, min(block, n - start), len(self.columns))
                yield self.arrays(noise.to(self.sampler.device).T, wanted, n)

        return blocks()


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
        n = at_least_one(n)
        self._model, self._population, self._columns = model, population, columns
        self.update(context)
        noise = base_noise(np.random.default_rng(seed), n, len(columns))
        self._noise = noise.to(model.device).T.contiguous()

    def __len__(self) -> int:
        return self._noise.shape[1]

    @property
    def context(self) -> dict[str, float]:
        """The whole context at which the stars are drawn."""
        return dict(self._at.context)

    def update(self, context: Mapping[str, Any]) -> None:
        """Move to another context; the noise stays, so the stars move smoothly.

        Another thread may be drawing meanwhile: it finishes at the old context.

        Raises
        ------
        ValueError
            For an unknown or non-finite context entry; the old context then stays.
        """
        self._at = FrozenContext.of(self._model, self._population, self._columns, context)

    def arrays(
        self, n: int | None = None, columns: Iterable[str] | None = None, *, start: int = 0
    ) -> dict[str, np.ndarray]:
        """Columns of stars `start` to `start + n` as arrays in the units of `schema.COLUMNS`.

        Parameters
        ----------
        n
            All from `start` on by default.
        columns
            Names wanted, all by default; fewer are quicker. ``mass`` is an equal share of the
            stellar mass among the first ``start + n`` stars.
        start
            First star.

        Raises
        ------
        ValueError
            For `n` or `start` out of range or an unknown column.
        """
        start = operator.index(start)
        if not 0 <= start < len(self):
            raise ValueError(f"expected a start of 0 to {len(self) - 1}, got {start}")
        n = len(self) - start if n is None else operator.index(n)
        if not 1 <= n <= len(self) - start:
            raise ValueError(f"expected 1 to {len(self) - start} stars, got n={n}")
        at, stop = self._at, start + n
        return at.arrays(self._noise[:, start:stop], at.wanted(columns), stop)

    def stars(self, n: int | None = None) -> QTable:
        """Table with units of the first `n` stars: all columns of the eDF, and ``mass``."""
        return as_stars(self.arrays(n))


def base_noise(generator: np.random.Generator, n: int, features: int) -> torch.Tensor:
    """Standard normal (star, feature); blocks drawn in turn equal one draw of their sum."""
    return torch.from_numpy(generator.standard_normal((n, features), np.float32))


def at_least_one(n: int) -> int:
    """Return a positive integer; raises ValueError for others."""
    n = operator.index(n)
    if n < 1:
        raise ValueError(f"expected at least one star, got n={n}")
    return n
