"""Parts of a catalogue that are planned, where they go, and what the folder says of them."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from galflowlab.catalogues import running
from galflowlab.catalogues.description import KIND
from galflowlab.catalogues.folder import Catalogue, claimed
from galflowlab.catalogues.parts import Part, Work, model_bytes, versions
from galflowlab.catalogues.requests import number_of_workers
from galflowlab.edf import EDF
from galflowlab.schema import COLUMNS

if TYPE_CHECKING:
    from distributed import Client

_VERSION = 1


class Plan:
    """Parts of a catalogue, where they go, and what says so.

    Parameters
    ----------
    edf
        What draws them.
    folder
        Of the catalogue.
    columns
        Of every file.
    parts
        At least one, in order.
    content
        What `parts` are, as JSON: with the model it determines the catalogue.
    workers, client
        What draws them; see `write_catalogue`.

    Raises
    ------
    ValueError
        For no or repeated columns, less than one worker, or an asynchronous client.
    """

    def __init__(
        self,
        edf: EDF,
        folder: Path,
        columns: tuple[str, ...],
        parts: list[Part],
        content: dict[str, Any],
        *,
        workers: int,
        client: Client | None,
    ) -> None:
        if not columns or len(set(columns)) < len(columns):
            raise ValueError(f"expected distinct columns, at least one, got {list(columns)}")
        workers = number_of_workers(workers)
        if client is not None and client.asynchronous:
            raise ValueError("expected a synchronous Dask client, got an asynchronous one")
        self._edf, self._parts, self._workers, self._client = edf, parts, workers, client
        self.folder = folder.absolute()
        self._model = model_bytes(edf)
        digest = hashlib.sha256(self._model).hexdigest()
        device = edf.at(parts[0].context).sampler.device.type
        description = {
            "kind": KIND,
            "version": _VERSION,
            **content,
            "columns": {name: COLUMNS[name].unit.to_string() for name in columns},
            "model": {"sha256": digest, "preset": edf.preset},
            "device": device,
            "versions": versions(),
        }
        self._work = Work(self.folder, columns, digest, device, versions(), description)

    def claimed(self) -> contextlib.AbstractContextManager[None]:
        """Make the folder ours while its files are made."""
        return claimed(self.folder, self._work.description)

    def made(self, *, progress: bool) -> Catalogue:
        """Make the files that are not there yet."""
        missing = [part for part in self._parts if not self._work.has(part)]
        total, left = (sum(map(len, parts)) for parts in (self._parts, missing))
        done = self._running(missing)
        with (
            contextlib.closing(done),
            tqdm(
                total=total,
                initial=total - left,
                unit="star",
                unit_scale=True,
                desc="draw",
                disable=not progress,
            ) as bar,
        ):
            for part in done:
                bar.update(len(part))
        files = tuple(self.folder / part.file for part in self._parts)
        return Catalogue(self.folder, files, total, len(files) - len(missing))

    def _running(self, parts: list[Part]) -> running.Done:
        if self._client is not None and parts:
            return running.on_cluster(self._client, self._model, self._work, parts)
        if self._workers > 1 and parts:
            return running.in_processes(self._model, self._work, parts, self._workers)
        return running.here(self._edf, self._work, parts)
