"""Gadget-like HDF5 snapshots: EAGLE, SimSpin, SWIFT/COLIBRE, Illustris(TNG), Horizon-AGN cut-outs.

A file holds the star particles of one galaxy in the group ``PartType4``. Each dataset says its
units itself: factor to CGS and exponents of the scale factor a and of h.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from astropy import units as u

from galflowlab.data.readers import abundances
from galflowlab.data.readers.ages import ages
from galflowlab.data.readers.checks import build, check_count
from galflowlab.data.readers.header import Header, attribute, read_header
from galflowlab.galaxy import Cut, Galaxy, Provenance

GROUP = "PartType4"

_POSITION = ("Coordinates",)
_VELOCITY = ("Velocities", "Velocity")
_MASS = ("Masses", "Mass")
_FORMATION = ("StellarFormationTime", "BirthScaleFactors", "GFM_StellarFormationTime")
_METALLICITY = ("SmoothedMetallicity", "Metallicity", "MetalMassFractions", "GFM_Metallicity")
_ILLUSTRIS_ELEMENTS = (
    "Hydrogen",
    "Helium",
    "Carbon",
    "Nitrogen",
    "Oxygen",
    "Neon",
    "Magnesium",
    "Silicon",
    "Iron",
)
_ELEMENTS = ("SmoothedElementAbundance", "ElementAbundance")

# factor to CGS, exponent of a, exponent of h: as EAGLE, SWIFT and IllustrisTNG call them
_UNIT_ATTRIBUTES = (
    ("CGSConversionFactor", "aexp-scale-exponent", "h-scale-exponent"),
    (
        "Conversion factor to CGS (not including cosmological corrections)",
        "a-scale exponent",
        "h-scale exponent",
    ),
    ("to_cgs", "a_scaling", "h_scaling"),
)
_CGS = {"length": u.cm, "velocity": u.cm / u.s, "mass": u.g}


def read_parttype4(path: Path) -> Galaxy:
    """Read all star particles of a Gadget-like HDF5 file as one galaxy.

    Ages come from formation scale factors and the cosmology of the header; [Fe/H] and [O/Fe]
    from element mass fractions relative to `abundances.SOLAR_SCALE`, NaN where undefined.
    Wind particles (formation scale factor <= 0) are dropped and counted in the provenance.
    """
    try:
        with h5py.File(path, "r") as file:
            return _read(path, file)
    except (RuntimeError, KeyError) as error:
        raise OSError(f"{path}: damaged HDF5 file ({error})") from error


def _read(path: Path, file: h5py.File) -> Galaxy:
    header, group = read_header(path, file), file[GROUP]
    formation = _load(path, group, _FORMATION)
    position = _physical(path, group, _POSITION, header, u.kpc, box=header.box)
    velocity = _physical(path, group, _VELOCITY, header, u.km / u.s)
    columns: dict[str, Any] = dict(zip("xyz", position.T, strict=True))
    columns |= zip(("vx", "vy", "vz"), velocity.T, strict=True)
    columns["mass"] = _physical(path, group, _MASS, header, u.Msun)
    columns["metallicity"] = _load(path, group, _METALLICITY)
    columns |= _abundances(path, file, group)
    counts = {name: len(values) for name, values in columns.items()}
    if set(counts.values()) != {len(formation)}:
        raise ValueError(f"{path}: {GROUP} datasets should be equally long, got {counts}")
    star = formation > 0  # NaN stays out too, but is refused below
    if np.isnan(formation).any():
        raise ValueError(f"{path}: column 'age' should be finite, formation times have NaN")
    columns = {name: values[star] for name, values in columns.items()}
    columns["age"] = ages(formation[star], header.scale_factor, header.cosmology)
    wind = int(np.count_nonzero(~star))
    provenance = Provenance(
        source=path.name,
        simulation=header.simulation,
        redshift=header.redshift,
        cuts=(Cut("wind particles", int(star.sum()), wind),) if wind else (),
        notes=_notes(header, columns),
    )
    return build(path, path.stem, columns, provenance)


def _notes(header: Header, columns: dict[str, Any]) -> str:
    notes = f"ages with {header.cosmology}"
    if "fe_h" in columns:
        notes += f"; abundances relative to {abundances.SOLAR_SCALE}"
    return notes


def _dataset(path: Path, group: h5py.Group, names: tuple[str, ...]) -> h5py.Dataset:
    for name in names:
        if isinstance(group.get(name), h5py.Dataset):
            return group[name]
    raise ValueError(f"{path}: missing column; expected {GROUP}/{' or '.join(names)}")


def _load(path: Path, group: h5py.Group, names: tuple[str, ...], width: int = 0) -> np.ndarray:
    """Load one dataset as float64, after checking its shape (star,) or (star, width)."""
    data = _dataset(path, group, names)
    expected = f"(star, {width})" if width else "(star,)"
    if data.dtype.kind not in "fiu":
        raise ValueError(f"{path}: {data.name} should hold real numbers, got {data.dtype}")
    if data.ndim != (2 if width else 1) or (width and data.shape[1] != width):
        raise ValueError(f"{path}: {data.name} should have shape {expected}, got {data.shape}")
    check_count(path, data.shape[0])
    try:
        return np.asarray(data[...], dtype=np.float64)
    except OSError as error:
        raise OSError(f"{path}: {data.name} cannot be read, truncated? ({error})") from error


def _physical(
    path: Path,
    group: h5py.Group,
    names: tuple[str, ...],
    header: Header,
    unit: u.UnitBase,
    box: float | None = None,
) -> np.ndarray:
    """Load a dataset and convert it to a physical unit by what its attributes say."""
    data = _dataset(path, group, names)
    for keys in _UNIT_ATTRIBUTES:
        if keys[0] in data.attrs:
            break
    else:
        raise ValueError(
            f"{path}: {data.name} is unit-less; expected the attribute {_UNIT_ATTRIBUTES[0][0]!r}"
        )
    cgs, a_power, h_power = (attribute(path, data, key) for key in keys)
    if not (np.isfinite(cgs) and cgs > 0):
        raise ValueError(f"{path}: {data.name} has the factor {cgs} to CGS; expected a positive")
    kind = "mass" if unit == u.Msun else "length" if unit == u.kpc else "velocity"
    factor = cgs * header.scale_factor**a_power * header.cosmology.h**h_power
    values = _load(path, group, names, width=0 if kind == "mass" else 3)
    if box:
        values = _unwrap(values, box)
    return values * factor * _CGS[kind].to(unit)


def _unwrap(position: np.ndarray, box: float) -> np.ndarray:
    """Put a galaxy that straddles the edge of the periodic box together again."""
    inside = position.min(initial=0.0) >= 0 and position.max(initial=0.0) <= box
    if not inside or np.ptp(position, axis=0).max() < box / 2:
        return position
    return position - box * np.round((position - position[0]) / box)


def _abundances(path: Path, file: h5py.File, group: h5py.Group) -> dict[str, np.ndarray]:
    """[Fe/H] and [O/Fe] if the file has hydrogen, oxygen and iron, else nothing."""
    element = _element_loader(path, file, group)
    if element is None:
        return {}
    hydrogen, oxygen, iron = (element(name) for name in ("Hydrogen", "Oxygen", "Iron"))
    return {
        "fe_h": abundances.iron_over_hydrogen(iron, hydrogen),
        "o_fe": abundances.oxygen_over_iron(oxygen, iron),
    }


def _element_loader(
    path: Path, file: h5py.File, group: h5py.Group
) -> Callable[[str], np.ndarray] | None:
    for name in _ELEMENTS:  # EAGLE: one dataset for each element
        elements = group.get(name)
        if isinstance(elements, h5py.Group) and {"Hydrogen", "Oxygen", "Iron"} <= set(elements):
            return lambda element: _load(path, elements, (element,))
    for name, order in _element_tables(file):
        if name in group and {"Hydrogen", "Oxygen", "Iron"} <= set(order):
            table = _load(path, group, (name,), width=len(order))
            return lambda element: table[:, order.index(element)]
    return None


def _element_tables(file: h5py.File) -> list[tuple[str, list[str]]]:
    """Names and column orders of two-dimensional tables of mass fractions."""
    tables = []
    illustris = file.get(f"{GROUP}/GFM_Metals")
    if isinstance(illustris, h5py.Dataset):
        last = ["Other"] if illustris.shape[1:] == (10,) else []  # IllustrisTNG adds the rest
        tables.append(("GFM_Metals", [*_ILLUSTRIS_ELEMENTS, *last]))
    named = file.get("SubgridScheme/NamedColumns/ElementMassFractions")  # SWIFT
    if isinstance(named, h5py.Dataset):
        order = [v.decode() if isinstance(v, bytes) else str(v) for v in named[...]]
        tables.append(("ElementMassFractions", order))
    return tables
