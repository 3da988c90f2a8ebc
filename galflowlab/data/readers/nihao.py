"""NIHAO galaxies as GalacticFlow publishes them: one .npy array of shape (11, star) each."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from galflowlab.data.readers.checks import build, check_count
from galflowlab.files import one_line
from galflowlab.galaxy import Galaxy, Provenance

ROWS = ("x", "y", "z", "vx", "vy", "vz", "metallicity", "fe_h", "o_fe", "mass", "age")
"""In kpc, km/s, mass fraction, dex, dex, Msun and Gyr."""

_NAME = re.compile(r"(?:^|_)(g\d+(?:\.\d+)?e\d+)_(\d+(?:\.\d+)?(?:e\+?\d+)?)$")


def read_nihao(path: Path) -> Galaxy:
    """Read a NIHAO galaxy; its id and dark-matter mass are taken from the file name.

    The array holds the rows `ROWS`. It carries no units: they are those of the published
    data set, Zenodo 10.5281/zenodo.8389554.
    """
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except (MemoryError, Exception) as error:  # whatever numpy makes of a header of arbitrary bytes
        raise ValueError(
            f"{path}: not a whole .npy file of numbers ({one_line(error)}); "
            "expected shape (11, star)"
        ) from error
    if array.ndim != 2 or array.shape[0] != len(ROWS):
        raise ValueError(
            f"{path}: expected shape (11, star) with rows {', '.join(ROWS)}, got {array.shape}"
        )
    check_count(path, array.shape[1])
    match = _NAME.search(path.stem)
    name, notes = path.stem, "units of Zenodo 10.5281/zenodo.8389554 assumed"
    if match:
        name = match[1]
        notes = f"dark-matter mass {match[2]} Msun (from the file name); {notes}"
    provenance = Provenance(source=path.name, simulation="NIHAO", notes=notes)
    return build(path, name, dict(zip(ROWS, np.array(array), strict=True)), provenance)
