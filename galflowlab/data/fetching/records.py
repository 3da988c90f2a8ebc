"""Which files a data set has, and where: the record of a repository, or a pattern."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from galflowlab.data.addresses import checked
from galflowlab.data.fetching.client import Client
from galflowlab.data.fetching.errors import FetchError
from galflowlab.data.manifests import HASH, Manifest, is_safe_name, match_file_name


@dataclass(frozen=True)
class RemoteFile:
    """A file at its origin."""

    name: str
    url: str
    size: int | None = None  # bytes, where known before
    hash: str = ""  # "md5:…", where published


@dataclass(frozen=True)
class Record:
    """All files of a data set, as its repository lists them."""

    files: tuple[RemoteFile, ...]
    licence: str = ""


def zenodo_record(manifest: Manifest, client: Client) -> Record:
    """Ask Zenodo for the files of a record.

    Raises
    ------
    FetchError
        If there is no such record, its files are not public, or it is not as documented at
        https://developers.zenodo.org.
    """
    url = f"{manifest.api.rstrip('/')}/{manifest.record}"
    data = client.json(url)
    try:
        found = data.get("files")
        if not found:
            raise ValueError("lists no files; they may not be public")
        files = tuple(_entry(entry) for entry in found if not _hidden(entry))
        if len({file.name for file in files}) < len(files):
            raise ValueError("lists a file twice")
        licence = (data.get("metadata") or {}).get("license") or {}
        return Record(files, str(licence.get("id", "")))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        why = str(error) if isinstance(error, ValueError) else "is not as documented"
        raise FetchError(f"{url}: the record {why}") from None


def pattern_files(manifest: Manifest, names: Iterable[str]) -> tuple[RemoteFile, ...]:
    """Put `names` into the manifest's pattern.

    Raises
    ------
    ValueError
        If a name does not fit it.
    """
    files = []
    for name in names:
        values = match_file_name(manifest.file_name, name)
        if values is None:
            raise ValueError(
                f"{manifest.name}: {name!r} is not a file of it; expected {manifest.file_name}"
            )
        url = manifest.url
        for key, value in values.items():
            url = url.replace(f"{{{key}}}", value)
        files.append(RemoteFile(name, url, hash=manifest.hashes.get(name, "")))
    return tuple(files)


def chosen(name: str, names: Sequence[str], wanted: Iterable[str] | None) -> list[str]:
    """Return those of `names` that `wanted` asks for, names or patterns like ``*.npy``; else all.

    Raises
    ------
    ValueError
        If one of `wanted` fits none of the files of data set `name`.
    """
    if wanted is None:
        return list(names)
    picked: dict[str, None] = {}
    for pattern in wanted:
        fitting = [pattern] if pattern in names else fnmatch.filter(names, pattern)
        if not fitting:
            some = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
            raise ValueError(f"{name}: no file {pattern!r}; there are {some or 'none'}")
        picked.update(dict.fromkeys(fitting))
    return list(picked)


def _hidden(entry: Any) -> bool:
    key = entry["key"]
    return key.startswith(".") and "/" not in key


def _entry(entry: Any) -> RemoteFile:
    name, size, value = entry["key"], entry["size"], entry["checksum"].lower()
    if not is_safe_name(name):
        raise ValueError(f"has a file {name!r}, which could leave its folder")
    if not isinstance(size, int) or size < 0:
        raise ValueError(f"gives {name!r} the size {size!r}")
    if not HASH.fullmatch(value):
        raise ValueError(f"gives {name!r} the checksum {value!r}; expected md5:…")
    return RemoteFile(name, checked(entry["links"]["self"]), size, value)
