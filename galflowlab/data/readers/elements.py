"""Where Gadget-like HDF5 files keep metals and elements."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from galflowlab.data.readers import abundances
from galflowlab.data.readers.hdf5 import check_heaps, load

GIZMO_WIDTH = 11
"""Fewest columns of a Gizmo table of metals; FIRE adds columns of the r-process."""

_METALLICITY = (
    "SmoothedMetallicity",
    "Metallicity",
    "SmoothedMetalMassFractions",
    "MetalMassFractions",
    "GFM_Metallicity",
)
_NEEDED = ("Hydrogen", "Oxygen", "Iron")
_GROUPS = ("SmoothedElementAbundance", "ElementAbundance")  # EAGLE: a dataset for each element
_SWIFT = "ElementMassFractions"
_ILLUSTRIS = (
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
_GIZMO_METALS, _GIZMO_HELIUM, _GIZMO_OXYGEN, _GIZMO_IRON = 0, 1, 4, 10
_NAMES = 100_000  # bytes; more elements there are not

Element = Callable[[str], np.ndarray]


def metals_and_abundances(path: Path, file: h5py.File, group: h5py.Group) -> dict[str, np.ndarray]:
    """Metallicity, and [Fe/H] and [O/Fe] if the file has hydrogen, oxygen and iron."""
    table = group.get("Metallicity")
    if isinstance(table, h5py.Dataset) and table.ndim == 2 and table.shape[1] >= GIZMO_WIDTH:
        metallicity, element = _gizmo(load(path, table, width=table.shape[1]))
        return {"metallicity": metallicity, **_abundances(element)}
    columns = {"metallicity": load(path, dataset(path, group, _METALLICITY))}
    found = _elements(path, file, group)
    return columns if found is None else columns | _abundances(found)


def dataset(path: Path, group: h5py.Group, names: tuple[str, ...]) -> h5py.Dataset:
    """Return the first dataset of `names` that the group has."""
    for name in names:
        if isinstance(group.get(name), h5py.Dataset):
            return group[name]
    where = group.name.removeprefix("/")
    raise ValueError(f"{path}: missing column; expected {where}/{' or '.join(names)}")


def _abundances(element: Element) -> dict[str, np.ndarray]:
    hydrogen, oxygen, iron = (element(name) for name in _NEEDED)
    return {
        "fe_h": abundances.iron_over_hydrogen(iron, hydrogen),
        "o_fe": abundances.oxygen_over_iron(oxygen, iron),
    }


def _gizmo(table: np.ndarray) -> tuple[np.ndarray, Element]:
    """All metals, He, C, N, O, Ne, Mg, Si, S, Ca, Fe, ... as mass fractions; the rest is H."""
    fractions = table.astype(np.float64)
    metals = fractions[:, _GIZMO_METALS]
    elements = {
        "Hydrogen": 1.0 - metals - fractions[:, _GIZMO_HELIUM],
        "Oxygen": fractions[:, _GIZMO_OXYGEN],
        "Iron": fractions[:, _GIZMO_IRON],
    }
    return metals, elements.__getitem__


def _elements(path: Path, file: h5py.File, group: h5py.Group) -> Element | None:
    for name in _GROUPS:
        elements = group.get(name)
        if isinstance(elements, h5py.Group) and set(_NEEDED) <= set(elements):
            return lambda element: load(path, dataset(path, elements, (element,)))
    for name, order in _tables(file, group):
        if isinstance(group.get(name), h5py.Dataset) and set(_NEEDED) <= set(order):
            table = load(path, group[name], width=len(order))
            return lambda element: table[:, order.index(element)]
    return None


def _tables(file: h5py.File, group: h5py.Group) -> list[tuple[str, list[str]]]:
    """Names and column orders of two-dimensional tables of mass fractions."""
    tables = []
    illustris = group.get("GFM_Metals")
    if isinstance(illustris, h5py.Dataset):
        last = ["Other"] if illustris.shape[1:] == (10,) else []  # IllustrisTNG adds the rest
        tables.append(("GFM_Metals", [*_ILLUSTRIS, *last]))
    named = file.get(f"SubgridScheme/NamedColumns/{_SWIFT}")
    if isinstance(named, h5py.Dataset) and named.ndim == 1 and named.nbytes <= _NAMES:
        if named.dtype.kind == "O":
            check_heaps(Path(file.filename))
        order = [v.decode() if isinstance(v, bytes) else str(v) for v in named[...]]
        tables.append((_SWIFT, order))
    return tables
