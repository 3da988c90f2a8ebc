"""Damage to files: by bytes, or whole again with values of the wrong type."""

from __future__ import annotations

import io
import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

Random = np.random.Generator


def damaged(path: Path, seed: int, case: int) -> bytes:
    """Content of a file with the damage of one case; the same for the same seed and case."""
    rng = np.random.default_rng([seed, case])
    retyped = _RETYPED.get(path.suffix)
    if retyped and rng.random() < 0.3:
        return retyped(path, rng)
    data = path.read_bytes()
    for _ in range(rng.integers(1, 4)):
        data = _BYTES[rng.integers(len(_BYTES))](data, rng)
    return data


def _truncate(data: bytes, rng: Random) -> bytes:
    return data[: rng.integers(len(data) + 1)]


def _flip_bits(data: bytes, rng: Random) -> bytes:
    out = bytearray(data)
    for place in rng.integers(max(1, len(out)), size=rng.integers(1, 9)) if out else ():
        out[place] ^= 1 << rng.integers(8)
    return bytes(out)


def _overwrite(data: bytes, rng: Random) -> bytes:
    place, length = rng.integers(len(data) + 1), int(rng.integers(1, 65))
    fill = (bytes(length), rng.bytes(length), b"\xff" * length, b"[" * length)[rng.integers(4)]
    return data[:place] + fill + data[place + length :]


def _enlarge(data: bytes, rng: Random) -> bytes:
    """Write a large number where a size may stand."""
    number = (2**31 - 1, 2**40, 2**63 - 1, 10**9, 2**32 - 1)[rng.integers(5)]
    form = "<Q" if rng.random() < 0.5 else ">Q"
    place = rng.integers(min(len(data), 4096) + 1)
    return data[:place] + struct.pack(form, number) + data[place + 8 :]


def _cut_out(data: bytes, rng: Random) -> bytes:
    place = rng.integers(len(data) + 1)
    return data[:place] + data[place + rng.integers(1, 257) :]


def _repeat(data: bytes, rng: Random) -> bytes:
    place = rng.integers(len(data) + 1)
    part = data[place : place + rng.integers(1, 257)]
    return data[:place] + part * int(rng.integers(2, 50)) + data[place:]


_BYTES: tuple[Callable[[bytes, Random], bytes], ...] = (
    _truncate,
    _flip_bits,
    _flip_bits,
    _overwrite,
    _enlarge,
    _cut_out,
    _repeat,
)


def _array(like: np.ndarray, rng: Random) -> np.ndarray:
    """Another type or shape, or values that no star has."""
    n = len(like) if like.ndim else 1
    return [
        np.array([b"text"] * n),
        np.zeros(n, complex),
        np.zeros(n, bool),
        np.zeros(n, "datetime64[s]").astype("i8"),
        np.zeros((n, 2, 2)),
        np.zeros(0),
        np.zeros(()),
        np.full(like.shape, np.nan),
        np.full(like.shape, np.inf),
        np.full(like.shape, -1.0),
        np.full(like.shape, 1e300),
        np.full(like.shape, 2**62, np.int64),
        np.zeros(n, [("a", "f4"), ("b", "i2")]),
        like[: n // 2] if like.ndim else like,
        like.astype(">f8") if like.dtype.kind in "fiu" else like,
        like.astype("i1") if like.dtype.kind in "iu" else like,
    ][rng.integers(16)]


def _hdf5(path: Path, rng: Random) -> bytes:
    buffer = io.BytesIO(path.read_bytes())
    with h5py.File(buffer, "r+") as file:
        items: list[str] = []
        file.visit(items.append)
        name = items[rng.integers(len(items))]
        item = file[name]
        attributes = list(item.attrs)
        if attributes and (isinstance(item, h5py.Group) or rng.random() < 0.4):
            key = attributes[rng.integers(len(attributes))]
            value = np.asarray(item.attrs[key])
            number = value if value.dtype.kind in "fiu" else np.zeros(3)
            del item.attrs[key]
            if rng.random() < 0.8:
                item.attrs[key] = _array(number, rng)
        elif isinstance(item, h5py.Dataset) and item.dtype.names is None:
            new = _array(item[...], rng)
            del file[name]
            if rng.random() < 0.9:
                file[name] = new
        else:
            del file[name]
            if rng.random() < 0.5:
                file[name] = np.zeros(3)
    return buffer.getvalue()


def _npy(path: Path, rng: Random) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, _array(np.load(path), rng), allow_pickle=False)
    return buffer.getvalue()


def _npz(path: Path, rng: Random) -> bytes:
    with np.load(path) as archive:
        arrays = dict(archive)
    name = list(arrays)[rng.integers(len(arrays))]
    arrays[name] = _array(arrays[name], rng)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 2**70, 1e308, float("nan"), float("inf"), "", "text", "../../x", [], [[]],
    {}, {"a": 1}, [1, "a"], "10**x", "__import__('os')",
)  # fmt: skip


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in nested lists and dictionaries."""
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    else:
        return [at]
    return [at, *(place for key, item in inside for place in _places(item, (*at, key)))]


def _changed(content: Any, values: tuple[Any, ...], rng: Random) -> Any:
    """Put something else in one place; changes `content`."""
    places = _places(content)[1:]
    *outer, last = places[rng.integers(len(places))]
    inside = content
    for key in outer:
        inside = inside[key]
    if rng.random() < 0.2:
        del inside[last]
    else:
        inside[last] = values[rng.integers(len(values))]
    return content


def _pth(path: Path, rng: Random) -> bytes:
    content = torch.load(path, weights_only=True)
    tensors = (torch.zeros(()), torch.full((3,), torch.nan), torch.zeros(2, 2, dtype=torch.cfloat))
    buffer = io.BytesIO()
    torch.save(
        _changed(content, (*_VALUES, *tensors, torch.zeros(3, dtype=torch.bool)), rng), buffer
    )
    return buffer.getvalue()


def _json(path: Path, rng: Random) -> bytes:
    return json.dumps(_changed(json.loads(path.read_text()), _VALUES, rng)).encode()


def _safetensors(path: Path, rng: Random) -> bytes:
    """Another header before the same bytes: sizes, types, shapes, our own entry."""
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    own = json.loads(header["__metadata__"]["galflowlab"])
    del own["sha256"]  # as in old files, or made to fit
    header["__metadata__"]["galflowlab"] = json.dumps(own)
    if rng.random() < 0.5:
        header["__metadata__"]["galflowlab"] = json.dumps(_changed(own, _VALUES, rng))
    else:
        header = _changed(header, (*_VALUES, "F64", "BF16", "I64", [2**40, 2]), rng)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def _toml(path: Path, rng: Random) -> bytes:
    """Another value after one of the equals signs."""
    text = path.read_text(encoding="utf-8")
    places = [match.end() for match in re.finditer(r"= ", text)]
    place = places[rng.integers(len(places))]
    values = (
        "1",
        "nan",
        '"text"',
        "[]",
        "{}",
        "true",
        "1979-05-27",
        '"km"',
        '"m**-1e9"',
        "9" * 5000,
    )
    return (text[:place] + values[rng.integers(len(values))] + "\n" + text[place:]).encode()


_RETYPED: dict[str, Callable[[Path, Random], bytes]] = {
    ".hdf5": _hdf5,
    ".npy": _npy,
    ".npz": _npz,
    ".pth": _pth,
    ".json": _json,
    ".safetensors": _safetensors,
    ".toml": _toml,
}
