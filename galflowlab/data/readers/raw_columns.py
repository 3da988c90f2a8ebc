"""Named columns of tables of any kind, as numbers with the unit that the table states, if any."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.table import Table

from galflowlab.data.readers import hdf5
from galflowlab.data.readers.checks import check_count, check_promise, errors_of
from galflowlab.files import one_line
from galflowlab.galaxy import REQUIRED

ECSV_MARK = b"# %ECSV"
"""First line of astropy's enhanced CSV, which holds the units."""

_WIDEST = 1000  # entries of an array column


@dataclass(frozen=True)
class RawColumn:
    """Numbers of shape (star,) or (star, entry), NaN where missing."""

    values: np.ndarray
    unit: u.UnitBase | None = None


Columns = dict[str, RawColumn]


def raw_columns(path: Path, names: Sequence[str]) -> Columns:
    """Load the columns `names` of the table at `path`, by what its extension promises.

    Raises
    ------
    ValueError
        If a column is missing or not of numbers, or the table is too large.
    OSError
        If the file cannot be read.
    """
    with errors_of(path):
        return _LOADERS[path.suffix.lower()](path, names)


def _csv(path: Path, names: Sequence[str]) -> Columns:
    with path.open("rb") as file:
        if file.readline(64).startswith(ECSV_MARK):
            return _from_astropy(path, names, "ascii.ecsv")
    from pyarrow import ArrowInvalid, csv, float64

    options = csv.ConvertOptions(
        include_columns=list(dict.fromkeys(names)),
        column_types=dict.fromkeys(names, float64()),
        include_missing_columns=False,
    )
    try:
        table = csv.read_csv(path, convert_options=options)
    except KeyError as error:
        with path.open(encoding="utf-8", errors="replace") as file:
            there = [name.strip().strip('"') for name in file.readline(10_000).split(",")]
        raise _missing(path, [n for n in names if n not in there][:1] or names, there) from error
    except ArrowInvalid as error:
        raise ValueError(f"{path}: not a CSV table of numbers ({one_line(error)})") from error
    check_count(path, table.num_rows)
    return {name: RawColumn(_arrow(path, name, table.column(name))) for name in table.column_names}


def check_parquet(path: Path, metadata: Any) -> None:
    """Raise ValueError if the file cannot hold as many stars as its metadata promise."""
    check_count(path, metadata.num_rows)
    groups = (metadata.row_group(i) for i in range(metadata.num_row_groups))
    encoded = sum(group.total_byte_size for group in groups)
    needed = metadata.num_rows * len(REQUIRED) * np.dtype(np.float32).itemsize
    check_promise(path, "the table", max(encoded, needed), path.stat().st_size)


def _parquet(path: Path, names: Sequence[str]) -> Columns:
    from pyarrow import ArrowException, parquet

    try:
        with parquet.ParquetFile(path) as file:
            there = file.schema_arrow.names
            missing = [name for name in names if name not in there]
            if missing:
                raise _missing(path, missing, there)
            check_parquet(path, file.metadata)
            table = file.read(columns=list(dict.fromkeys(names)))
    except ArrowException as error:
        raise OSError(f"{path}: not a whole Parquet file ({one_line(error)})") from error
    return {name: RawColumn(_arrow(path, name, table.column(name))) for name in names}


def _arrow(path: Path, name: str, column: Any) -> np.ndarray:
    import pyarrow as pa

    combined = column.combine_chunks()
    kind = combined.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        flat, length = combined.flatten(), max(len(combined), 1)
        if combined.null_count or len(flat) % length or not 0 < len(flat) // length <= _WIDEST:
            raise ValueError(f"{path}: column {name!r} should have equally long lists")
        if not pa.types.is_fixed_size_list(kind):
            lengths = set(np.diff(combined.offsets.to_numpy()).tolist())
            if len(lengths) != 1:
                raise ValueError(f"{path}: column {name!r} should have equally long lists")
        return _arrow(path, name, pa.chunked_array([flat])).reshape(length, -1)
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
        raise ValueError(f"{path}: column {name!r} should hold real numbers, got {kind}")
    return combined.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)


def check_fits(path: Path) -> None:
    """Raise unless `path` is an uncompressed FITS file with as much data as it promises."""
    with path.open("rb") as file:
        if file.read(6) != b"SIMPLE":
            raise OSError(f"{path}: not a FITS file; expected it to start with SIMPLE")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fits.open(path, memmap=True) as units:
            for unit in units:
                if isinstance(unit, fits.BinTableHDU | fits.TableHDU):
                    header = unit.header
                    promised = int(header["NAXIS1"]) * int(header["NAXIS2"])
                    check_count(path, int(header["NAXIS2"]))
                    if not 0 <= promised <= path.stat().st_size:
                        raise OSError(f"{path}: promises {promised} bytes of a table; truncated?")


def _fits(path: Path, names: Sequence[str]) -> Columns:
    check_fits(path)
    there: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fits.open(path, memmap=True) as file:
            for table in file:
                if not isinstance(table, fits.BinTableHDU | fits.TableHDU):
                    continue
                if set(names) <= set(table.columns.names):
                    return {n: _fits_column(path, table, n) for n in names}
                there += table.columns.names
    raise _missing(path, [n for n in names if n not in there] or names, there)


def _fits_column(path: Path, table: Any, name: str) -> RawColumn:
    text = table.columns[name].unit
    unit = u.Unit(text, parse_strict="silent") if text else None
    known = unit is not None and not isinstance(unit, u.UnrecognizedUnit)
    values = _numbers(path, name, np.array(table.data[name]))
    return RawColumn(values, unit if known else None)


def _votable(path: Path, names: Sequence[str]) -> Columns:
    return _from_astropy(path, names, "votable")


def _ecsv(path: Path, names: Sequence[str]) -> Columns:
    return _from_astropy(path, names, "ascii.ecsv")


def _from_astropy(path: Path, names: Sequence[str], kind: str) -> Columns:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = Table.read(path, format=kind)
    except MemoryError:
        raise
    except Exception as error:  # whatever astropy makes of arbitrary bytes
        raise OSError(f"{path}: not a readable {kind} table ({one_line(error)})") from error
    missing = [name for name in names if name not in table.colnames]
    if missing:
        raise _missing(path, missing, table.colnames)
    check_count(path, len(table))
    return {name: _astropy_column(path, name, table[name]) for name in names}


def _astropy_column(path: Path, name: str, column: Any) -> RawColumn:
    mask = np.asarray(getattr(column, "mask", False))
    values = _numbers(path, name, np.asarray(getattr(column, "value", column)))
    unit = column.unit if isinstance(getattr(column, "unit", None), u.UnitBase) else None
    if str(unit) == "dex":
        unit = u.dex  # the standard of VOTables lacks it, and astropy takes another unit
    return RawColumn(np.where(mask, np.nan, values) if mask.any() else values, unit)


def _hdf5(path: Path, names: Sequence[str]) -> Columns:
    """Columns are datasets, named by their path in the file."""
    columns = {}
    with hdf5.opened(path) as file:
        for name in names:
            found = file.get(name)
            if not isinstance(found, h5py.Dataset):
                raise _missing(path, [name], list(file))
            wide = found.ndim == 2 and 0 < found.shape[1] <= _WIDEST
            columns[name] = RawColumn(hdf5.load(path, found, found.shape[1] if wide else 0))
    return columns


def _numbers(path: Path, name: str, values: np.ndarray) -> np.ndarray:
    if values.dtype.kind not in "fiu" or values.ndim not in (1, 2):
        raise ValueError(
            f"{path}: column {name!r} should hold real numbers of shape (star,) or (star, entry), "
            f"got {values.dtype} of shape {values.shape}"
        )
    return values


def _missing(path: Path, missing: Sequence[str], there: Sequence[str]) -> ValueError:
    return ValueError(
        f"{path}: missing column {missing[0]!r}; the file has {', '.join(there) or 'nothing'}"
    )


_LOADERS: dict[str, Callable[[Path, Sequence[str]], Columns]] = {
    ".csv": _csv,
    ".ecsv": _ecsv,
    ".parquet": _parquet,
    ".fits": _fits,
    ".vot": _votable,
    ".votable": _votable,
    ".xml": _votable,
    **dict.fromkeys(hdf5.EXTENSIONS, _hdf5),
}
EXTENSIONS = tuple(_LOADERS)
"""Of tables whose columns a map can name."""
