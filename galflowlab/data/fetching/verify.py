"""A file is what was published and what was seen before, or both versions are kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from galflowlab.data.fetching.client import Client
from galflowlab.data.fetching.download import Partial, download
from galflowlab.data.fetching.errors import HashMismatchError
from galflowlab.data.fetching.lock import hash_of, pin
from galflowlab.data.fetching.records import RemoteFile

TellOfFile = Callable[[str, int], None]
"""Takes the name of a file and how many bytes of it are there."""


def bring(
    remote: RemoteFile, pinned: str, target: Path, pins: Path, client: Client, tell: TellOfFile
) -> str:
    """Make sure that `target` is the file it should be, and return its hash.

    Parameters
    ----------
    remote
        The file at its origin.
    pinned
        Hash of the lock file `pins`; empty the first time, when it is added there.
    tell
        Hears of the progress.

    Raises
    ------
    HashMismatchError
        If what is there, or what arrives, is another file. What is there stays; what arrives
        is kept beside it under a hidden name.
    FetchError
        If it cannot be downloaded.
    """
    expected = tuple(dict.fromkeys(value for value in (pinned, remote.hash) if value))
    if target.is_file() and _is(target, expected):
        tell(remote.name, target.stat().st_size)
        return _pinned(pins, remote.name, expected or (hash_of(target),))
    target.parent.mkdir(parents=True, exist_ok=True)
    arrived = _kept_before(remote, target)
    if arrived is None:
        arrived = _downloaded(remote, target, client, tell)
    if _is(arrived, expected) and not target.exists():
        # Pinned first: killed in between, the next run finds the whole partial file.
        value = _pinned(pins, remote.name, expected or (hash_of(arrived),))
        Partial(arrived).become(target)
        return value
    kept = _beside(target, hash_of(arrived, remote.hash or "sha256:"))
    Partial(arrived).become(kept)
    raise HashMismatchError(_what_differs(remote, pinned, target, kept, pins))


def _downloaded(remote: RemoteFile, target: Path, client: Client, tell: TellOfFile) -> Path:
    """Download; if the hash is wrong, once more from the beginning."""
    partial = Partial.of(target)
    for last in (False, True):
        download(remote, partial, client, lambda position: tell(remote.name, position))
        if last or not remote.hash or _is(partial.path, (remote.hash,)):
            break
        partial.discard()
    return partial.path


def _is(path: Path, expected: tuple[str, ...]) -> bool:
    return all(hash_of(path, value) == value for value in expected)


def _pinned(pins: Path, name: str, hashes: tuple[str, ...]) -> str:
    return pin(pins, {name: hashes[0]}).hashes[name]


def _beside(target: Path, value: str) -> Path:
    return target.with_name(f".{target.name}.{value.partition(':')[2][:8]}")


def _kept_before(remote: RemoteFile, target: Path) -> Path | None:
    """What an earlier mismatch has left, so that it is not downloaded every time."""
    if not remote.hash:
        return None
    path = _beside(target, remote.hash)
    return path if path.is_file() and _is(path, (remote.hash,)) else None


def _what_differs(remote: RemoteFile, pinned: str, target: Path, kept: Path, pins: Path) -> str:
    like = pinned or remote.hash
    here, came = hash_of(target, like) if target.exists() else "", hash_of(kept, like)
    parts = [f"{target}: expected {like}"]
    parts += [f"the file there has {here}"] if here else []
    parts += [f"what arrived has {came} and is kept as {kept.name}"]
    if remote.hash and hash_of(kept, remote.hash) != remote.hash:
        return "; ".join([*parts, f"its origin publishes {remote.hash} and sends another file"])
    removed = [str(target)] if here else []
    removed += [str(pins)] if pinned and came != pinned else []
    return "; ".join([*parts, f"to take it, remove {' and '.join(removed)} and fetch again"])
