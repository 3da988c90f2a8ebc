"""Tables of stars on disk: the format follows the extension, astropy does the work."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

from astropy.io.fits.verify import VerifyWarning
from astropy.table import QTable
from astropy.utils.exceptions import AstropyUserWarning, AstropyWarning

from galflowlab.files import replacing

_KEY = "galflow"  # header entry that holds the metadata as JSON; FITS capitalises it
_HDF5_PATH = "stars"
_FORMATS: dict[str, dict[str, Any]] = {
    ".fits": {"format": "fits"},
    ".hdf5": {"format": "hdf5", "path": _HDF5_PATH},
    ".h5": {"format": "hdf5", "path": _HDF5_PATH},
    ".parquet": {"format": "parquet"},
    ".ecsv": {"format": "ascii.ecsv"},
    ".csv": {"format": "ascii.ecsv"},
}
EXTENSIONS = tuple(_FORMATS)


def _format(path: Path) -> dict[str, Any]:
    try:
        return _FORMATS[path.suffix.lower()]
    except KeyError:
        expected = ", ".join(EXTENSIONS)
        raise ValueError(f"{path}: cannot tell the format; expected one of {expected}") from None


def check_extension(path: str | Path) -> None:
    """Raise ValueError unless `path` ends in one of `EXTENSIONS`."""
    _format(Path(path))


def write_table(table: QTable, path: str | Path, header: dict[str, Any]) -> Path:
    """Write a table with its units and a JSON header; the file appears whole or not at all.

    Parameters
    ----------
    table
        Stars, one row each.
    path
        Ends in one of `EXTENSIONS`. An existing file is replaced.
    header
        JSON-serialisable metadata, returned unchanged by `read_table`.
    """
    path = Path(path)
    options = dict(_format(path))
    if options["format"] == "hdf5":
        options["serialize_meta"] = True
    if path.suffix.lower() == ".csv":
        options["delimiter"] = ","
    table = table.copy(copy_data=False)
    table.meta = {_KEY: json.dumps(header, allow_nan=False)}
    with replacing(path) as partial, warnings.catch_warnings():
        # FITS has no standard spelling of dex; astropy keeps it in its own header.
        warnings.filterwarnings("ignore", message="The unit 'dex'", category=AstropyWarning)
        warnings.filterwarnings("ignore", category=VerifyWarning)
        table.write(partial, overwrite=True, **options)
    return path


def read_table(path: str | Path) -> tuple[QTable, dict[str, Any]]:
    """Read a table and the JSON header that `write_table` stored (empty if there is none).

    Raises
    ------
    OSError
        If the file cannot be read as its extension promises.
    ValueError
        If the extension is unknown or the header is not valid JSON.
    """
    path = Path(path)
    options = _format(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyUserWarning)
            table = QTable.read(path, **options)
    except MemoryError:
        raise
    except Exception as error:
        raise OSError(f"{path}: not a readable {options['format']} table ({error})") from error
    text = next((v for k, v in table.meta.items() if k.lower() == _KEY), "{}")
    table.meta = {}
    try:
        header = json.loads(text)
    except (TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path}: the {_KEY!r} header is not JSON ({error})") from error
    if not isinstance(header, dict):
        raise ValueError(f"{path}: the {_KEY!r} header should be a JSON object")
    return table, header
