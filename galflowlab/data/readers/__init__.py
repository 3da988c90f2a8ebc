"""Readers: from a file, whatever wrote it, to a galaxy."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from galflowlab.data.readers import hdf5, raw_columns
from galflowlab.data.readers.checks import errors_of
from galflowlab.data.readers.column_map import FILE_NAME, map_beside, read_map
from galflowlab.data.readers.mapped import read_mapped
from galflowlab.data.readers.nihao import read_nihao
from galflowlab.data.readers.npz import read_npz
from galflowlab.data.readers.parttype4 import GROUP, read_parttype4
from galflowlab.data.readers.snapshots import read_snapshot
from galflowlab.data.readers.tables import read_stars
from galflowlab.galaxy import Galaxy
from galflowlab.tables import EXTENSIONS

__all__ = ["read"]


def read(
    path: str | Path,
    *,
    paramfile: str | Path | None = None,
    columns: str | Path | None = None,
) -> Galaxy:
    """Read one galaxy; what reads it follows from extension and content.

    ==========================  ==========================================================
    ``.npy``                    NIHAO galaxy of GalacticFlow's data set, shape (11, star)
    ``.npz``                    one array per column; provenance in a JSON file beside it
    HDF5 with ``PartType4``     cut-out or zoom-in of EAGLE, SimSpin, SWIFT/COLIBRE,
                                Illustris(TNG), Auriga or Gizmo/FIRE, in one file or several
    ``.hdf5 .h5 .fits``         table with our column names and units, as
    ``.parquet .ecsv .csv``     `Galaxy.write` writes it
    any table with a map        also ``.vot .votable .xml``; HDF5 datasets by their path
    anything else               simulation snapshot, by pynbody (``galflowlab[sims]``)
    ==========================  ==========================================================

    Positions and velocities come as the file has them, in physical kpc and km/s: see
    `prepare`. Nothing in a file is executed: pickles are refused.

    A map is a TOML file that names the column of the table for each of ours::

        simulation = "my run"            # optional
        redshift = 0.0                   # optional

        [columns]
        x = { name = "pos", index = 0, unit = "pc" }       # of an array column
        mass = { name = "logm", log10 = true, scale = 1e10, unit = "Msun" }
        fe_h = "FEH"                                       # in the unit that the table states
        age = { name = "a_form", formation = "scale factor" }
        # ... and so on

        [cosmology]                      # needed for formation times
        h = 0.7
        omega_m = 0.3
        omega_lambda = 0.7

    A column is 10 to the power of the numbers if ``log10`` says so, then times ``scale``, then
    in ``unit``, as astropy writes it, which overrules the table. Ages may be given by
    ``formation``: ``"scale factor"``, ``"redshift"``, or ``"cosmic time"`` since the Big Bang.

    Parameters
    ----------
    path
        The file. Of a snapshot in several files, any of them.
    paramfile
        Parameter file of a Tipsy snapshot that has none beside it.
    columns
        Map of the columns of a table. By default, ``NAME.columns.toml`` beside ``NAME.csv``
        or any other table is taken, or else ``columns.toml`` in its folder.

    Raises
    ------
    ValueError
        If the content is not a galaxy; the message names file, column and expectation.
    OSError
        If there is no such file or it is damaged.
    ImportError
        If the file is a simulation snapshot and pynbody is not installed.

    Examples
    --------
    >>> import galflowlab
    >>> from galflowlab import mocks
    >>> path = mocks.make_galaxy(10.0, seed=1, n=1000).write("galaxy.fits")
    >>> galaxy = galflowlab.read(path)
    >>> len(galaxy), galaxy.stars["age"].unit
    (1000, Unit("Gyr"))
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path}: is a directory; expected a file")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    if not path.stat().st_size:
        raise ValueError(f"{path}: empty file")
    # Overflow makes values that are not finite, which are refused with a sentence.
    with errors_of(path), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return _read(path, _path(paramfile), _path(columns))


def _path(name: str | Path | None) -> Path | None:
    return None if name is None else Path(name)


def _read(path: Path, paramfile: Path | None, columns: Path | None) -> Galaxy:
    suffix = path.suffix.lower()
    is_hdf5 = suffix in hdf5.EXTENSIONS or h5py.is_hdf5(path)
    is_table = suffix in raw_columns.EXTENSIONS
    if columns is not None and not is_table:
        raise ValueError(f"{path}: a map of columns is for {', '.join(raw_columns.EXTENSIONS)}")
    if not (is_hdf5 or is_table) and suffix not in (".npy", ".npz"):
        return read_snapshot(path, paramfile)
    if paramfile is not None:
        raise ValueError(f"{path}: paramfile is for simulation snapshots only")
    if is_table and (found := columns or map_beside(path)):
        return read_mapped(path, read_map(found))
    if is_hdf5:
        return _read_hdf5(path)
    if suffix == ".npy":
        return read_nihao(path)
    if suffix == ".npz":
        return read_npz(path)
    if suffix not in EXTENSIONS:
        raise ValueError(f"{path}: expected a map of its columns, {FILE_NAME}, beside it")
    return read_stars(path)


def _read_hdf5(path: Path) -> Galaxy:
    with hdf5.opened(path) as file:
        gadget = isinstance(file.get(GROUP), h5py.Group) or _is_part_of_snapshot(file)
        table = isinstance(file.get("stars"), h5py.Dataset)
        content = ", ".join(file) or "nothing"
    if gadget:
        return read_parttype4(path)
    if table:
        return read_stars(path)
    raise ValueError(
        f"{path}: expected a group {GROUP!r} or a table 'stars', the file has {content}"
    )


def _is_part_of_snapshot(file: h5py.File) -> bool:
    """Whether the stars may be in the other files of a snapshot."""
    header = file.get("Header")
    return isinstance(header, h5py.Group) and "NumFilesPerSnapshot" in header.attrs
