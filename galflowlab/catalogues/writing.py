"""One galaxy onto disk: streamed, resumable, and the same bytes however it is made."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from galflowlab.catalogues.folder import Catalogue
from galflowlab.catalogues.parts import Part
from galflowlab.catalogues.plan import Plan
from galflowlab.catalogues.requests import MOST_FILES, integer_seed, names_of_columns
from galflowlab.edf import EDF
from galflowlab.frozen import at_least_one
from galflowlab.parallel import CHUNK
from galflowlab.population import ExtrapolationWarning, why_outside

if TYPE_CHECKING:
    from distributed import Client

PARTITION = 1 << 22
"""Stars of one file: some 150 MB."""


def write_catalogue(
    edf: EDF,
    n: int,
    context: Mapping[str, Any],
    folder: str | Path,
    *,
    seed: int,
    columns: Iterable[str] | None = None,
    partition: int = PARTITION,
    workers: int = 1,
    client: Client | None = None,
    progress: bool = True,
) -> Catalogue:
    """Write any number of stars of one galaxy as a folder of Parquet files.

    Takes the memory of a block of stars, whatever `n`. Interrupted or killed, the same call
    goes on: files that are whole are kept. The stars are those of `EDF.sample`, and the bytes
    do not depend on workers or interruptions. They do on the versions of the packages that
    ``_catalogue.json`` names, on the type of device, and on the kind of processor, as matrix
    products may round differently.

    Parameters
    ----------
    edf
        What draws.
    n
        Number of stars.
    context
        Of the galaxy, as for `EDF.sample`.
    folder
        To make, or to go on with. Gets ``_catalogue.json``, which says what it holds, and
        ``part-00000.parquet`` and so on, whose rows in order are the stars. Each is a table
        with units for `astropy.table.QTable.read`, together they are a data set for
        `pyarrow.dataset.dataset`. `galflowlab.read` takes a catalogue of one file, which is a
        galaxy, and refuses files that are parts of one.
    seed
        The same seed gives the same stars.
    columns
        Names wanted, by default all and ``mass``: an equal share among the `n` stars.
    partition
        Stars of a file, rounded up to a multiple of 4096.
    workers
        Processes. With one, this process draws, on all its cores.
    client
        Of a Dask cluster, which then draws instead, a file to a task. All its workers must see
        `folder` under the same path and have the same versions of this and other packages. A
        thread for each worker is best: Dask gives a process one core to draw with.
    progress
        Show a progress bar.

    Returns
    -------
    Catalogue

    Warns
    -----
    ExtrapolationWarning
        At a context whose `EDF.support` is below 1.

    Raises
    ------
    ValueError
        For an unknown or non-finite context entry, unknown or repeated columns, less than one
        star or worker, a negative seed, more than 100 000 files, an asynchronous client, or a Dask
        worker with other versions.
    FileExistsError
        If the folder holds something else.
    BlockingIOError
        If another process is writing it.
    ChildProcessError
        If processes died; the same call goes on.
    OSError
        If files cannot be written; the same call goes on.

    Examples
    --------
    >>> import galflowlab
    >>> from galflowlab import catalogues
    >>> edf = galflowlab.load("mock")
    >>> made = catalogues.write_catalogue(
    ...     edf, 10_000, {"log10_mstar": 10.7}, "galaxy", seed=1, partition=4096, progress=False
    ... )
    >>> made.stars, [path.name for path in made.files]
    (10000, ['part-00000.parquet', 'part-00001.parquet', 'part-00002.parquet'])
    """
    n, seed = at_least_one(n), integer_seed(seed)
    size = -(-at_least_one(partition) // CHUNK) * CHUNK
    if n > size * MOST_FILES:
        raise ValueError(f"expected at most {MOST_FILES} files, got {-(-n // size)}")
    at = edf.at(context)
    parts = [
        Part(
            file=f"part-{i:05d}.parquet",
            name=f"s{seed}_part_{i:05d}",
            context=at.context,
            seed=seed,
            n=n,
            start=start,
            stop=min(start + size, n),
        )
        for i, start in enumerate(range(0, n, size))
    ]
    content = {"stars": n, "context": at.context, "seed": seed, "stars_per_file": size}
    wanted = at.wanted(names_of_columns(columns))
    plan = Plan(edf, Path(folder), wanted, parts, content, workers=workers, client=client)
    if not edf.population.inside(at.context):
        text = why_outside(edf.population, at.context)
        warnings.warn(text, ExtrapolationWarning, stacklevel=2)
    with plan.claimed():
        return plan.made(progress=progress)
