"""What every reader checks before a file becomes a galaxy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from galflowlab.galaxy import REQUIRED, Galaxy, Provenance
from galflowlab.schema import COLUMNS, as_stars, column_values

MAX_STARS = 50_000_000
"""Larger files are refused before anything is loaded (about 4 GB of columns)."""

MAY_BE_UNDEFINED = ("fe_h", "o_fe")
"""Columns in which NaN means "undefined", as for a star without iron."""


def check_count(path: Path, count: int) -> None:
    """Raise ValueError unless a galaxy of `count` star particles can be read."""
    if count < 1:
        raise ValueError(f"{path}: no star particles")
    if count > MAX_STARS:
        raise ValueError(f"{path}: {count} star particles; expected at most {MAX_STARS}")


def check_column(path: Path, name: str, values: Any) -> np.ndarray:
    """Return `values` as a native one-dimensional float array.

    Raises
    ------
    ValueError
        If they are not real numbers of shape (star,), or not finite where they must be; the
        message names the file and the column.
    """
    try:
        array = column_values({name: values}, name)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    bad = int(np.count_nonzero(~np.isfinite(array)))
    if bad and name not in MAY_BE_UNDEFINED:
        raise ValueError(f"{path}: column {name!r} should be finite, has {bad} NaN or infinite")
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
