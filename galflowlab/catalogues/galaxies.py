"""Many galaxies onto disk: a file for each, and a table of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import QTable

from galflowlab.catalogues.folder import Catalogue
from galflowlab.catalogues.parts import Part
from galflowlab.catalogues.plan import Plan
from galflowlab.catalogues.requests import (
    integer_seed,
    names_of_columns,
    number_of_galaxies,
    star_numbers,
)
from galflowlab.edf import EDF
from galflowlab.schema import CONTEXT
from galflowlab.tables import write_table

if TYPE_CHECKING:
    from distributed import Client

INDEX = "_index.parquet"  # with this first letter, readers of folders skip it
_GALAXIES = "galaxies"
_STARS = 1  # of the seeds that are derived from one; `contexts` has another


def write_galaxies(
    edf: EDF,
    contexts: Sequence[Mapping[str, Any]],
    stars: int | Sequence[int] | np.ndarray,
    folder: str | Path,
    *,
    seed: int,
    columns: Iterable[str] | None = None,
    workers: int = 1,
    client: Client | None = None,
    progress: bool = True,
) -> Catalogue:
    """Write many galaxies, a Parquet file each, and a table of them.

    As `write_catalogue` does: in little memory beside that of the contexts, going on when called
    again, with the same bytes and units.

    Parameters
    ----------
    edf
        What draws.
    contexts
        Of the galaxies, as for `EDF.sample`: such as those of `draw_contexts`.
    stars
        Of every galaxy, or of each: such as `star_counts` gives.
    folder
        To make, or to go on with. Gets ``galaxies/galaxy-00000.parquet`` and so on, which are
        galaxies for `galflowlab.read`, and at the end ``_index.parquet``: name, file, seed,
        number of stars, context and support (`EDF.support`) of each. ``EDF.sample`` with the
        seed and context of a galaxy draws the same stars.
    seed
        From which those of the galaxies are derived.
    columns, workers, client, progress
        As of `write_catalogue`.

    Returns
    -------
    Catalogue

    Raises
    ------
    ValueError, OSError
        As of `write_catalogue`, and for no contexts, more than 100 000, or numbers of stars that
        are not whole, not positive or not one for each.
    """
    seed = integer_seed(seed)
    counts = star_numbers(stars, number_of_galaxies(len(contexts)))
    whole = [edf.complete(context) for context in contexts]
    parts = [
        Part(
            file=f"{_GALAXIES}/galaxy-{i:05d}.parquet",
            name=f"s{seed}_galaxy_{i:05d}",
            context=context,
            seed=_derived(seed, i),
            n=count,
            start=0,
            stop=count,
        )
        for i, (context, count) in enumerate(zip(whole, counts, strict=True))
    ]
    digest = hashlib.sha256(json.dumps([whole, counts]).encode()).hexdigest()
    content = {"galaxies": len(parts), "stars": sum(counts), "seed": seed, "contexts": digest}
    wanted = edf.at(whole[0]).wanted(names_of_columns(columns))
    plan = Plan(edf, Path(folder), wanted, parts, content, workers=workers, client=client)
    with plan.claimed():
        (plan.folder / _GALAXIES).mkdir(exist_ok=True)
        made = plan.made(progress=progress)
        write_table(_index(edf, parts), plan.folder / INDEX, {"seed": seed})
        return made


def _index(edf: EDF, parts: Sequence[Part]) -> QTable:
    """Table of galaxies: context in the units of `schema.CONTEXT`, support in per cent."""
    rows = np.array([list(part.context.values()) for part in parts])
    table = QTable(
        {
            "name": [part.name for part in parts],
            "file": [part.file for part in parts],
            "seed": np.array([part.seed for part in parts], np.int64),
            "stars": np.array([part.n for part in parts], np.int64),
        }
    )
    for name, values in zip(edf.context_names, rows.T, strict=True):
        table[name] = values * CONTEXT[name].unit
    table["support"] = edf.population.support_many(rows)
    return table


def _derived(seed: int, galaxy: int) -> int:
    """Seed of one galaxy, below 2^63 so that tables can hold it."""
    sequence = np.random.SeedSequence(seed, spawn_key=(_STARS, galaxy))
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))
