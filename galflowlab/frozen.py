"""FrozenEDF: one galaxy whose stars follow its context at the speed of a hand."""

from __future__ import annotations

import operator
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from astropy.table import QTable

from galflowlab.flow.frozen import FrozenModel, FrozenSampler
from galflowlab.parallel import map_chunks, one_after_another, one_torch_thread
from galflowlab.population import Population
from galflowlab.schema import as_stars

Seed: TypeAlias = int | np.random.Generator
BLOCK = 1 << 18  # stars of one generator, and of one step of a stream: 10 MB of noise


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
        with one_torch_thread():  # waking others takes several times as long as folding
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
        self,
        n: int,
        columns: Iterable[str] | None = None,
        *,
        seed: Seed,
        block: int = BLOCK,
        start: int = 0,
        stop: int | None = None,
    ) -> Iterator[dict[str, np.ndarray]]:
        """Columns of stars `start` to `stop` of `n` in blocks; see `EDF.stream`."""
        n, block = at_least_one(n), at_least_one(block)
        start, stop = operator.index(start), n if stop is None else operator.index(stop)
        if not 0 <= start <= stop <= n:
            raise ValueError(f"expected 0 <= start <= stop <= {n}, got {start} and {stop}")
        wanted, noise = self.wanted(columns), Noise(seed, len(self.columns), start)

        def blocks() -> Iterator[dict[str, np.ndarray]]:
            for first in range(start, stop, block):
                base = noise.take(min(block, stop - first))
                yield self.arrays(base.to(self.sampler.device).T, wanted, n)

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

    Examples
    --------
    >>> import galflowlab
    >>> galaxy = galflowlab.load("mock").freeze({"log10_mstar": 9.0}, n=1000, seed=1)
    >>> small = abs(galaxy.arrays()["x"]).mean()
    >>> galaxy.update({"log10_mstar": 11.0})  # the same stars, at another mass
    >>> print(f"{abs(galaxy.arrays()['x']).mean() / small:.0f} times as large")
    2 times as large
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
        self._noise = Noise(seed, len(columns)).take(n).to(model.device).T.contiguous()

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


class Noise:
    """Standard normal noise of stars, in their order.

    For an integer seed every `BLOCK` stars have a generator of their own, so that those of any
    stretch can be made without those before. The first is that of the seed itself.

    Parameters
    ----------
    seed
        What fixes the noise; a Generator is drawn from in turn, whatever it has drawn before.
    features
        Numbers per star.
    start
        First star.

    Raises
    ------
    ValueError
        For a Generator that should not begin at the first star, or a negative seed.
    """

    def __init__(self, seed: Seed, features: int, start: int = 0) -> None:
        self._seed, self._features = seed, features
        if isinstance(seed, np.random.Generator):
            if start:
                raise ValueError(f"expected an integer seed for stars from {start} on")
            self._generator, self._left = seed, sys.maxsize
            return
        self._block, skipped = divmod(start, BLOCK)
        self._begin(self._block)
        self._fill(np.empty((skipped, features), np.float32))

    def take(self, n: int) -> torch.Tensor:
        """Noise of the next `n` stars, shape (star, feature)."""
        noise = np.empty((n, self._features), np.float32)
        done = 0
        while done < n:
            if not self._left:
                self._begin(self._block + 1)
            count = min(n - done, self._left)
            self._fill(noise[done : done + count])
            done += count
        return torch.from_numpy(noise)

    def _begin(self, block: int) -> None:
        key = (block,) if block else ()
        sequence = np.random.SeedSequence(self._seed, spawn_key=key)  # type: ignore[arg-type]
        self._generator = np.random.default_rng(sequence)
        self._block, self._left = block, BLOCK

    def _fill(self, noise: np.ndarray) -> None:
        self._generator.standard_normal(dtype=np.float32, out=noise)
        self._left -= len(noise)


def at_least_one(n: int) -> int:
    """Return a positive integer; raises ValueError for others."""
    n = operator.index(n)
    if n < 1:
        raise ValueError(f"expected at least one star, got n={n}")
    return n
