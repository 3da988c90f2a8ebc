"""The folder of a catalogue: what it says of itself, and whose it is."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from galflowlab.catalogues.parts import DESCRIPTION
from galflowlab.files import replacing

_LOCK = ".lock"
# As `files.replacing` calls what it gives to write.
_LEFT_OVER = re.compile(
    r"\.(part-\d{5}|galaxy-\d{5}|index|_catalogue)-[a-z0-9_]{8}\.(parquet|json)"
)
_SHOWN = 3  # differences that a message lists


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
    lock = folder / _LOCK
    try:
        with FileLock(lock, blocking=False):
            try:
                _describe(folder, description)
                for path in folder.rglob(".*"):
                    if _LEFT_OVER.fullmatch(path.name):
                        path.unlink(missing_ok=True)
                yield
            finally:
                lock.unlink(missing_ok=True)
    except Timeout:
        raise BlockingIOError(f"{folder}: another process is writing this catalogue") from None


def _describe(folder: Path, description: Mapping[str, Any]) -> None:
    """Write the description, or compare it with the one that is there."""
    path = folder / DESCRIPTION
    if not path.exists():
        if any(not entry.name.startswith(".") for entry in folder.iterdir()):
            raise FileExistsError(f"{folder}: is not empty and no catalogue; choose another folder")
        text = json.dumps(description, indent=1, allow_nan=False)
        with replacing(path) as partial:
            partial.write_text(text + "\n", encoding="utf-8")
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise OSError(f"{path}: damaged ({error}); expected the JSON of a catalogue") from error
    there, here = _flat(found), _flat(description)
    differing = [name for name in {**here, **there} if here.get(name) != there.get(name)]
    if differing:
        said = [f"{name} {there.get(name)} and not {here.get(name)}" for name in differing]
        more = f" and {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
        raise FileExistsError(
            f"{folder}: holds another catalogue, with {', '.join(said[:_SHOWN])}{more}; "
            "choose another folder"
        )


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """Entries of nested JSON objects by their dotted names."""
    if not isinstance(value, Mapping):
        return {name: value}
    out: dict[str, Any] = {}
    for key, inner in value.items():
        out |= _flat(inner, f"{name}.{key}" if name else str(key))
    return out
