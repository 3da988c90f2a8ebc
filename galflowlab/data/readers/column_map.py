"""Maps of columns: a TOML file that says which column of a table is which of ours."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units as u

from galflowlab.data.readers.ages import Cosmology
from galflowlab.data.readers.checks import MAY_BE_UNDEFINED, errors_of
from galflowlab.galaxy import REQUIRED
from galflowlab.schema import COLUMNS

FILE_NAME = "columns.toml"
"""A map of this name holds for all tables of its folder; ``NAME.columns.toml`` for one."""

FORMATION = ("scale factor", "redshift", "cosmic time")
"""What a column may hold in place of ages."""

_LARGEST_FILE = 1 << 20  # bytes
_LONGEST_UNIT = 60
_POWER = re.compile(r"(\*\*|\^)[\s(+\-]*\d{3,}")  # astropy would compute 10**1000000000


@dataclass(frozen=True)
class Source:
    """Where one of our columns comes from, and what its numbers are."""

    name: str
    index: int | None = None
    unit: u.UnitBase | None = None
    scale: float = 1.0
    log10: bool = False
    formation: str | None = None


@dataclass(frozen=True)
class ColumnMap:
    """All that a map says about a table."""

    columns: Mapping[str, Source]
    cosmology: Cosmology | None = None
    redshift: float = 0.0
    simulation: str = "unknown"
    origin: str = ""


def map_beside(path: Path) -> Path | None:
    """The map of a table that lies beside it, its own or that of the folder."""
    for found in (path.with_name(f"{path.stem}.{FILE_NAME}"), path.with_name(FILE_NAME)):
        if found.is_file() and found != path:
            return found
    return None


def read_map(path: Path) -> ColumnMap:
    """Read a map; see `galflowlab.read` for what it holds.

    Raises
    ------
    ValueError
        If it is not TOML or says something that has no meaning; names the file and the entry.
    FileNotFoundError
        If there is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    if path.stat().st_size > _LARGEST_FILE:
        raise ValueError(f"{path}: expected a short map of columns in TOML")
    with errors_of(path):
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path}: not a TOML file ({error})") from error
        return _map(path, data)


def _map(path: Path, data: dict[str, Any]) -> ColumnMap:
    _only(path, "map", data, ("columns", "cosmology", "redshift", "simulation"))
    columns = {name: _source(path, name, entry) for name, entry in _table(path, data).items()}
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise ValueError(f"{path}: the map lacks columns.{missing[0]}; needs {', '.join(REQUIRED)}")
    cosmology = _cosmology(path, data["cosmology"]) if "cosmology" in data else None
    if columns["age"].formation and cosmology is None:
        raise ValueError(
            f"{path}: columns.age is a {columns['age'].formation}; expected a table cosmology "
            "with h, omega_m and omega_lambda"
        )
    redshift = _number(path, "redshift", data.get("redshift", 0.0))
    if not -0.5 < redshift < 100:
        raise ValueError(f"{path}: redshift is {redshift}; expected 0 to 100")
    simulation = data.get("simulation", "unknown")
    if not isinstance(simulation, str):
        raise ValueError(f"{path}: simulation should be a text, got {simulation!r}")
    return ColumnMap(columns, cosmology, redshift, simulation, path.name)


def _table(path: Path, data: dict[str, Any]) -> dict[str, Any]:
    columns = data.get("columns")
    if not isinstance(columns, dict):
        raise ValueError(f"{path}: expected a table 'columns' with an entry for each of ours")
    _only(path, "columns", columns, tuple(COLUMNS))
    return columns


def _source(path: Path, ours: str, entry: Any) -> Source:
    """One entry: the name of a column, or a table with more about it."""
    where = f"columns.{ours}"
    if isinstance(entry, str):
        return Source(entry)
    if not isinstance(entry, dict):
        raise ValueError(f"{path}: {where} should be a name or a table, got {entry!r}")
    known = ("name", "index", "unit", "scale", "log10")
    _only(path, where, entry, (*known, "formation") if ours == "age" else known)
    name, index = entry.get("name", ours), entry.get("index")
    if not isinstance(name, str):
        raise ValueError(f"{path}: {where}.name should be a text, got {name!r}")
    if index is not None and (type(index) is not int or not 0 <= index < 1000):
        raise ValueError(f"{path}: {where}.index should be 0 to 999, got {index!r}")
    scale = _number(path, f"{where}.scale", entry.get("scale", 1.0))
    log10 = entry.get("log10", False)
    if type(log10) is not bool or (log10 and ours in MAY_BE_UNDEFINED):
        raise ValueError(f"{path}: {where}.log10 should be true or false, and false for [X/Y]")
    unit = _unit(path, where, ours, entry["unit"]) if "unit" in entry else None
    formation = entry.get("formation")
    if formation is not None and formation not in FORMATION:
        raise ValueError(f"{path}: {where}.formation should be one of {FORMATION}: {formation!r}")
    if formation in FORMATION[:2] and unit not in (None, u.one):
        raise ValueError(f"{path}: {where} is a {formation} and has no unit, got {unit}")
    return Source(name, index, unit, scale, log10, formation)


def _unit(path: Path, where: str, ours: str, text: Any) -> u.UnitBase:
    expected = COLUMNS[ours].unit
    try:
        if not isinstance(text, str) or len(text) > _LONGEST_UNIT or _POWER.search(text):
            raise ValueError("expected a short text")
        unit = u.Unit(text)
        factor = float(unit.to(expected)) if ours not in MAY_BE_UNDEFINED else float(unit == u.dex)
        if not (np.isfinite(factor) and factor > 0):
            raise ValueError(f"not a unit of {expected}")
    except (ValueError, TypeError, OverflowError, ArithmeticError) as error:
        plain = f"in {expected}" if expected != u.one else "dimensionless"
        raise ValueError(
            f"{path}: {where}.unit is {text!r}; expected one that astropy converts to what we "
            f"have, {plain} ({error})"
        ) from error
    return unit


def _cosmology(path: Path, entry: Any) -> Cosmology:
    names = ("h", "omega_m", "omega_lambda")
    if not isinstance(entry, dict) or set(entry) != set(names):
        raise ValueError(f"{path}: cosmology should have {', '.join(names)}, got {entry!r}")
    h, omega_m, omega_l = (_number(path, f"cosmology.{name}", entry[name]) for name in names)
    cosmology = Cosmology(h, omega_m, omega_l, path.name)
    if not cosmology.likely:
        raise ValueError(f"{path}: unlikely cosmology {cosmology}")
    return cosmology


def _number(path: Path, where: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise ValueError(f"{path}: {where} should be a finite number, got {value!r}")
    return float(value)


def _only(path: Path, where: str, entry: Mapping[str, Any], known: tuple[str, ...]) -> None:
    unknown = [name for name in entry if name not in known]
    if unknown:
        raise ValueError(f"{path}: {where} has {unknown[0]!r}; known are {', '.join(known)}")
