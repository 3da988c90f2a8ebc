"""Readers: from a file, whatever wrote it, to a galaxy."""

from __future__ import annotations

from pathlib import Path

import h5py

from galflowlab.data.readers.nihao import read_nihao
from galflowlab.data.readers.npz import read_npz
from galflowlab.data.readers.parttype4 import GROUP, read_parttype4
from galflowlab.data.readers.snapshots import read_snapshot
from galflowlab.data.readers.tables import read_stars
from galflowlab.galaxy import Galaxy
from galflowlab.tables import EXTENSIONS

__all__ = ["read"]

_HDF5 = (".hdf5", ".h5")


def read(path: str | Path, *, paramfile: str | Path | None = None) -> Galaxy:
    """Read one galaxy; what reads it follows from extension and content.

    ==========================  ==========================================================
    ``.npy``                    NIHAO galaxy of GalacticFlow's data set, shape (11, star)
    ``.npz``                    one array per column; provenance in a JSON file beside it
    HDF5 with ``PartType4``     Gadget-like cut-out: EAGLE, SimSpin, SWIFT, Illustris(TNG)
    ``.hdf5 .h5 .fits``         table with our column names and units, as
    ``.parquet .ecsv .csv``     `Galaxy.write` writes it
    anything else               simulation snapshot, by pynbody (``galflowlab[sims]``)
    ==========================  ==========================================================

    Positions and velocities come as the file has them, in physical kpc and km/s: see
    `prepare`. Nothing in a file is executed: pickles are refused.

    Parameters
    ----------
    path
        The file.
    paramfile
        Parameter file of a Tipsy snapshot that has none beside it.

    Raises
    ------
    ValueError
        If the content is not a galaxy; the message names file, column and expectation.
    OSError
        If there is no such file or it is damaged.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path}: is a directory; expected a file")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    if not path.stat().st_size:
        raise ValueError(f"{path}: empty file")
    suffix = path.suffix.lower()
    hdf5 = suffix in _HDF5 or h5py.is_hdf5(path)
    if not hdf5 and suffix not in (".npy", ".npz", *EXTENSIONS):
        return read_snapshot(path, None if paramfile is None else Path(paramfile))
    if paramfile is not None:
        raise ValueError(f"{path}: paramfile is for simulation snapshots only")
    if hdf5:
        return _read_hdf5(path)
    if suffix == ".npy":
        return read_nihao(path)
    return read_npz(path) if suffix == ".npz" else read_stars(path)


def _read_hdf5(path: Path) -> Galaxy:
    try:
        with h5py.File(path, "r") as file:
            gadget = isinstance(file.get(GROUP), h5py.Group)
            table = isinstance(file.get("stars"), h5py.Dataset)
            content = ", ".join(file) or "nothing"
    except (OSError, RuntimeError, KeyError) as error:
        raise OSError(f"{path}: not a whole HDF5 file ({error})") from error
    if gadget:
        return read_parttype4(path)
    if table:
        return read_stars(path)
    raise ValueError(
        f"{path}: expected a group {GROUP!r} or a table 'stars', the file has {content}"
    )
