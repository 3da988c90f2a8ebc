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
from galflowlab.catalogues.plan import MOST_FILES, Plan, integer_seed
from galflowlab.edf import EDF
from galflowlab.frozen import at_least_one
from galflowlab.schema import CONTEXT
from galflowlab.tables import write_table

if TYPE_CHECKING:
    from distributed import Client

INDEX = "index.parquet"
_GALAXIES = "galaxies"
_STARS = 1  # of the seeds that are derived from one; `contexts` has another


def write_galaxies(
    edf: EDF,
    contexts: Sequence[Mapping[str, Any]],
    stars: int | Sequence[int],
    folder: str | Path,
    *,
    seed: int,
    columns: Iterable[str] | None = None,
    workers: int = 1,
    client: Client | None = None,
    progress: bool = True,
) -> Catalogue:
    """Write many galaxies, a Parquet file each, and a table of them.

    Memory, interruptions, bytes, units and errors are as of `write_catalogue`.

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
        galaxies for `galflowlab.read`, and at the end ``index.parquet``: name, file, seed,
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
        As of `write_catalogue`, and if there are no contexts or not as many numbers of stars.
    """
    seed = integer_seed(seed)
    whole = [edf.complete(context) for context in contexts]
    counts = [stars] * len(whole) if isinstance(stars, int) else list(stars)
    if not 1 <= len(whole) <= MOST_FILES or len(counts) != len(whole):
        raise ValueError(
            f"expected 1 to {MOST_FILES} galaxies and numbers of stars for all of them, "
            f"got {len(whole)} and {len(counts)}"
        )
    parts = [
        Part(
            file=f"{_GALAXIES}/galaxy-{i:05d}.parquet",
            name=f"s{seed}_galaxy_{i:05d}",
            context=context,
            seed=_derived(seed, i),
            n=at_least_one(count),
            start=0,
            stop=count,
        )
        for i, (context, count) in enumerate(zip(whole, counts, strict=True))
    ]
    digest = hashlib.sha256(json.dumps([whole, counts]).encode()).hexdigest()
    content = {"galaxies": len(parts), "stars": sum(counts), "seed": seed, "contexts": digest}
    wanted = edf.at(whole[0]).wanted(columns)
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
