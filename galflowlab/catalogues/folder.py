"""The folder of a catalogue, and whose it is."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from galflowlab.catalogues.description import DESCRIPTION, check_description, write_description

_LOCK = ".galflowlab-catalogue.lock"
# As `files.replacing` calls what it gives to write.
_LEFT_OVER = re.compile(
    r"\.(part-\d{5}|galaxy-\d{5}|_index|_catalogue)-[a-z0-9_]{8}\.(parquet|json)"
)


@dataclass(frozen=True)
class Catalogue:
    """A catalogue that is whole.

    Parameters
    ----------
    folder
        Where it is.
    files
        Its files of stars, in order.
    stars
        How many they hold.
    kept
        Files that were there before, from a run that was interrupted or from the same call.
    """

    folder: Path
    files: tuple[Path, ...]
    stars: int
    kept: int


@contextlib.contextmanager
def claimed(folder: Path, description: Mapping[str, Any]) -> Iterator[None]:
    """Make the folder, or go on with one that has this description; no other process may.

    What processes that were killed have left of files is removed.

    Raises
    ------
    FileNotFoundError
        If the folder above is not there.
    FileExistsError
        If this holds something else: no catalogue, or another one; says what differs.
    BlockingIOError
        If another process is writing it.
    """
    if not folder.parent.is_dir():
        raise FileNotFoundError(f"{folder.parent}: no such folder")
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"{folder}: is a file; expected a folder for a catalogue")
    folder.mkdir(exist_ok=True)
    _refuse_others(folder)  # before anything is written there
    lock = folder / _LOCK
    try:
        with FileLock(lock, blocking=False):
            try:
                if (folder / DESCRIPTION).exists():
                    check_description(folder, description)
                else:
                    write_description(folder, description)
                _remove_left_overs(folder)
                yield
                _remove_left_overs(folder)  # of workers that were lost on the way
            finally:
                lock.unlink(missing_ok=True)
    except Timeout:
        raise BlockingIOError(f"{folder}: another process is writing this catalogue") from None


def _remove_left_overs(folder: Path) -> None:
    for path in folder.rglob(".*"):
        if _LEFT_OVER.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _refuse_others(folder: Path) -> None:
    """Raise FileExistsError for a folder with something in it and no description."""
    # In this order: another process writes its description before its stars.
    holds = any(not entry.name.startswith(".") for entry in folder.iterdir())
    if holds and not (folder / DESCRIPTION).exists():
        raise FileExistsError(f"{folder}: is not empty and no catalogue; choose another folder")
