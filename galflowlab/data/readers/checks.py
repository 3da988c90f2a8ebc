"""What every reader checks before a file becomes a galaxy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from galflowlab.files import one_line
from galflowlab.galaxy import REQUIRED, Galaxy, Provenance
from galflowlab.schema import COLUMNS, POSITION, VELOCITY, as_stars, column_values

MAX_STARS = 50_000_000
"""Larger files are refused before anything is loaded (about 4 GB of columns)."""

MAY_BE_UNDEFINED = ("fe_h", "o_fe")
"""Columns in which NaN means "undefined", as for a star without iron."""

LARGEST = {
    **dict.fromkeys(POSITION, 1e8),  # kpc: several times the observable Universe
    **dict.fromkeys(VELOCITY, 299_792.458),  # km/s: light
    "mass": 1e13,  # Msun: no galaxy is heavier
}
"""Above, in the units of `COLUMNS`, the unit is wrong or the file damaged."""

_UNCOMPRESSED = 1 << 26  # bytes that a file may promise whatever it holds
_BEST_COMPRESSION = 1100  # deflate never gains more than a factor of 1032


@contextlib.contextmanager
def errors_of(path: Path) -> Iterator[None]:
    """Let only ValueError and OSError out (and ImportError), as one line that names the file."""
    try:
        yield
    except (ImportError, MemoryError, FileNotFoundError, IsADirectoryError):
        raise
    except (ValueError, OSError) as error:
        text = one_line(error)
        if path.name in text and text == str(error):
            raise
        kind = ValueError if isinstance(error, ValueError) else OSError
        raise kind(f"{path}: {text}") from error
    except Exception as error:  # whatever a library makes of arbitrary bytes
        raise OSError(f"{path}: damaged ({one_line(error)})") from error


def check_count(path: Path, count: int) -> None:
    """Raise ValueError unless a galaxy of `count` star particles can be read."""
    if count < 1:
        raise ValueError(f"{path}: no star particles")
    if count > MAX_STARS:
        raise ValueError(f"{path}: {count} star particles; expected at most {MAX_STARS}")


def check_promise(path: Path, what: str, promised: int, stored: int) -> None:
    """Raise ValueError if `promised` bytes cannot come out of `stored` compressed bytes."""
    if promised > max(_UNCOMPRESSED, _BEST_COMPRESSION * stored):
        raise ValueError(
            f"{path}: {what} promises {promised / 1e6:.0f} MB, but the file has "
            f"{stored / 1e6:.3g} MB of it"
        )


def check_column(path: Path, name: str, values: Any) -> np.ndarray:
    """Return `values` as a native one-dimensional float array.

    Raises
    ------
    ValueError
        If they are not real numbers of shape (star,), not finite where they must be, or
        impossibly large; the message names the file and the column.
    """
    try:
        array = column_values({name: values}, name)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    native = array.dtype.newbyteorder("=") if array.dtype.itemsize <= 8 else np.float64
    array = array.astype(native, copy=False)
    bad = int(np.count_nonzero(~np.isfinite(array)))
    if bad and name not in MAY_BE_UNDEFINED:
        raise ValueError(f"{path}: column {name!r} should be finite, has {bad} NaN or infinite")
    largest = float(np.abs(array).max(initial=0.0)) if name in LARGEST else 0.0
    if name in LARGEST and largest > LARGEST[name]:
        raise ValueError(
            f"{path}: column {name!r} should be at most {LARGEST[name]:g} {COLUMNS[name].unit}, "
            f"got {largest:g}"
        )
    return array


def build(
    path: Path,
    name: str,
    columns: Mapping[str, Any],
    provenance: Provenance,
    context: dict[str, float] | None = None,
) -> Galaxy:
    """Check columns in the units of `schema.COLUMNS` and make a galaxy of them."""
    missing = [c for c in REQUIRED if c not in columns]
    if missing:
        raise ValueError(f"{path}: missing column {missing[0]!r}; expected {', '.join(REQUIRED)}")
    arrays = {c: check_column(path, c, columns[c]) for c in COLUMNS if c in columns}
    lengths = {c: len(a) for c, a in arrays.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"{path}: columns should be equally long, got {lengths}")
    check_count(path, lengths["mass"])
    try:
        return Galaxy(name, as_stars(arrays), provenance, context or {})
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
