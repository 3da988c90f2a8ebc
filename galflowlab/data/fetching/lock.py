"""The user's lock file: the hash that each file had when it was first seen."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import filelock
import pooch

from galflowlab.data.manifests import HASH
from galflowlab.files import replacing

_FORMAT = 1
_WAIT = 60  # s; writing takes milliseconds


@dataclass(frozen=True)
class Pinned:
    """What a lock file holds of one data set."""

    hashes: dict[str, str] = field(default_factory=dict)  # file name -> "md5:…" or "sha256:…"
    record: tuple[str, ...] = ()  # all files of the repository's record
    licence: str = ""  # as the record calls it


def read_pinned(path: Path) -> Pinned:
    """Read a lock file; without one, nothing is pinned.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return Pinned()
    try:
        data = json.loads(text)
        if data["format"] != _FORMAT:
            raise ValueError
        pinned = Pinned(dict(data["hashes"]), tuple(data["record"]), data["licence"])
        if not _is_valid(pinned):
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError(f"{path}: not a lock file of galflowlab; remove it to pin anew") from None
    return pinned


def pin(
    path: Path, hashes: Mapping[str, str], *, record: Iterable[str] = (), licence: str = ""
) -> Pinned:
    """Add `hashes` to a lock file; a hash that is pinned already stays.

    Processes that pin at the same time wait for each other.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(path.with_name(f".{path.name}.lock"), timeout=_WAIT):
        old = read_pinned(path)
        new = Pinned({**hashes, **old.hashes}, tuple(record) or old.record, licence or old.licence)
        if new != old:
            with replacing(path) as partial:
                data: dict[str, Any] = {"format": _FORMAT, **asdict(new)}
                partial.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n")
    return new


def hash_of(path: Path, like: str = "sha256:") -> str:
    """Hash of a file, by the algorithm of `like`."""
    algorithm = like.partition(":")[0]
    return f"{algorithm}:{pooch.file_hash(str(path), alg=algorithm)}"


def _is_valid(pinned: Pinned) -> bool:
    return all(HASH.fullmatch(value) for value in pinned.hashes.values()) and all(
        isinstance(name, str) for name in (*pinned.record, pinned.licence)
    )
