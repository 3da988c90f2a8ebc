"""Stores opened: what is in them, and stars streamed in a new random order every epoch."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from galflowlab.files import one_line
from galflowlab.schema import CONTEXT, edf_columns
from galflowlab.store.layout import (
    DESCRIPTION,
    GALAXY,
    KIND,
    ROW,
    SAMPLE,
    VERSION,
    columns_of,
    open_parquet,
    sha256,
)
from galflowlab.training_set import TrainingSet, held_out_galaxies

_MAX_DESCRIPTION = 1 << 30  # bytes


def is_store(path: str | Path) -> bool:
    """Whether a path is a folder that `write_store` could have written."""
    return (Path(path) / DESCRIPTION).is_file()


class StarStore:
    """Stars of many galaxies on disk, in one random order; made by `write_store`.

    Parameters
    ----------
    path
        The folder.

    Attributes
    ----------
    names
        Of the galaxies; their place is the index that the stars carry.
    columns, context_names
        Names of the features and of the context entries.
    counts
        Stars of each galaxy.
    context
        Physical, shape (galaxy, context).
    provenance
        Of each galaxy, as plain data.
    files, rows
        Files of stars, and the number of stars of each.

    Raises
    ------
    FileNotFoundError
        If it is not the folder of a store.
    ValueError
        If its description is not valid, or files are not those described.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not is_store(self.path):
            raise FileNotFoundError(f"{self.path}: no {DESCRIPTION}; galflowlab prepare makes one")
        text = _description_text(self.path / DESCRIPTION)
        self._digest = hashlib.sha256(text.encode()).hexdigest()
        try:
            self._read(json.loads(text))
        except (
            KeyError,
            TypeError,
            ValueError,
            AttributeError,
            OverflowError,
            RecursionError,
        ) as error:
            raise ValueError(
                f"{self.path}: not the description of a store ({one_line(error)})"
            ) from error
        self._check_files()

    def _read(self, data: dict[str, Any]) -> None:
        if data["kind"] != KIND or data["version"] != VERSION:
            raise ValueError(f"expected {KIND!r} version {VERSION}")
        self.columns = tuple(str(name) for name in data["columns"])
        self.context_names = tuple(str(name) for name in data["context_names"])
        if edf_columns(self.columns) != self.columns or self.context_names != tuple(CONTEXT):
            raise ValueError(f"columns {self.columns} or context {self.context_names}")
        galaxies, files = data["galaxies"], data["files"]
        self.names = tuple(str(g["name"]) for g in galaxies)
        self.counts = np.array([g["stars"] for g in galaxies], dtype=np.int64)
        self.provenance = tuple(dict(g["provenance"]) for g in galaxies)
        self.context = torch.tensor(
            [[float(g["context"][name]) for name in self.context_names] for g in galaxies],
            dtype=torch.float64,
        )
        self._sha256 = {str(f["name"]): str(f["sha256"]) for f in files}
        if any(name != Path(name).name for name in self._sha256) or SAMPLE not in self._sha256:
            raise ValueError("file names")
        stars = [f for f in files if f["name"] != SAMPLE]
        self.files = tuple(self.path / str(f["name"]) for f in stars)
        self.rows = tuple(int(f["rows"]) for f in stars)
        if not self.names or sum(self.rows) != self.counts.sum() or (self.counts < 1).any():
            raise ValueError("numbers of stars do not add up")

    def _check_files(self) -> None:
        """Compare headers only: hashes of terabytes are for `verify`."""
        for path, rows in zip(self.files, self.rows, strict=True):
            with open_parquet(path, (*self.columns, GALAXY)) as file:
                found = file.metadata.num_rows
            if found != rows:
                raise ValueError(f"{path}: expected {rows} stars, got {found}")

    def __repr__(self) -> str:
        return f"StarStore({str(self.path)!r}: {len(self)} galaxies, {self.n_stars} stars)"

    def __len__(self) -> int:
        return len(self.names)

    @property
    def n_stars(self) -> int:
        """Number of stars of all galaxies."""
        return int(self.counts.sum())

    def fingerprint(self) -> str:
        """Hash that changes with any star, name or context."""
        return self._digest

    def verify(self) -> None:
        """Read everything once; raises ValueError for a file that is not as it was written."""
        for name, digest in self._sha256.items():
            if sha256(self.path / name) != digest:
                raise ValueError(f"{self.path / name}: not the file that was written")

    def split(self, fraction: float, rng: np.random.Generator) -> tuple[StoredStars, TrainingSet]:
        """Hold out `fraction` of the galaxies, or of the stars if there are fewer than ten.

        Of the stars of few large galaxies it is less: what is held out must be in their sample.

        Returns
        -------
        training, held_out
            What is held out comes from the sample of each galaxy, and is in memory.
        """
        held = held_out_galaxies(self.names, fraction, rng)
        if held:
            kept = [i for i in range(len(self)) if i not in set(held)]
            return StoredStars(self, kept, first_row=0), self.sampled(held, 0, math.inf)
        everything, first = list(range(len(self))), self._first_row(fraction)
        return StoredStars(self, everything, first), self.sampled(everything, 0, first)

    def _first_row(self, fraction: float) -> int:
        """Row before which stars are held out: of no galaxy more than `fraction` of its sample.

        So every galaxy has stars to learn from, and all that is held out is in the sample.
        """
        row, galaxy = self._sample[ROW], self._sample[GALAXY]
        firsts = []
        for i, name in enumerate(self.names):
            rows = np.sort(row[galaxy == i])
            if len(rows) < 2:
                raise ValueError(f"{self.path}: {name!r} has too few stars to hold any out")
            firsts.append(rows[max(1, round(fraction * len(rows)))])
        return int(min(firsts))

    def sampled(self, galaxies: Sequence[int], first: float, last: float) -> TrainingSet:
        """Samples of some galaxies in memory, as far as rows from `first` to `last` go."""
        table = self._sample
        row, galaxy = table[ROW], table[GALAXY]
        within = (row >= first) & (row < last)
        matrix = np.column_stack([table[name] for name in self.columns])
        order = np.argsort(galaxy, kind="stable")
        order = order[within[order]]
        starts = np.searchsorted(galaxy[order], np.arange(len(self) + 1))
        stars = [
            torch.from_numpy(matrix[order[starts[i] : starts[i + 1]]].astype(np.float64))
            for i in galaxies
        ]
        filled = [i for i, s in enumerate(stars) if len(s)]
        which = [galaxies[i] for i in filled]
        return TrainingSet(
            tuple(self.names[i] for i in which),
            self.columns,
            self.context_names,
            [stars[i] for i in filled],
            self.context[which],
        )

    @cached_property
    def _sample(self) -> dict[str, np.ndarray]:
        path, names = self.path / SAMPLE, [*self.columns, GALAXY, ROW]
        with open_parquet(path, names) as file:
            sample = columns_of(path, lambda: file.read(columns=names, use_threads=False))
        if sample[GALAXY].min(initial=0) < 0 or sample[GALAXY].max(initial=0) >= len(self):
            raise OSError(f"{path}: damaged (stars of galaxies that are not described)")
        return sample


@dataclass(frozen=True)
class StoredStars:
    """Those stars of a store that a model is trained on.

    Parameters
    ----------
    store
        Where they are.
    galaxies
        Places in the store of the galaxies to learn from.
    first_row
        Stars before this row are left out.
    """

    store: StarStore
    galaxies: list[int]
    first_row: int

    @property
    def names(self) -> tuple[str, ...]:
        """Of the galaxies to learn from."""
        return tuple(self.store.names[i] for i in self.galaxies)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the features."""
        return self.store.columns

    @property
    def context_names(self) -> tuple[str, ...]:
        """Names of the context entries."""
        return self.store.context_names

    @property
    def context(self) -> Tensor:
        """Physical, shape (galaxy, context)."""
        return self.store.context[self.galaxies]

    @property
    def n_stars(self) -> int:
        """Number of stars to learn from."""
        return int(self.store.counts[self.galaxies].sum()) - self.first_row

    def __len__(self) -> int:
        return len(self.galaxies)

    def sample(self) -> TrainingSet:
        """Some stars of every galaxy, in memory: enough to fit transforms to."""
        return self.store.sampled(self.galaxies, self.first_row, math.inf)


def _description_text(path: Path) -> str:
    if path.stat().st_size > _MAX_DESCRIPTION:
        raise ValueError(f"{path}: larger than a description can be")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not text ({error})") from error
