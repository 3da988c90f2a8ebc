"""Galaxies into a store: a shuffle of any number of stars in little memory."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from galflowlab._version import __version__
from galflowlab.galaxy import Galaxy
from galflowlab.schema import COLUMNS, CONTEXT, EDF_COLUMNS, edf_columns
from galflowlab.store.layout import (
    DESCRIPTION,
    GALAXY,
    KIND,
    ROW,
    SAMPLE,
    VERSION,
    sha256,
    stars_file,
    write_columns,
)
from galflowlab.store.reading import StarStore
from galflowlab.training_set import require_context, trainable_stars

_PILES = 256  # among which stars are dealt; one must fit into memory
_DEAL_AT = 1 << 20  # stars in memory before they are dealt
_FILE_STARS = 1 << 20
_SAMPLE_STARS, _SAMPLE_RANGE = 1_000_000, (100, 100_000)  # in all; of one galaxy
_ROW = np.dtype([(name, np.float32) for name in EDF_COLUMNS] + [(GALAXY, np.int32)])


def write_store(
    galaxies: Iterable[Galaxy], path: str | Path, *, seed: int, notes: str = ""
) -> StarStore:
    """Write prepared galaxies as a store that training streams from.

    Stars are dealt at random among piles on disk, and each pile is then shuffled in memory
    (Knuth 1997, section 3.4.2): every order of all stars is equally likely. Memory is that of
    the largest galaxy and of a few million stars, up to some 10^9 stars; beyond, that of 1/256
    of all stars.

    Parameters
    ----------
    galaxies
        Taken one at a time. The columns that all of them have are kept.
    path
        Folder to make; it appears whole or not at all.
    seed
        Of the order of the stars.
    notes
        How the galaxies were prepared, kept in the description.

    Returns
    -------
    StarStore

    Raises
    ------
    FileExistsError
        If `path` exists.
    BlockingIOError
        If another process is writing it.
    ValueError
        If there is no galaxy, two have the same name, or one cannot be trained on: no context,
        values that are not finite or not physical.

    Examples
    --------
    >>> from galflowlab import mocks, store
    >>> store.write_store(mocks.make_suite(3, 100, seed=1), "suite", seed=1).n_stars
    300
    >>> store.StarStore("suite").columns[:3]
    ('x', 'y', 'z')
    """
    path = Path(path)
    if path.exists():
        raise FileExistsError(f"{path}: exists; remove it or choose another folder")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent}: no such folder")
    rng = np.random.default_rng(seed)
    with _folder_replacing(path) as folder:
        piles = _Piles(folder / "piles", rng)
        described = [_dealt(piles, galaxy) for galaxy in _distinct(galaxies)]
        if not described:
            raise ValueError(f"{path}: expected at least one galaxy to store")
        piles.deal()
        columns = _shared_columns(described)
        files = _write_shuffled(folder, piles, columns, len(described), rng)
        description = {
            "kind": KIND,
            "version": VERSION,
            "galflowlab": __version__,
            "seed": int(seed),
            "notes": notes,
            "columns": {name: COLUMNS[name].unit.to_string() for name in columns},
            "context_names": list(CONTEXT),
            "galaxies": described,
            "files": files,
        }
        text = json.dumps(description, allow_nan=False, indent=1)
        (folder / DESCRIPTION).write_text(text, encoding="utf-8")
    return StarStore(path)


@contextlib.contextmanager
def _folder_replacing(path: Path) -> Iterator[Path]:
    """Give a folder to fill beside `path`, which becomes `path` if the block succeeds.

    What a killed process has left is removed first.
    """
    folder, lock = (path.with_name(f".{path.name}.{end}") for end in ("partial", "lock"))
    try:
        with FileLock(lock, blocking=False):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            try:
                yield folder
                os.rename(folder, path)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
                lock.unlink(missing_ok=True)
    except Timeout:
        raise BlockingIOError(f"{path}: another process is writing this store") from None


def _distinct(galaxies: Iterable[Galaxy]) -> Iterator[Galaxy]:
    seen: set[str] = set()
    for galaxy in galaxies:
        if galaxy.name in seen:
            raise ValueError(f"two galaxies are named {galaxy.name!r}; expected distinct names")
        seen.add(galaxy.name)
        yield galaxy


def _dealt(piles: _Piles, galaxy: Galaxy) -> dict[str, Any]:
    """Put the stars of a galaxy on the piles, and describe it."""
    require_context(galaxy)
    stars = trainable_stars(galaxy, galaxy.columns).numpy()
    rows = np.zeros(len(stars), _ROW)
    rows[GALAXY] = piles.galaxies
    for i, name in enumerate(galaxy.columns):
        with np.errstate(over="ignore"):
            rows[name] = stars[:, i]
        if not np.isfinite(rows[name]).all():
            raise ValueError(f"galaxy {galaxy.name!r}: {name!r} is too large for single precision")
    piles.add(rows)
    return {
        "name": galaxy.name,
        "stars": len(rows),
        "columns": list(galaxy.columns),
        "context": {name: float(galaxy.context[name]) for name in CONTEXT},
        "provenance": galaxy.provenance.to_dict(),
    }


def _shared_columns(described: list[dict[str, Any]]) -> tuple[str, ...]:
    return edf_columns(set.intersection(*(set(g.pop("columns")) for g in described)))


class _Piles:
    """Stars dealt at random among files."""

    def __init__(self, folder: Path, rng: np.random.Generator) -> None:
        folder.mkdir()
        self._folder, self._rng = folder, rng
        self._waiting: list[np.ndarray] = []
        self.galaxies = 0

    def add(self, rows: np.ndarray) -> None:
        """Take the stars of one more galaxy."""
        self._waiting.append(rows)
        self.galaxies += 1
        if sum(map(len, self._waiting)) >= _DEAL_AT:
            self.deal()

    def deal(self) -> None:
        """Put waiting stars on random piles."""
        for rows in self._waiting:
            pile = self._rng.integers(_PILES, size=len(rows))
            order = np.argsort(pile, kind="stable")
            ends = np.searchsorted(pile[order], np.arange(1, _PILES))
            for i, part in enumerate(np.split(rows[order], ends)):
                if len(part):
                    with self._path(i).open("ab") as file:
                        file.write(part.tobytes())
        self._waiting.clear()

    def taken(self) -> Iterator[np.ndarray]:
        """Read and remove all piles, some at a time, as about `_FILE_STARS` shuffled stars."""
        piles: list[np.ndarray] = []
        for i in range(_PILES):
            if self._path(i).exists():
                piles.append(np.fromfile(self._path(i), _ROW))
                self._path(i).unlink()
            if piles and (sum(map(len, piles)) >= _FILE_STARS or i == _PILES - 1):
                yield self._rng.permutation(np.concatenate(piles))
                piles = []
        self._folder.rmdir()

    def _path(self, i: int) -> Path:
        return self._folder / f"{i}.raw"


def _write_shuffled(
    folder: Path, piles: _Piles, columns: tuple[str, ...], galaxies: int, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Write the files of stars and the sample; returns what describes them."""
    low, high = _SAMPLE_RANGE
    wanted = int(np.clip(_SAMPLE_STARS // galaxies, low, high))
    seen = np.zeros(galaxies, np.int64)
    sample: list[dict[str, np.ndarray]] = []
    files, first = [], 0
    for number, rows in enumerate(piles.taken()):
        path = folder / stars_file(number)
        # Columns of a structured array are not contiguous, which Parquet wants.
        data = {name: np.ascontiguousarray(rows[name]) for name in (*columns, GALAXY)}
        write_columns(path, data)
        files.append({"name": path.name, "rows": len(rows), "sha256": sha256(path)})
        chosen = _among_first(data[GALAXY], seen, wanted)
        sample.append({name: values[chosen] for name, values in data.items()})
        sample[-1][ROW] = first + chosen
        first += len(rows)
    together = {name: np.concatenate([part[name] for part in sample]) for name in sample[0]}
    write_columns(folder / SAMPLE, together)
    size, digest = len(together[ROW]), sha256(folder / SAMPLE)
    return [*files, {"name": SAMPLE, "rows": size, "sha256": digest}]


def _among_first(galaxy: np.ndarray, seen: np.ndarray, wanted: int) -> np.ndarray:
    """Places of stars that are among the first `wanted` of their galaxy; counts them as seen."""
    order = np.argsort(galaxy, kind="stable")
    counts = np.bincount(galaxy, minlength=len(seen))
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    rank = np.empty(len(galaxy), np.int64)
    rank[order] = np.arange(len(galaxy)) - starts
    chosen = np.flatnonzero(rank + seen[galaxy] < wanted)
    seen += counts
    return chosen
