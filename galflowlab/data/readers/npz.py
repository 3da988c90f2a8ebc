"""One array per column in an .npz archive, with provenance in a JSON file beside it."""

from __future__ import annotations

import json
import math
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from galflowlab.data.readers.checks import (
    MAY_BE_UNDEFINED,
    build,
    check_count,
    check_promise,
    errors_of,
)
from galflowlab.galaxy import Galaxy, Provenance

COLUMN_OF = {
    **{name: name for name in ("x", "y", "z", "vx", "vy", "vz", "mass", "age")},
    "Z": "metallicity",
    "feh": "fe_h",
    "ofe": "o_fe",
}
"""Our column for each array: kpc, km/s, Msun, Gyr, mass fraction and dex."""

_VALID = "chem_valid"  # boolean: False where the abundances are a floor, not a measurement
_NOTED = ("licence", "units", "completeness", "note")


def read_npz(path: Path) -> Galaxy:
    """Read an archive of arrays named as in `COLUMN_OF`, all of shape (star,)."""
    with errors_of(path):
        try:
            arrays = _arrays(path)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
            raise OSError(f"{path}: not a whole .npz archive ({error})") from error
    columns = {ours: arrays[theirs] for theirs, ours in COLUMN_OF.items() if theirs in arrays}
    if _VALID in arrays:
        valid = arrays[_VALID]
        for name in MAY_BE_UNDEFINED:
            if name in columns:
                if valid.dtype != bool or valid.shape != columns[name].shape:
                    raise ValueError(f"{path}: {_VALID!r} should hold one boolean for each star")
                columns[name] = np.where(valid, columns[name], np.nan)
    name, provenance = _provenance(path)
    return build(path, name, columns, provenance)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """Load the arrays we know, after checking what their headers promise."""
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            if name not in (*COLUMN_OF, _VALID):
                continue
            if name in arrays:
                raise ValueError(f"{path}: has the array {name!r} twice")
            with archive.open(member) as stream:
                shape, dtype = _header(path, name, stream)
                if len(shape) != 1 or dtype.hasobject or not dtype.itemsize:
                    raise ValueError(
                        f"{path}: array {name!r} should hold numbers of shape (star,), "
                        f"got {dtype} of shape {shape}"
                    )
                check_count(path, shape[0])
                size = shape[0] * dtype.itemsize
                if size <= member.file_size:
                    check_promise(path, f"array {name!r}", size, member.compress_size)
                data = stream.read(min(size, member.file_size) + 1)
            if len(data) != size:
                raise ValueError(f"{path}: array {name!r} is shorter or longer than it says")
            arrays[name] = np.frombuffer(data, dtype)
    return arrays


def _header(path: Path, name: str, stream: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    try:
        version = np.lib.format.read_magic(stream)
        read = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read(stream)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(f"{path}: array {name!r} is not a numpy array ({error})") from error
    return shape, dtype


def _provenance(path: Path) -> tuple[str, Provenance]:
    """Name and provenance from ``<stem>.json``, or from the file name if there is none."""
    beside = path.with_suffix(".json")
    if not beside.is_file():
        return path.stem, Provenance(source=path.name)
    try:
        data = json.loads(beside.read_text(encoding="utf-8"))
        if not isinstance(data, dict):
            raise ValueError("expected a JSON object")
        redshift = float(data.get("redshift", 0.0))
        if not math.isfinite(redshift):
            raise ValueError(f"redshift is {redshift}")
    except (ValueError, TypeError, OSError, RecursionError) as error:
        raise ValueError(f"{beside}: not a provenance file ({error})") from error
    where = " ".join(str(data[key]) for key in ("source", "path") if key in data)
    return str(data.get("name", path.stem)), Provenance(
        source=where or path.name,
        simulation=str(data.get("simulation", "unknown")),
        redshift=redshift,
        notes="; ".join(f"{key}: {data[key]}" for key in _NOTED if key in data),
    )
