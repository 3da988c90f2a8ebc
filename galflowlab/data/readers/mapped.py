"""Tables of any origin, by a map of their columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy import units as u

from galflowlab.data.readers.ages import ages, time_since_big_bang
from galflowlab.data.readers.checks import build
from galflowlab.data.readers.column_map import ColumnMap, Source
from galflowlab.data.readers.raw_columns import RawColumn, raw_columns
from galflowlab.galaxy import Cut, Galaxy, Provenance
from galflowlab.schema import COLUMNS

_NEEDS_UNIT = tuple(n for n, q in COLUMNS.items() if q.unit not in (u.one, u.dex))


def read_mapped(path: Path, columns: ColumnMap) -> Galaxy:
    """Read a table of stars by a map; the galaxy is named after the file.

    Ages are computed from what formation times the map says there are; stars born at scale
    factors, or times, that are not above zero are none, and are dropped and counted.
    """
    names = list(dict.fromkeys(source.name for source in columns.columns.values()))
    raw = raw_columns(path, names)
    values = {
        ours: _column(path, ours, source, raw[source.name])
        for ours, source in columns.columns.items()
    }
    cuts: tuple[Cut, ...] = ()
    notes = [f"columns by {columns.origin}"] if columns.origin else []
    formation = columns.columns["age"].formation
    if formation is not None and columns.cosmology is not None:
        born = np.asarray(values["age"], np.float64)
        star = np.isfinite(born) if formation == "redshift" else born > 0
        _check_equally_long(path, values)
        values = {name: column[star] for name, column in values.items()}
        values["age"] = _ages(path, formation, born[star], columns)
        dropped = int(np.count_nonzero(~star))
        cuts = (Cut("not stars by formation time", int(star.sum()), dropped),) if dropped else ()
        notes.append(f"ages with {columns.cosmology}")
    provenance = Provenance(
        path.name, columns.simulation, columns.redshift, cuts=cuts, notes="; ".join(notes)
    )
    return build(path, path.stem, values, provenance)


def _column(path: Path, ours: str, source: Source, raw: RawColumn) -> np.ndarray:
    """One of our columns in its unit, or as the map's formation says."""
    values = raw.values
    if values.ndim == 2 and source.index is None:
        raise ValueError(
            f"{path}: column {source.name!r} has {values.shape[1]} entries; expected an index"
        )
    if source.index is not None:
        if values.ndim != 2 or source.index >= values.shape[1]:
            raise ValueError(
                f"{path}: column {source.name!r} of shape {values.shape} has no {source.index}"
            )
        values = values[:, source.index]
    values = values.astype(np.float64)
    if source.log10:
        values = 10.0**values
    values = values * source.scale
    if ours == "age" and source.formation in ("scale factor", "redshift"):
        return values
    unit = source.unit or raw.unit
    if unit is None or unit == u.one:
        if ours in _NEEDS_UNIT:
            raise ValueError(
                f"{path}: column {source.name!r} is unit-less; expected a unit of {ours!r}, in "
                f"the table or in the map, that converts to {COLUMNS[ours].unit}"
            )
        return values
    try:
        return u.Quantity(values, unit).to_value(COLUMNS[ours].unit)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{path}: column {source.name!r} is in {unit}; expected {COLUMNS[ours].unit}"
        ) from error


def _ages(path: Path, formation: str, born: np.ndarray, columns: ColumnMap) -> np.ndarray:
    cosmology, now = columns.cosmology, 1.0 / (1.0 + columns.redshift)
    assert cosmology is not None
    if formation == "cosmic time":
        return time_since_big_bang(now, cosmology) - born
    if formation == "redshift":
        if not np.all(born > -1):
            raise ValueError(f"{path}: column 'age' needs redshifts above -1")
        born = 1.0 / (1.0 + born)
    try:
        return ages(born, now, cosmology)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _check_equally_long(path: Path, values: dict[str, np.ndarray]) -> None:
    lengths = {name: len(column) for name, column in values.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"{path}: columns should be equally long, got {lengths}")
