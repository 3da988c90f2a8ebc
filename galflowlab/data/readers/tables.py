"""Tables of stars with our column names and units: what `Galaxy.write` writes, and kindred."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from astropy import units as u
from astropy.table import Column, QTable
from astropy.utils.masked import Masked

from galflowlab.data.readers import hdf5
from galflowlab.data.readers.checks import MAY_BE_UNDEFINED, build
from galflowlab.data.readers.column_map import FILE_NAME
from galflowlab.data.readers.raw_columns import ECSV_MARK, check_fits, check_parquet
from galflowlab.galaxy import Galaxy, Provenance
from galflowlab.schema import COLUMNS, CONTEXT
from galflowlab.tables import read_table

_NEEDS_UNIT = tuple(n for n, q in COLUMNS.items() if q.unit not in (u.one, u.dex))


def read_stars(path: Path) -> Galaxy:
    """Read a table of stars; a file of `Galaxy.write` comes back as it was.

    Any table with the names and units of `schema.COLUMNS` will do. Without our header the
    galaxy is named after the file and its context is measured; other columns are left out
    and listed in the notes.
    """
    if path.suffix.lower() in hdf5.EXTENSIONS:
        with hdf5.opened(path) as file:
            for name in ("stars", "stars.__table_column_meta__"):  # as astropy calls it
                if isinstance(file.get(name), h5py.Dataset):
                    hdf5.check_size(path, file[name])
    elif path.suffix.lower() == ".fits":
        check_fits(path)
    elif path.suffix.lower() == ".parquet":
        _check_parquet(path)
    elif path.suffix.lower() in (".csv", ".ecsv"):
        _check_ecsv(path)
    table, header = read_table(path)
    columns = {name: _column(path, table, name) for name in COLUMNS if name in table.colnames}
    if not header:
        ignored = [name for name in table.colnames if name not in COLUMNS]
        notes = f"columns not used: {', '.join(ignored)}" if ignored else ""
        return build(path, path.stem, columns, Provenance(source=path.name, notes=notes))
    if "part" in header:
        raise ValueError(
            f"{path}: a part of a galaxy in several files, with (first star, end, of all) "
            f"{header['part']!r:.80}; QTable.read and pyarrow.dataset read such tables"
        )
    try:
        name, context = str(header["name"]), _context(header["context"])
        provenance = Provenance.from_dict(header["provenance"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: the header does not describe a galaxy ({error!r})") from error
    return build(path, name, columns, provenance, context)


def _check_ecsv(path: Path) -> None:
    with path.open("rb") as file:
        if not file.readline(64).startswith(ECSV_MARK):
            raise ValueError(
                f"{path}: unit-less file; expected a table with units, whose first line "
                f"starts with '# %ECSV' (astropy's enhanced CSV), or a map of its columns, "
                f"{FILE_NAME}, beside it"
            )


def _check_parquet(path: Path) -> None:
    from pyarrow import ArrowException, parquet

    try:
        metadata = parquet.read_metadata(path)
    except (ArrowException, OSError, ValueError) as error:
        raise OSError(f"{path}: not a whole Parquet file ({error})") from error
    check_parquet(path, metadata)


def _context(data: Any) -> dict[str, float]:
    if not isinstance(data, dict):
        raise ValueError("context should be a JSON object")
    context = {str(name): float(value) for name, value in data.items()}
    if context and (set(context) != set(CONTEXT) or not np.isfinite([*context.values()]).all()):
        raise ValueError(f"expected finite context entries {', '.join(CONTEXT)}")
    return context


def _column(path: Path, table: QTable, name: str) -> np.ndarray:
    """Return one column as a plain array in its canonical unit."""
    value, unit = table[name], COLUMNS[name].unit
    if isinstance(value, Masked | Column):
        value = _filled(path, name, value)
    if not isinstance(value, u.Quantity):
        if name in _NEEDS_UNIT:
            raise ValueError(f"{path}: column {name!r} is unit-less; expected {unit}")
        return np.asarray(value)
    if value.unit == u.one:
        if name in _NEEDS_UNIT:
            raise ValueError(f"{path}: column {name!r} is unit-less; expected {unit}")
        return np.asarray(value.value)
    try:
        return np.asarray(value.to_value(unit))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: column {name!r} is in {value.unit}; expected {unit}") from error


def _filled(path: Path, name: str, value: Any) -> Any:
    """Put NaN where an abundance is missing; refuse missing values elsewhere."""
    mask = np.asarray(getattr(value, "mask", False))
    if not mask.any():
        return value.unmasked if isinstance(value, Masked) else value
    if name not in MAY_BE_UNDEFINED:
        raise ValueError(f"{path}: column {name!r} has {int(mask.sum())} missing or NaN values")
    return value.filled(np.nan)
