"""From the name of a data set to verified files."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

from tqdm.auto import tqdm

from galflowlab.data.fetching.client import Client, Patience
from galflowlab.data.fetching.errors import FetchError, OfflineError, StoppedError
from galflowlab.data.fetching.keys import key_for
from galflowlab.data.fetching.lock import Pinned, hash_of, pin, read_pinned
from galflowlab.data.fetching.places import alone_in, data_folder, lock_file, visible_files
from galflowlab.data.fetching.records import RemoteFile, chosen, pattern_files, zenodo_record
from galflowlab.data.fetching.unpack import is_archive, unpack
from galflowlab.data.fetching.verify import bring
from galflowlab.data.manifests import Manifest, manifest

_WORKERS = 4  # files at a time; Zenodo allows few connections


def fetch(
    name: str | Path,
    files: Iterable[str] | None = None,
    to: str | Path | None = None,
    *,
    offline: bool = False,
    progress: bool = True,
) -> list[Path]:
    """Download a data set, or what is missing of it, and verify every file.

    A download that was interrupted continues where it was. A file has its final name only when
    it is whole and has the hash that its repository publishes and that the user's lock file
    holds from the first time. If all files are there, no network is needed.

    Parameters
    ----------
    name
        A data set, see `manifests`, or the path of a manifest of your own (``….toml``).
    files
        Names of files, or patterns like ``"*.npy"``; all files if left out.
    to
        Folder; by default one in the cache of the user, see `cache_folder`.
    offline
        Never use the network.
    progress
        Show a bar.

    Returns
    -------
    Paths of the files; of an archive, the path of the folder that it was unpacked to.

    Raises
    ------
    ValueError
        If there is no such data set or file, or an archive is not safe to unpack.
    HashMismatchError
        If a file is not the one that was published or fetched before; both files are kept.
    OfflineError
        If a file is missing and `offline` is set.
    FetchError
        If a server refuses or stays away; what has arrived is kept, the next call goes on.
    OSError
        If files cannot be written, or have to be got by hand: the message says how.
    """
    wanted = None if files is None else [files] if isinstance(files, str) else list(files)
    return fetch_from(manifest(name), wanted, to, offline=offline, progress=progress)


def fetch_from(
    source: Manifest,
    files: list[str] | None = None,
    to: str | Path | None = None,
    *,
    offline: bool = False,
    progress: bool = True,
    patience: Patience = Patience(),  # noqa: B008
) -> list[Path]:
    """`fetch` with a manifest, and with as much `patience` as wanted."""
    folder = data_folder(source.name, to)
    if source.origin == "generated":
        raise ValueError(f"{source.name} is made, not fetched: {source.how}")
    if source.origin == "by hand":
        return _put_there_by_hand(source, files, folder)
    names = _names(source, files, read_pinned(lock_file(source.name)))
    if offline or (names is not None and all((folder / name).is_file() for name in names)):
        ready = _present(source, names, folder)
        if ready is not None:
            return _unpacked(ready, folder)
    if offline:
        raise OfflineError(_missing(source, names, folder))
    client = Client(patience, key_for(source))
    folder.mkdir(parents=True, exist_ok=True)
    with alone_in(folder, client.stop):
        remote = _remote(source, files, client)
        hashes = _bring_all(source, remote, folder, client, progress)
    return _unpacked([(folder / file.name, hashes[file.name]) for file in remote], folder)


def present(name: str | Path, to: str | Path | None = None) -> list[Path]:
    """Return the files of a data set that are in its folder, whole ones only.

    Parameters are those of `fetch`. No hash is checked and nothing is fetched.
    """
    return visible_files(data_folder(manifest(name).name, to))


def _names(source: Manifest, files: list[str] | None, pinned: Pinned) -> list[str] | None:
    """Names of the files that are wanted; None if only the repository knows them."""
    if source.origin == "zenodo":
        return chosen(source.name, pinned.record, files) if pinned.record else None
    names = [*source.listed, *(name for name in pinned.hashes if name not in source.listed)]
    if files is None:
        if not source.listed:
            raise ValueError(f"{source.name}: say which files, {source.file_name}. {source.how}")
        return list(source.listed)
    patterns = [name for name in files if set(name) & set("*?[")]
    exact = [file.name for file in pattern_files(source, (n for n in files if n not in patterns))]
    return list(dict.fromkeys([*exact, *chosen(source.name, names, patterns)]))


def _present(
    source: Manifest, names: list[str] | None, folder: Path
) -> list[tuple[Path, str]] | None:
    """Return path and hash of every file if all are there as pinned, else None."""
    hashes = read_pinned(lock_file(source.name)).hashes
    found = []
    for name in names or ():
        path, expected = folder / name, hashes.get(name, "")
        if not (path.is_file() and expected and hash_of(path, expected) == expected):
            return None
        found.append((path, expected))
    return found or None


def _remote(source: Manifest, files: list[str] | None, client: Client) -> list[RemoteFile]:
    if source.origin == "zenodo":
        record = zenodo_record(source, client)
        by_name = {file.name: file for file in record.files}
        pin(
            lock_file(source.name),
            {file.name: file.hash for file in record.files},
            record=by_name,
            licence=record.licence,
        )
        return [by_name[name] for name in chosen(source.name, list(by_name), files)]
    names = _names(source, files, read_pinned(lock_file(source.name)))
    return list(pattern_files(source, names or ()))


def _bring_all(
    source: Manifest, remote: list[RemoteFile], folder: Path, client: Client, progress: bool
) -> dict[str, str]:
    """Bring all files, some at a time; the first failure ends the others where they are."""
    pins, pinned = lock_file(source.name), read_pinned(lock_file(source.name)).hashes
    _check_space(remote, folder)
    hashes, failures = {}, []
    with _bar(remote, progress) as tell, ThreadPoolExecutor(_WORKERS, "fetch") as pool:
        jobs = {
            pool.submit(
                bring, file, pinned.get(file.name, ""), folder / file.name, pins, client, tell
            ): file
            for file in remote
        }
        try:
            for job in as_completed(jobs):
                try:
                    hashes[jobs[job].name] = job.result()
                except (OSError, ValueError) as error:
                    client.stop.set()
                    failures.append(error)
        finally:
            client.stop.set()  # also when the user interrupts: threads end at their next chunk
    told = [error for error in failures if not isinstance(error, StoppedError)]
    if told:
        raise told[0]
    return hashes


@contextmanager
def _bar(remote: list[RemoteFile], progress: bool) -> Iterator[_Teller]:
    sizes = [file.size for file in remote]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    with tqdm(total=total, unit="B", unit_scale=True, disable=not progress) as bar:
        yield _Teller(bar)


class _Teller:
    """Adds up what the threads tell."""

    def __init__(self, bar: tqdm) -> None:
        self._bar, self._lock = bar, threading.Lock()
        self._positions: dict[str, int] = {}

    def __call__(self, name: str, position: int) -> None:
        with self._lock:
            before = self._positions.get(name, 0)
            self._positions[name] = position
            self._bar.update(position - before)


def _check_space(remote: list[RemoteFile], folder: Path) -> None:
    missing = [file for file in remote if not (folder / file.name).exists()]
    needed, free = sum(file.size or 0 for file in missing), shutil.disk_usage(folder).free
    if needed > free:
        raise FetchError(f"{folder}: {needed:.2g} bytes are needed, {free:.2g} are free")


def _unpacked(files: list[tuple[Path, str]], folder: Path) -> list[Path]:
    if not any(is_archive(path) for path, _ in files):
        return [path for path, _ in files]
    with alone_in(folder, threading.Event()):
        return [unpack(path, source=value) if is_archive(path) else path for path, value in files]


def _put_there_by_hand(source: Manifest, files: list[str] | None, folder: Path) -> list[Path]:
    found = {path.relative_to(folder).as_posix(): path for path in visible_files(folder)}
    if not found:
        raise FileNotFoundError(
            f"{source.name} has to be got by hand: {source.how} Put the files into {folder} and "
            f"fetch again. See {source.page}"
        )
    return [found[name] for name in chosen(source.name, list(found), files)]


def _missing(source: Manifest, names: list[str] | None, folder: Path) -> str:
    if names is None:
        return f"{source.name}: offline, and it has never been fetched; do so once with a network"
    absent = [name for name in names if not (folder / name).is_file()]
    what = (
        f"{len(absent)} of {len(names)} files are not in"
        if absent
        else "files have changed or were never verified in"
    )
    first = f", {absent[0]} the first" if absent else ""
    return f"{source.name}: offline, and {what} {folder}{os.sep}{first}"
