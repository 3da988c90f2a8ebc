"""HDF5 files of unknown origin: sizes are checked before anything is allocated."""

from __future__ import annotations

import contextlib
import mmap
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from galflowlab.data.readers.checks import check_count, check_promise, errors_of

EXTENSIONS = (".hdf5", ".h5")

_LARGEST_CHUNK = 1 << 30  # bytes
_HEAP = b"GCOL\x01\x00\x00\x00"
_LARGEST_ATTRIBUTE = 1 << 16  # bytes


@contextlib.contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Open a file for reading; whatever HDF5 finds wrong with it is an OSError."""
    with errors_of(path):
        try:
            file = h5py.File(path, "r")
        except (OSError, RuntimeError, KeyError) as error:
            raise OSError(f"{path}: not a whole HDF5 file ({error})") from error
        with file:
            yield file


def attribute(path: Path, item: h5py.HLObject, *keys: str) -> float:
    """Return the first of the attributes `keys` that is there, as one number."""
    for key in keys:
        if key in item.attrs:
            values = numbers(path, item, key)
            if values.size and np.all(values == values[0]) and np.isfinite(values[0]):
                return float(values[0])
            raise ValueError(f"{path}: {item.name} {key!r} should be one number, got {values}")
    raise ValueError(f"{path}: {item.name} lacks the attribute {' or '.join(map(repr, keys))}")


def numbers(path: Path, item: h5py.HLObject, key: str) -> np.ndarray:
    """Return an attribute as a flat array of numbers."""
    size = _attribute_size(item, key)
    if size > _LARGEST_ATTRIBUTE:
        raise ValueError(f"{path}: {item.name} {key!r} should be one number, got {size:g} bytes")
    try:
        return np.asarray(item.attrs[key], dtype=np.float64).ravel()
    except (TypeError, ValueError, OSError) as error:
        raise ValueError(f"{path}: {item.name} {key!r} is not a number") from error


def text(item: h5py.HLObject, *keys: str) -> str:
    """Return the first of the text attributes `keys` that is there, else an empty text."""
    for key in keys:
        if key in item.attrs and 0 < _attribute_size(item, key) <= _LARGEST_ATTRIBUTE:
            if item.attrs.get_id(key).dtype.kind == "O":
                check_heaps(Path(item.file.filename))
            value = np.asarray(item.attrs[key]).ravel()[0]
            decoded = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
            return decoded.strip().strip('"').strip()
    return ""


def check_heaps(path: Path) -> None:
    """Raise OSError if walking the heaps of texts of variable length would never end.

    A heap is ``GCOL``, version 1, its size in bytes, then objects of an index, a size and data;
    index 0 is what is free. HDF5 goes from object to object, and stays at one of no size for
    ever (HDF5 File Format Specification 3.0, section III.E).
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        sizes = data[13:15] if data[8] < 2 else data[9:11]
        found = data.find(_HEAP) if sizes == b"\x08\x08" else -1
        while found >= 0:
            at, end = found + 16, found + int.from_bytes(data[found + 8 : found + 16], "little")
            while at + 16 <= min(end, len(data)):
                index = int.from_bytes(data[at : at + 2], "little")
                size = int.from_bytes(data[at + 8 : at + 16], "little")
                at += 16 + (size + 7) // 8 * 8 if index else size
                if at > end or (not index and size < 16):
                    raise OSError(f"{path}: damaged texts of variable length")
            found = data.find(_HEAP, found + 1)


def _attribute_size(item: h5py.HLObject, key: str) -> float:
    """Bytes that an attribute promises to be; damaged ones promise gigabytes."""
    found = item.attrs.get_id(key)
    return float(np.prod(found.shape, dtype=float)) * found.dtype.itemsize


def load(path: Path, data: h5py.Dataset, width: int = 0) -> np.ndarray:
    """Load a dataset of numbers of shape (star,), or (star, width) if `width` is given.

    Raises
    ------
    ValueError
        If it has another shape or type, promises more than the file can hold, or keeps its
        values in files elsewhere.
    OSError
        If it cannot be read.
    """
    expected = f"(star, {width})" if width else "(star,)"
    if data.dtype.kind not in "fiu":
        raise ValueError(f"{path}: {data.name} should hold real numbers, got {data.dtype}")
    if data.ndim != (2 if width else 1) or (width and data.shape[1] != width):
        raise ValueError(f"{path}: {data.name} should have shape {expected}, got {data.shape}")
    check_size(path, data)
    try:
        return data[...]
    except (OSError, RuntimeError) as error:
        raise OSError(f"{path}: {data.name} cannot be read, truncated? ({error})") from error


def check_size(path: Path, data: h5py.Dataset) -> None:
    """Raise ValueError unless the file can hold the stars that a dataset promises."""
    check_count(path, data.shape[0] if data.ndim else 0)
    end = 0
    for field, offset, *_ in sorted((data.dtype.fields or {}).values(), key=lambda f: f[1]):
        if offset < end or offset + field.itemsize > data.dtype.itemsize:
            raise ValueError(f"{path}: {data.name} has columns that overlap, {data.dtype}")
        end = offset + field.itemsize  # HDF5 would write beyond the memory of the row
    if data.external:
        raise ValueError(f"{path}: {data.name} has its values in other files; expected them here")
    if data.is_virtual:
        for source in data.virtual_sources():
            name = source.file_name
            beside = name == "." or (Path(name).name == name and (path.parent / name).is_file())
            if not beside:  # HDF5 itself would give fill values, and no error
                raise ValueError(f"{path}: {data.name} needs the file {name!r} beside it")
        return
    chunk = float(np.prod(data.chunks or (0,), dtype=float)) * data.dtype.itemsize
    if chunk > _LARGEST_CHUNK:
        raise ValueError(f"{path}: {data.name} has chunks of {chunk:g} bytes")
    stored = min(data.id.get_storage_size(), path.stat().st_size)
    check_promise(path, data.name, data.size * data.dtype.itemsize, stored)
