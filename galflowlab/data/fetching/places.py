"""Where fetched data and what is known of them are kept."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import filelock
import pooch

from galflowlab.data.fetching.errors import StoppedError

CACHE = "GALFLOWLAB_CACHE"
"""Environment variable that names another cache folder."""

_POLL = 0.2  # s


def cache_folder() -> Path:
    """Folder of fetched data: that of the system for caches, or what GALFLOWLAB_CACHE names."""
    chosen = os.environ.get(CACHE, "")
    return Path(chosen).expanduser() if chosen else pooch.os_cache("galflowlab")


def data_folder(name: str, to: str | Path | None = None) -> Path:
    """Folder of the files of data set `name`, unless the user has said where."""
    return cache_folder() / "data" / name if to is None else Path(to).expanduser()


def lock_file(name: str) -> Path:
    """File with the hashes of data set `name`."""
    return cache_folder() / "locks" / f"{name}.json"


@contextlib.contextmanager
def alone_in(folder: Path, stop: threading.Event) -> Iterator[None]:
    """Wait until no other process of this user fetches into `folder`, and keep them out.

    The lock is the system's: it ends with the process, however that ends.
    """
    key = sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    path = cache_folder() / "locks" / f".{key}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path)
    while True:
        if stop.is_set():
            raise StoppedError("stopped")
        try:
            lock.acquire(timeout=_POLL)
            break
        except filelock.Timeout:
            continue
    try:
        yield
    finally:
        lock.release()


def visible_files(folder: Path) -> list[Path]:
    """All files under `folder` that are not hidden, in order of their names."""
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
