"""Everything else: simulation snapshots as pynbody reads them (the ``sims`` extra)."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from galflowlab.data.readers import abundances
from galflowlab.data.readers.checks import build, check_count
from galflowlab.galaxy import Cut, Galaxy, Provenance

_UNITS = {"pos": "kpc", "vel": "km s**-1", "mass": "Msol", "age": "Gyr"}


def read_snapshot(path: Path, paramfile: Path | None) -> Galaxy:
    """Read all star particles of a snapshot that pynbody understands.

    Parameters
    ----------
    path
        The snapshot. Auxiliary arrays are found by pynbody beside it.
    paramfile
        For Tipsy snapshots (Gasoline, ChaNGa): the parameter file with ``dKpcUnit``,
        ``dMsolUnit`` and the cosmology. By default pynbody looks for ``*.param`` beside the
        snapshot and one folder up.

    Raises
    ------
    ImportError
        If pynbody is not installed.
    ValueError
        If the units are not known, or an array is missing or bad.
    OSError
        If pynbody cannot read the file.
    """
    try:
        import pynbody
    except ImportError as error:
        raise ImportError(
            f"{path}: simulation snapshots need pynbody; pip install galflowlab[sims]"
        ) from error
    if paramfile is not None and not paramfile.is_file():
        raise FileNotFoundError(f"{paramfile}: no such parameter file")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            options = {} if paramfile is None else {"paramfile": str(paramfile)}
            snapshot = pynbody.load(str(path), **options)
            if any("using defaults" in str(w.message) for w in caught):
                raise ValueError(
                    f"{path}: unit-less file; expected a parameter file *.param with dKpcUnit "
                    "and dMsolUnit beside it, or read(path, paramfile=...)"
                )
            return _read(path, snapshot)
    except MemoryError:
        raise
    except Exception as error:  # whatever pynbody makes of arbitrary bytes
        if isinstance(error, ValueError | OSError) and str(path) in str(error):
            raise
        raise OSError(f"{path}: pynbody cannot read it ({error!r})") from error


def _read(path: Path, snapshot: Any) -> Galaxy:
    check_count(path, len(snapshot))
    stars = snapshot.star
    check_count(path, len(stars))
    arrays = {name: _array(path, stars, name, unit) for name, unit in _UNITS.items()}
    columns = dict(zip("xyz", arrays["pos"].T, strict=True))
    columns |= zip(("vx", "vy", "vz"), arrays["vel"].T, strict=True)
    columns |= {"age": arrays["age"], "mass": arrays["mass"]}
    if "metals" in stars.loadable_keys():
        columns["metallicity"] = np.asarray(stars["metals"], np.float64)
    notes = "read by pynbody"
    if {"FeMassFrac", "OxMassFrac"} <= set(stars.loadable_keys()):
        iron, oxygen = (np.asarray(stars[k], np.float64) for k in ("FeMassFrac", "OxMassFrac"))
        hydrogen = np.asarray(stars["hydrogen"], np.float64)
        columns["fe_h"] = abundances.iron_over_hydrogen(iron, hydrogen)
        columns["o_fe"] = abundances.oxygen_over_iron(oxygen, iron)
        notes += f"; abundances relative to {abundances.SOLAR_SCALE}"
    cuts: tuple[Cut, ...] = ()
    if "tform" in stars.loadable_keys():  # Gasoline and ChaNGa mark black holes this way
        star = np.asarray(stars["tform"]) >= 0
        holes = int(np.count_nonzero(~star))
        columns = {name: values[star] for name, values in columns.items()}
        cuts = (Cut("black holes", int(star.sum()), holes),) if holes else ()
    provenance = Provenance(
        source=path.name,
        simulation=f"{type(snapshot).__name__} snapshot",
        redshift=_redshift(snapshot),
        cuts=cuts,
        notes=notes,
    )
    return build(path, path.name, columns, provenance)


def _array(path: Path, stars: Any, name: str, unit: str) -> np.ndarray:
    """Load one pynbody array in a physical unit."""
    try:
        values = stars[name]
    except KeyError as error:
        raise ValueError(f"{path}: missing column {name!r}; expected it in {unit}") from error
    try:
        return np.asarray(values.in_units(unit, **stars.conversion_context()), np.float64)
    except Exception as error:
        raise ValueError(
            f"{path}: column {name!r} is in {values.units}; expected {unit}"
        ) from error


def _redshift(snapshot: Any) -> float:
    redshift = float(snapshot.properties.get("z", 0.0))
    return redshift if np.isfinite(redshift) else 0.0
