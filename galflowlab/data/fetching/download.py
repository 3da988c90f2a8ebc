"""One file from a server to a partial file, which the next attempt continues."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests

from galflowlab.data.addresses import shown
from galflowlab.data.fetching.client import Client
from galflowlab.data.fetching.errors import FetchError, PassingError, StoppedError
from galflowlab.data.fetching.records import RemoteFile

_CHUNK = 2**18  # bytes
_PROGRESS = 2**20  # bytes that make an attempt worth another round of patience
_RANGE = re.compile(r"bytes (\d+)-\d*/(\d+|\*)")

Tell = Callable[[int], None]
"""Takes how many bytes of the file are there."""


@dataclass(frozen=True)
class Partial:
    """A file that is not whole yet; hidden, so that no reader takes it for data."""

    path: Path

    @classmethod
    def of(cls, target: Path) -> Partial:
        """Where the beginning of `target` is kept."""
        return cls(target.with_name(f".{target.name}.partial"))

    @property
    def notes(self) -> Path:
        """What is known of the version that is being downloaded."""
        return self.path.with_name(f"{self.path.name}.json")

    def begun(self, remote: RemoteFile) -> tuple[int, str]:
        """Return how many bytes can be kept, and the validator that they belong to."""
        try:
            size, notes = self.path.stat().st_size, json.loads(self.notes.read_bytes())
            validator, url = str(notes["validator"]), notes["url"]
        except (OSError, ValueError, KeyError, TypeError):
            return 0, ""
        usable = url == remote.url and (validator or remote.hash)
        fits = remote.size is None or size <= remote.size
        return (size, validator) if usable and fits else (0, "")

    def begin(self, remote: RemoteFile, validator: str) -> None:
        """Start again: empty first, so that notes never describe bytes of another version."""
        self.path.write_bytes(b"")
        self.notes.write_text(json.dumps({"url": remote.url, "validator": validator}))

    def discard(self) -> None:
        """Forget what there is."""
        for path in (self.path, self.notes):
            path.unlink(missing_ok=True)

    def become(self, target: Path) -> None:
        """Take the name of the whole file, at once."""
        self.path.replace(target)
        self.notes.unlink(missing_ok=True)


def download(remote: RemoteFile, partial: Partial, client: Client, tell: Tell) -> None:
    """Complete `partial`; what an earlier run left of it is kept if it is of the same version.

    Raises
    ------
    FetchError
        If the server refuses, stays away or sends something else; what has arrived is kept.
    OSError
        If the file cannot be written.
    """
    client.insist(lambda: _attempt(remote, partial, client, tell))


def _attempt(remote: RemoteFile, partial: Partial, client: Client, tell: Tell) -> None:
    have, validator = partial.begun(remote)
    if have and have == remote.size:
        tell(have)
        return
    headers = {}
    if have:
        headers["Range"] = f"bytes={have}-"
        if validator:
            headers["If-Range"] = validator
    with client.open(remote.url, headers) as response:
        if (
            response.status_code == 416
            and response.headers.get("Content-Range") == f"bytes */{have}"
        ):
            tell(have)
            return
        start, total = _extent(response, have, validator, partial, remote)
        if start == 0:
            partial.begin(remote, _validator(response))
        tell(start)
        _append(response, partial, client, tell, start, total)


def _extent(
    response: requests.Response, have: int, validator: str, partial: Partial, remote: RemoteFile
) -> tuple[int, int | None]:
    """Where the answer begins in the file and how long the whole file is; None: not told."""
    where, status = shown(remote.url), response.status_code
    start, total = 0, _length(response)
    if status in (206, 416):
        found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        another = bool(validator) and _validator(response) not in ("", validator)
        if status == 416 or found is None or int(found[1]) != have or another:
            partial.discard()
            raise PassingError(f"{where}: the server cannot continue at byte {have}")
        start, total = have, None if found[2] == "*" else int(found[2])
    kind = response.headers.get("Content-Type", "")
    if kind.startswith("text/html") and not remote.hash:
        raise FetchError(f"{where}: the server sent a web page instead of the file")
    if remote.size is not None and total not in (None, remote.size):
        raise FetchError(f"{where}: expected {remote.size} bytes, the server has {total}")
    total = remote.size if total is None else total
    chunked = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
    if total is None and not chunked and not remote.hash:
        raise FetchError(f"{where}: the server tells no length, so a cut would not be noticed")
    return start, total


def _append(
    response: requests.Response,
    partial: Partial,
    client: Client,
    tell: Tell,
    start: int,
    total: int | None,
) -> None:
    where, position = shown(response.url), start
    with partial.path.open("ab") as file:
        # Left to the exit of `chunks`, a broken connection would hide an error of the disk.
        with contextlib.closing(client.read(response, _CHUNK)) as chunks:
            try:
                for chunk in chunks:
                    file.write(chunk)
                    position += len(chunk)
                    tell(position)
                    if client.stop.is_set():
                        raise StoppedError("stopped")
                    if total is not None and position > total:
                        break
            except PassingError as error:
                error.progress = position - start >= _PROGRESS
                raise
        file.flush()
        os.fsync(file.fileno())
    if total is not None and position > total:
        partial.discard()
        raise FetchError(f"{where}: expected {total} bytes, the server sent more")
    if total is not None and position < total:
        raise PassingError(
            f"{where}: {position} of {total} bytes arrived", progress=position - start >= _PROGRESS
        )


def _length(response: requests.Response) -> int | None:
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isdigit() else None


def _validator(response: requests.Response) -> str:
    """What If-Range accepts: a strong ETag, else a date (RFC 9110, section 13.1.5)."""
    tag = response.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")
