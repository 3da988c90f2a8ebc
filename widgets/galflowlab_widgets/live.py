"""The galaxy behind an app: a preview of its stars at once, the rest in chunks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

import numpy as np
from astropy.table import QTable

from galflowlab.parallel import CHUNK
from galflowlab.schema import as_stars

PREVIEW = 5 * CHUNK  # whole chunks: then the stars are bit by bit those of `EDF.sample`
SEEDS = 2**31  # seeds of resampled stars stay below


class Contexts(Protocol):
    """The population of training contexts, as far as the apps use it."""

    @property
    def names(self) -> tuple[str, ...]:
        """Entries of the context; those that `values` has come first, in its order."""
        ...

    @property
    def values(self) -> np.ndarray:
        """Contexts of the training galaxies, (galaxy, context)."""
        ...

    @property
    def stand_ins(self) -> bool:
        """Whether the values only stand for those contexts, of which less is known."""
        ...

    def range(self, name: str) -> tuple[float, float]:
        """Lowest and highest value of a context entry in training."""
        ...

    def complete(self, context: Mapping[str, float]) -> dict[str, float]:
        """Fill in the entries left out with what is typical."""
        ...

    def complete_many(self, names: tuple[str, ...], values: np.ndarray) -> np.ndarray:
        """Fill in many at once: (k, given) to (k, context)."""
        ...

    def inside(self, context: Mapping[str, float]) -> bool:
        """Whether a context lies among the training galaxies."""
        ...

    def inside_many(self, rows: np.ndarray) -> np.ndarray:
        """Many at once: (k, context) to (k,)."""
        ...


class Frozen(Protocol):
    """Stars that follow a context, as far as the apps use them."""

    @property
    def context(self) -> dict[str, float]:
        """The whole context of the stars."""
        ...

    def update(self, context: Mapping[str, float]) -> None:
        """Move the stars to another context."""
        ...

    def arrays(self, n: int, columns: Iterable[str], *, start: int) -> dict[str, np.ndarray]:
        """Plain columns of `n` stars from `start` on, in the units of `galflowlab.schema`."""
        ...


class Model(Protocol):
    """A conditional eDF, as far as the apps use it."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of a star, in order."""
        ...

    @property
    def context_names(self) -> tuple[str, ...]:
        """Entries of the context, in order."""
        ...

    @property
    def population(self) -> Contexts:
        """The contexts seen in training."""
        ...

    def freeze(self, context: Mapping[str, float], *, n: int, seed: int) -> Frozen:
        """Fix the noise of `n` stars, so that they move smoothly with the context."""
        ...


class LiveGalaxy:
    """Stars of one galaxy, as many as drawn so far; not safe to share without a lock.

    Parameters
    ----------
    edf
        Model to draw from.
    n, seed
        Number of stars in the end, and what fixes their noise.
    preview
        Number of stars drawn at once.

    Raises
    ------
    ValueError
        Without a star, or if stellar mass is not among the context.
    """

    def __init__(self, edf: Model, *, n: int, seed: int, preview: int = PREVIEW) -> None:
        if "log10_mstar" not in edf.context_names:
            raise ValueError(f"expected log10_mstar among the context, got {edf.context_names}")
        if n < 1:
            raise ValueError(f"expected at least one star, got n = {n}")
        self._edf = edf
        self.n, self.seed, self._preview = n, seed, preview
        self._frozen: Frozen | None = None
        self._columns: dict[str, np.ndarray] = {}
        self.count = 0

    @property
    def context(self) -> dict[str, float]:
        """The whole context of the galaxy, empty before the first."""
        frozen = self._frozen
        return frozen.context if frozen else {}

    @property
    def complete(self) -> bool:
        """Whether all stars are drawn."""
        return self.count == self.n

    def resize(self, n: int, seed: int) -> None:
        """Another number of stars or other noise, from the next `move` on."""
        self.n, self.seed = n, seed
        self._frozen, self._columns, self.count = None, {}, 0

    def move(self, context: Mapping[str, float]) -> None:
        """Go to another context and draw the preview there.

        Raises
        ------
        ValueError
            For an invalid context; the old galaxy then stays as it is.
        """
        if self._frozen is None:
            self._frozen = self._edf.freeze(context, n=self.n, seed=self.seed)
            self._columns = {c: np.empty(self.n, np.float32) for c in self._edf.columns}
        else:
            self._frozen.update(context)
        self.count = 0
        self.grow(min(self._preview, self.n))

    def grow(self, more: int) -> None:
        """Draw at most so many further stars."""
        if self._frozen is None:
            raise ValueError("there is no galaxy yet")
        more = min(more, self.n - self.count)
        if more < 1:
            return
        drawn = self._frozen.arrays(more, self._edf.columns, start=self.count)
        for name, values in drawn.items():
            self._columns[name][self.count : self.count + more] = values
        self.count += more

    def stars(self, n: int | None = None) -> dict[str, np.ndarray]:
        """Views of the columns of the first `n` stars, all that are drawn by default.

        They share the stellar mass equally, however few they are.
        """
        n = self.count if n is None else min(n, self.count)
        if n < 1:
            raise ValueError("there are no stars to show")
        share = 10.0 ** self.context["log10_mstar"] / n
        columns = {name: values[:n] for name, values in self._columns.items()}
        return columns | {"mass": np.full(n, share, np.float32)}

    def table(self) -> QTable:
        """All stars with units, drawing those still missing: what `EDF.sample` returns."""
        self.grow(self.n - self.count)
        return as_stars({name: values.copy() for name, values in self.stars().items()})
