"""Gadget-like HDF5: EAGLE, SimSpin, SWIFT/COLIBRE, Illustris(TNG), Auriga, Gizmo/FIRE.

A snapshot holds the star particles of one galaxy in the group ``PartType4``: a cut-out, such as
those that the TNG API gives, or a zoom-in simulation. Whole boxes hold many galaxies and are cut
out before, with the tools of their simulation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from galflowlab.data.readers import abundances
from galflowlab.data.readers.ages import ages
from galflowlab.data.readers.checks import build, check_count
from galflowlab.data.readers.code_units import known_code_units, physical_factor
from galflowlab.data.readers.elements import dataset, metals_and_abundances
from galflowlab.data.readers.hdf5 import load, opened
from galflowlab.data.readers.header import Header, read_header
from galflowlab.galaxy import Cut, Galaxy, Provenance
from galflowlab.schema import POSITION, VELOCITY

GROUP = "PartType4"

CHUNK = re.compile(r"(?P<stem>.+)\.(?P<number>\d+)(?P<suffix>\.(hdf5|h5))", re.IGNORECASE)
"""Names of the files of a snapshot in several."""

_POSITION = ("Coordinates",)
_VELOCITY = ("Velocities", "Velocity")
_MASS = ("Masses", "Mass")
_FORMATION = ("StellarFormationTime", "BirthScaleFactors", "GFM_StellarFormationTime")
_COLUMNS = {"length": POSITION, "velocity": VELOCITY, "mass": ("mass",)}
_FORMED = "formation"  # scale factor, until it becomes an age


@dataclass(frozen=True)
class _Part:
    """Star particles of one file."""

    header: Header
    columns: dict[str, np.ndarray]
    box: float | None  # kpc
    units: str


def read_parttype4(path: Path) -> Galaxy:
    """Read all star particles of a Gadget-like HDF5 snapshot as one galaxy.

    Ages come from formation scale factors and the cosmology of the header; [Fe/H] and [O/Fe]
    from element mass fractions relative to `abundances.SOLAR_SCALE`, NaN where undefined.
    Wind particles (formation scale factor <= 0) are dropped and counted in the provenance.

    A snapshot in several files, ``NAME.0.hdf5`` and so on, is read as one, whichever of them
    is given, and its galaxy is called ``NAME``.
    """
    files = snapshot_files(path)
    parts, count = [], 0
    for file_path in files:
        with opened(file_path) as file:
            header = read_header(file_path, file)
            group = file.get(GROUP)
            if isinstance(group, h5py.Group):  # a file of a snapshot may be without stars
                count += len(dataset(file_path, group, _FORMATION))
                check_count(path, count)
                parts.append(_part(file_path, file, group, header))
    if not parts:
        raise ValueError(f"{path}: no star particles; expected a group {GROUP!r}")
    _check_one_snapshot(path, files, parts, count)
    columns = parts[0].columns
    if len(parts) > 1:
        columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in columns}
    return _galaxy(path, files, parts[0], columns)


def snapshot_files(path: Path) -> list[Path]:
    """All files of the snapshot that a file is part of, in their order.

    Raises
    ------
    FileNotFoundError
        If one of them is not there.
    """
    match = CHUNK.fullmatch(path.name)
    if match is None:
        return [path]
    with opened(path) as file:
        count = read_header(path, file).files
    if count == 1:
        return [path]
    files = []
    for number in range(count):
        files.append(path.with_name(f"{match['stem']}.{number}{match['suffix']}"))
        if not files[-1].is_file():
            raise FileNotFoundError(f"{files[-1]}: no such file, one of {count} of a snapshot")
    return files


def _part(path: Path, file: h5py.File, group: h5py.Group, header: Header) -> _Part:
    known = known_code_units(path, file, group)
    columns = {_FORMED: load(path, dataset(path, group, _FORMATION)).astype(np.float64)}
    if not np.isfinite(columns[_FORMED]).all():
        raise ValueError(f"{path}: column 'age' should be finite, formation times are not")
    factors = {}
    for kind, names in (("length", _POSITION), ("velocity", _VELOCITY), ("mass", _MASS)):
        data = dataset(path, group, names)
        factors[kind] = physical_factor(path, data, kind, header, known)
        values = load(path, data, width=len(_COLUMNS[kind]) if kind != "mass" else 0)
        rows = np.atleast_2d(values.T) * np.float64(factors[kind])
        columns |= zip(_COLUMNS[kind], rows, strict=True)
    columns |= metals_and_abundances(path, file, group)
    counts = {name: len(values) for name, values in columns.items()}
    if len(set(counts.values())) != 1:
        raise ValueError(f"{path}: {GROUP} datasets should be equally long, got {counts}")
    box = header.box * factors["length"] if header.box else None
    return _Part(header, columns, box, known.origin if known else "")


def _check_one_snapshot(path: Path, files: list[Path], parts: list[_Part], count: int) -> None:
    """Raise ValueError unless these are the files of one snapshot, and all its stars."""
    if len(files) == 1:
        return
    first = parts[0]
    for part in parts:
        same = part.header == first.header and part.units == first.units
        if not (same and set(part.columns) == set(first.columns)):
            raise ValueError(f"{path}: the files of the snapshot differ in header or datasets")
    if first.header.stars is not None and first.header.stars != count:
        raise ValueError(
            f"{path}: {count} star particles in {len(files)} files; the header promises "
            f"{first.header.stars}"
        )


def _galaxy(path: Path, files: list[Path], part: _Part, columns: dict[str, np.ndarray]) -> Galaxy:
    header = part.header
    position = _unwrapped(np.stack([columns[axis] for axis in "xyz"]), part.box)
    columns |= dict(zip("xyz", position, strict=True))
    star = columns[_FORMED] > 0
    columns = {name: values[star] for name, values in columns.items()}
    check_count(path, int(star.sum()))
    try:
        columns["age"] = ages(columns.pop(_FORMED), header.scale_factor, header.cosmology)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    wind = int(np.count_nonzero(~star))
    notes = [part.units, f"ages with {header.cosmology}"]
    if "fe_h" in columns:
        notes.append(f"abundances relative to {abundances.SOLAR_SCALE}")
    match = CHUNK.fullmatch(path.name) if len(files) > 1 else None
    provenance = Provenance(
        source=path.name if match is None else f"{match['stem']}.*{match['suffix']}",
        simulation=header.simulation,
        redshift=header.redshift,
        cuts=(Cut("wind particles", int(star.sum()), wind),) if wind else (),
        notes="; ".join(note for note in notes if note),
    )
    return build(path, path.stem if match is None else match["stem"], columns, provenance)


def _unwrapped(position: np.ndarray, box: float | None) -> np.ndarray:
    """Put a galaxy that straddles the edge of the periodic box together again, (3, star)."""
    if not box or position.min(initial=0.0) < 0 or position.max(initial=0.0) > box:
        return position
    if np.ptp(position, axis=1).max() < box / 2:
        return position
    return position - box * np.round((position - position[:, :1]) / box)
