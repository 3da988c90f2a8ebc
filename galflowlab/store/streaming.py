"""Stars of a store in a new random order every epoch, from any position on.

The store is in random order already. Every epoch takes its row groups in another random order,
some at a time, and shuffles the stars of those: blocks of half a million.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from galflowlab.store.layout import GALAXY, columns_of, open_parquet
from galflowlab.store.reading import StoredStars

_GROUPS = 8  # row groups that are shuffled together


@dataclass(frozen=True)
class Block:
    """Shuffled stars.

    Parameters
    ----------
    first
        Position in the epoch of its first star.
    stars
        (star, feature) float32, physical units.
    galaxy
        (star,), place of the galaxy among those to learn from.
    """

    first: int
    stars: np.ndarray
    galaxy: np.ndarray


class Shuffled:
    """Epochs of stored stars, decided by the seed alone.

    Parameters
    ----------
    stars
        What to stream.
    seed
        Of the orders.
    groups
        Row groups that are shuffled together.
    """

    def __init__(self, stars: StoredStars, *, seed: int, groups: int = _GROUPS) -> None:
        self._stars, self._seed, self._together = stars, seed, groups
        place = np.full(len(stars.store), -1, np.int32)
        place[stars.galaxies] = np.arange(len(stars.galaxies), dtype=np.int32)
        self._place = place

    def epoch(self, number: int, start: int = 0) -> Iterator[Block]:
        """Blocks of one epoch, from that on which holds the star `start`.

        The next block is read while one is in use.
        """
        rng = np.random.default_rng([self._seed, number])
        order = rng.permutation(len(self._groups))
        parts = np.array_split(order, max(1, -(-len(order) // self._together)))
        seeds = rng.integers(2**63, size=len(parts))
        sizes = [int(self._kept[part].sum()) for part in parts]
        firsts = np.cumsum([0, *sizes[:-1]]).tolist()
        wanted = [i for i, size in enumerate(sizes) if firsts[i] + size > start]
        with ThreadPoolExecutor(1, "galflowlab-reader") as reader:
            waiting: Future[Block] | None = None
            for i in wanted:
                following = reader.submit(self._block, firsts[i], parts[i], int(seeds[i]))
                if waiting is not None:
                    yield waiting.result()
                waiting = following
            if waiting is not None:
                yield waiting.result()

    def _block(self, first: int, groups: np.ndarray, seed: int) -> Block:
        parts = [self._read(self._groups[g]) for g in groups]
        galaxy = np.concatenate([p[1] for p in parts])
        order = np.random.default_rng(seed).permutation(len(galaxy))
        return Block(first, np.concatenate([p[0] for p in parts])[order], galaxy[order])

    def _read(self, group: _Group) -> tuple[np.ndarray, np.ndarray]:
        columns = self._stars.columns
        values = self._columns(group, (*columns, GALAXY))
        place = self._places(group, values[GALAXY])
        stars = np.empty((len(place), len(columns)), np.float32)
        for i, name in enumerate(columns):
            stars[:, i] = values[name]
        kept = self._kept_of(group, place)
        return (stars, place) if kept.all() else (stars[kept], place[kept])

    def _kept_of(self, group: _Group, place: np.ndarray) -> np.ndarray:
        kept = place >= 0
        kept[: max(0, self._stars.first_row - group.first_row)] = False
        return kept

    def _places(self, group: _Group, galaxy: np.ndarray) -> np.ndarray:
        """Places of the galaxies of stars, -1 for those held out."""
        if galaxy.min(initial=0) < 0 or galaxy.max(initial=0) >= len(self._place):
            path = self._stars.store.files[group.file]
            raise OSError(f"{path}: damaged (stars of galaxies that are not described)")
        return self._place[galaxy]

    def _columns(self, group: _Group, columns: tuple[str, ...]) -> dict[str, np.ndarray]:
        path, names = self._stars.store.files[group.file], list(columns)
        # Opened for each: a store has more files than a process may have open.
        with open_parquet(path, columns) as file:
            return columns_of(
                path,
                lambda: file.read_row_group(group.number, columns=names, use_threads=False),
            )

    @cached_property
    def _groups(self) -> list[_Group]:
        groups, first = [], 0
        for i, path in enumerate(self._stars.store.files):
            with open_parquet(path, (*self._stars.columns, GALAXY)) as file:
                sizes = [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)]
            for number, rows in enumerate(sizes):
                groups.append(_Group(i, number, first))
                first += rows
        return groups

    @cached_property
    def _kept(self) -> np.ndarray:
        """Number of stars to learn from in each row group."""
        counts = []
        for group in self._groups:
            place = self._places(group, self._columns(group, (GALAXY,))[GALAXY])
            counts.append(int(self._kept_of(group, place).sum()))
        return np.array(counts)


@dataclass(frozen=True)
class _Group:
    """One row group of a file, and the row of the store where it begins."""

    file: int
    number: int
    first_row: int
