"""Archives, unpacked whole or not at all, and never outside of their folder."""

from __future__ import annotations

import glob
import gzip
import lzma
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from galflowlab.data.manifests import is_safe_name

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
_CHUNK = 2**20
_LARGEST_READ = 2**24  # bytes that the tar module may want at once; headers have a few hundred
_ORIGIN = ".unpacked-from"


@dataclass(frozen=True)
class Limits:
    """What an archive may hold."""

    members: int = 1_000_000
    total: int = 2**42  # bytes
    ratio: float = 100.0  # bytes unpacked per byte of the archive
    always: int = 2**24  # bytes that are fine at any ratio


def is_archive(path: Path) -> bool:
    """Whether `unpack` unpacks it."""
    return path.name.lower().endswith(SUFFIXES)


def folder_of(archive: Path) -> Path:
    """Folder, beside it, that an archive is unpacked to: its name without the ending."""
    ending = max((s for s in SUFFIXES if archive.name.lower().endswith(s)), key=len)
    return archive.with_name(archive.name[: -len(ending)])


def unpack(archive: Path, *, source: str, limits: Limits = Limits()) -> Path:
    """Unpack an archive beside itself, unless that has been done.

    Parameters
    ----------
    archive
        A ``.zip``, ``.tar``, ``.tar.gz`` or ``.tgz``.
    source
        Hash of the archive; a folder that was unpacked from another one is refused.

    Returns
    -------
    The folder, named like the archive without its ending.

    Raises
    ------
    ValueError
        If the archive is damaged, holds anything but files and folders, a name that leaves the
        folder, or more than `limits` allow. Then nothing of it is there.
    OSError
        If the folder is there but not from this archive, or cannot be written.
    """
    folder = folder_of(archive)
    if folder.exists():
        origin = folder / _ORIGIN
        if origin.is_file() and origin.read_text() == source:
            return folder
        raise FileExistsError(f"{folder}: is in the way of {archive.name}; move or remove it")
    prefix = f".{folder.name}.unpacking-"
    for left_over in archive.parent.glob(f"{glob.escape(prefix)}*"):
        shutil.rmtree(left_over, ignore_errors=True)
    partial = Path(tempfile.mkdtemp(prefix=prefix, dir=archive.parent))
    try:
        _fill(partial, archive, limits)
        (partial / _ORIGIN).write_text(source)
        partial.chmod(0o755)
        partial.rename(folder)
    except (
        EOFError,
        lzma.LZMAError,
        NotImplementedError,
        RuntimeError,
        UnicodeError,
        gzip.BadGzipFile,
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise ValueError(f"{archive}: damaged, or not an archive ({error})") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


@dataclass(frozen=True)
class _Member:
    name: str
    file: IO[bytes] | None  # None: a folder


def _fill(folder: Path, archive: Path, limits: Limits) -> None:
    allowed = min(limits.total, max(limits.always, int(limits.ratio * archive.stat().st_size)))
    members = _zip_members if archive.name.lower().endswith(".zip") else _tar_members
    count = written = 0
    for member in members(archive, allowed):
        count += 1
        if count > limits.members:
            raise ValueError(f"{archive}: more than {limits.members} members")
        parts = PurePosixPath(member.name).parts
        if parts and not is_safe_name("/".join(p if p == ".." else p.lstrip(".") for p in parts)):
            raise ValueError(f"{archive}: member {member.name!r} could leave the folder")
        if not parts or any(part.startswith(".") for part in parts):
            continue  # what some systems hide in archives is no data
        path = folder.joinpath(*parts)
        try:
            if member.file is None:
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("xb")
        except (FileExistsError, NotADirectoryError):
            raise ValueError(f"{archive}: holds {member.name!r} twice") from None
        with file:
            while chunk := member.file.read(_CHUNK):
                written += len(chunk)
                if written > allowed:
                    raise ValueError(f"{archive}: unpacks to more than {allowed} bytes")
                file.write(chunk)


def _zip_members(archive: Path, allowed: int) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise ValueError(f"{archive}: {info.filename!r} is neither file nor folder")
            if info.is_dir():
                yield _Member(info.filename, None)
                continue
            with opened.open(info) as file:
                yield _Member(info.filename, file)


def _tar_members(archive: Path, allowed: int) -> Iterator[_Member]:
    packed = archive.name.lower().endswith(("gz",))
    with gzip.open(archive) if packed else archive.open("rb") as stream:
        limited = _Limited(stream, archive, allowed)
        with tarfile.open(fileobj=limited, mode="r:") as opened:  # type: ignore[call-overload]
            while (info := opened.next()) is not None:
                opened.members = []  # else it remembers every one of them
                if not (info.isreg() or info.isdir()) or info.issparse():
                    raise ValueError(f"{archive}: {info.name!r} is neither file nor folder")
                yield _Member(info.name, opened.extractfile(info) if info.isreg() else None)


class _Limited:
    """A file of which only so much is read, and only so much at once."""

    def __init__(self, file: IO[bytes] | gzip.GzipFile, archive: Path, allowed: int) -> None:
        self._file, self._archive = file, archive
        self._allowed = 2 * allowed + _LARGEST_READ  # headers and padding come on top of the files

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _LARGEST_READ:
            raise ValueError(f"{self._archive}: a header of {size} bytes is not plausible")
        return self._file.read(size)

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, position: int, whence: int = 0) -> int:
        if whence or position > self._allowed:
            raise ValueError(f"{self._archive}: unpacks to more than expected")
        return self._file.seek(position)
