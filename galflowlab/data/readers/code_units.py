"""Units of Gadget-like HDF5 datasets: from their attributes, or those of a code that is known.

EAGLE, SWIFT and full IllustrisTNG snapshots write the unit of a dataset beside it: a factor to
CGS and exponents of the scale factor a and of h. Cut-outs of Illustris(TNG) and the snapshots of
Gizmo (FIRE) do not; there, the header and the names of the datasets say which code it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from astropy import units as u

from galflowlab.data.readers.elements import GIZMO_WIDTH
from galflowlab.data.readers.hdf5 import attribute
from galflowlab.data.readers.header import Header

# factor to CGS, exponent of a, exponent of h: as EAGLE, SWIFT and IllustrisTNG call them
_ATTRIBUTES = (
    ("CGSConversionFactor", "aexp-scale-exponent", "h-scale-exponent"),
    (
        "Conversion factor to CGS (not including cosmological corrections)",
        "a-scale exponent",
        "h-scale exponent",
    ),
    ("to_cgs", "a_scaling", "h_scaling"),
)
_PHYSICAL = "Value stored as physical"  # SWIFT: the exponent of a is how it would scale

_KINDS = {
    "length": (u.cm, u.kpc),
    "velocity": (u.cm / u.s, u.km / u.s),
    "mass": (u.g, u.Msun),
}
_CONSISTENT = 2e-3  # relative difference of Time and 1 / (1 + Redshift)
_LARGE_BOX = 10_000.0  # ten Gpc/h if it were Mpc/h, so it is kpc/h
_DEFAULT = {"length": u.kpc.to(u.cm), "velocity": 1e5, "mass": 1e10 * u.Msun.to(u.g)}


@dataclass(frozen=True)
class CodeUnits:
    """Units of all datasets of a file that do not say theirs."""

    cgs: dict[str, float]
    h_power: float  # of length and mass: -1 where they are per h
    origin: str

    def exponents(self, kind: str) -> tuple[float, float]:
        """Exponents of a and h: comoving lengths, and velocities of Gadget's convention."""
        a_power = {"length": 1.0, "velocity": 0.5, "mass": 0.0}[kind]
        return a_power, 0.0 if kind == "velocity" else self.h_power


def physical_factor(
    path: Path, data: h5py.Dataset, kind: str, header: Header, known: CodeUnits | None
) -> float:
    """Factor to physical kpc, km/s or Msun of a length, velocity or mass.

    Raises
    ------
    ValueError
        If neither the dataset nor `known` say the unit.
    """
    for keys in _ATTRIBUTES:
        if keys[0] in data.attrs:
            cgs, a_power, h_power = (attribute(path, data, key) for key in keys)
            if _PHYSICAL in data.attrs and attribute(path, data, _PHYSICAL) == 1:
                a_power = 0.0
            break
    else:
        if known is None:
            raise ValueError(
                f"{path}: {data.name} is unit-less; expected the attribute {_ATTRIBUTES[0][0]!r}, "
                "a header of a known code, or a map of columns (see read)"
            )
        cgs, (a_power, h_power) = known.cgs[kind], known.exponents(kind)
    if not cgs > 0:
        raise ValueError(f"{path}: {data.name} has the factor {cgs} to CGS; expected a positive")
    start, end = _KINDS[kind]
    with np.errstate(over="ignore"):
        factor = float(cgs * np.float64(header.scale_factor) ** a_power)
        factor = float(factor * np.float64(header.cosmology.h) ** h_power * start.to(end))
    if not (np.isfinite(factor) and factor > 0):
        raise ValueError(f"{path}: {data.name} has an impossible unit of {factor} {end}")
    return factor


def known_code_units(path: Path, file: h5py.File, group: h5py.Group) -> CodeUnits | None:
    """Units by what the header and the dataset names say about the code; None if nothing.

    AREPO (Illustris, IllustrisTNG, Auriga) is known by ``GFM_StellarFormationTime``; its header,
    or its group ``Parameters``, has the units per h, or else they are kpc/h, 1e10 Msun/h and
    km/s, which a large enough ``BoxSize`` must confirm. Gizmo (FIRE) is known by
    ``UnitLength_In_CGS``, which contains h already, or by ``GIZMO_version`` or its table of
    metals, with the same units per h as above.

    Raises
    ------
    ValueError
        If the code is known and the units are not, or the run is not cosmological.
    """
    header, metals = file["Header"], group.get("Metallicity")
    table = isinstance(metals, h5py.Dataset) and metals.shape[1:] and metals.shape[1] >= GIZMO_WIDTH
    if "UnitLength_In_CGS" in header.attrs:
        keys = "UnitLength_In_CGS", "UnitVelocity_In_CGS", "UnitMass_In_CGS"
        found = _from(path, header, keys, 0.0, "units of the header (Gizmo)")
    elif "GFM_StellarFormationTime" in group:
        found = _per_h(path, file, header, "AREPO")
    elif table or "GIZMO_version" in header.attrs:
        found = _per_h(path, file, header, "Gizmo")
    else:
        return None
    _check_time(path, header)
    return found


def _per_h(path: Path, file: h5py.File, header: h5py.Group, code: str) -> CodeUnits:
    keys = "UnitLength_in_cm", "UnitVelocity_in_cm_per_s", "UnitMass_in_g"
    for item in (header, file.get("Parameters")):
        if isinstance(item, h5py.Group) and keys[0] in item.attrs:
            where = item.name.removeprefix("/")
            return _from(path, item, keys, -1.0, f"units of {where!r} per h ({code})")
    box = attribute(path, header, "BoxSize") if "BoxSize" in header.attrs else 0.0
    if not box > _LARGE_BOX:
        raise ValueError(
            f"{path}: unit-less file of {code}; expected {keys[0]!r} in the header, or a "
            f"'BoxSize' above {_LARGE_BOX:g} that tells kpc/h from Mpc/h, got {box:g}"
        )
    return CodeUnits(_DEFAULT, -1.0, f"units of {code} assumed: kpc/h, 1e10 Msun/h, km/s sqrt(a)")


def _from(
    path: Path, item: h5py.Group, keys: tuple[str, str, str], h_power: float, origin: str
) -> CodeUnits:
    length, velocity, mass = (attribute(path, item, key) for key in keys)
    return CodeUnits({"length": length, "velocity": velocity, "mass": mass}, h_power, origin)


def _check_time(path: Path, header: h5py.Group) -> None:
    """These codes write the scale factor as time, unless the run is not cosmological."""
    now = 1.0 / (1.0 + attribute(path, header, "Redshift"))
    time = attribute(path, header, "Time")
    if not abs(time - now) <= _CONSISTENT * now:
        raise ValueError(
            f"{path}: Header 'Time' is {time:.6g}; expected the scale factor {now:.6g} of a "
            "cosmological run, or a map of columns (see read)"
        )
