"""Names, units and order of everything that crosses a public boundary.

Positions and velocities are galactocentric, with the disc in the x-y plane and the spin
along +z. A data set may have fewer columns than listed here: which columns a galaxy or an
eDF has is data, never assumed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from astropy import units as u
from astropy.table import Column, QTable, Table
from numpy.typing import ArrayLike

Stars: TypeAlias = Table | Mapping[str, Any]


@dataclass(frozen=True)
class Quantity:
    """Name, unit and meaning of a star column or of a context entry."""

    name: str
    unit: u.UnitBase
    description: str
    label: str  # for axes and sliders, without the unit

    @property
    def unit_text(self) -> str:
        """The unit as it is written on an axis, empty if dimensionless."""
        return self.unit.to_string("unicode") if self.unit != u.one else ""

    @property
    def axis_label(self) -> str:
        """Label with unit, for axes."""
        return f"{self.label} [{self.unit_text}]" if self.unit_text else self.label


_KMS = u.km / u.s

COLUMNS: dict[str, Quantity] = {
    q.name: q
    for q in (
        Quantity("x", u.kpc, "galactocentric position, first disc axis", "x"),
        Quantity("y", u.kpc, "galactocentric position, second disc axis", "y"),
        Quantity("z", u.kpc, "galactocentric position along the spin", "z"),
        Quantity("vx", _KMS, "velocity along x", "vₓ"),
        Quantity("vy", _KMS, "velocity along y", "v_y"),
        Quantity("vz", _KMS, "velocity along z", "v_z"),
        Quantity("metallicity", u.one, "mass fraction of metals Z", "Z"),
        Quantity("fe_h", u.dex, "iron abundance [Fe/H]", "[Fe/H]"),
        Quantity("o_fe", u.dex, "oxygen over iron [O/Fe]", "[O/Fe]"),
        Quantity("age", u.Gyr, "time since the star formed", "age"),
        Quantity("mass", u.Msun, "mass of the star particle", "mass"),
    )
}
"""All columns that star particles can have, in canonical order."""

AGE_MAX = 14.0
"""In Gyr, above the age of the Universe in every published cosmology: no star is older."""

POSITION = ("x", "y", "z")
VELOCITY = ("vx", "vy", "vz")
PHASE_SPACE = POSITION + VELOCITY
"""Names of the six coordinates of phase space."""
EDF_COLUMNS = (*PHASE_SPACE, "metallicity", "fe_h", "o_fe", "age")
"""Columns that an eDF can have, in their order; mass is a weight, not a coordinate."""

CONTEXT: dict[str, Quantity] = {
    q.name: q
    for q in (
        Quantity("log10_mstar", u.dex(u.Msun), "log10 of the total stellar mass", "log₁₀ M★"),
        Quantity("age_p50", u.Gyr, "median age of the star particles", "median age"),
        Quantity("age_p10", u.Gyr, "10th percentile of the ages", "10th percentile of age"),
        Quantity("mean_metallicity", u.one, "mean mass fraction of metals", "mean Z"),
    )
}
"""All entries that the context of a galaxy can have, in canonical order."""


def edf_columns(names: Iterable[str]) -> tuple[str, ...]:
    """Return those of `names` that an eDF can have, in canonical order."""
    present = set(names)
    return tuple(name for name in EDF_COLUMNS if name in present)


def as_stars(columns: Mapping[str, ArrayLike | u.Quantity]) -> QTable:
    """Build a table of star particles in canonical column order.

    Parameters
    ----------
    columns
        Arrays of shape (star,) by column name. Plain numbers are taken in the unit of
        `COLUMNS`; quantities are converted to it.

    Raises
    ------
    ValueError
        For a column that `COLUMNS` does not know, a unit that cannot be converted, or
        columns that are not one-dimensional and equally long.

    Examples
    --------
    >>> from astropy import units as u
    >>> from galflowlab.schema import as_stars
    >>> as_stars({"x": [1000.0, 2000.0] * u.pc, "age": [1.0, 13.0]})["x"]
    <Quantity [1., 2.] kpc>
    """
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown:
        raise ValueError(f"unknown star columns {unknown}; known are {list(COLUMNS)}")
    table = QTable()
    for name, spec in COLUMNS.items():
        if name not in columns:
            continue
        values = column_values(columns, name)
        if len(table.colnames) and len(values) != len(table):
            raise ValueError(f"column {name!r} has {len(values)} stars, others have {len(table)}")
        table[name] = u.Quantity(values, spec.unit, copy=False)
    return table


def column_values(stars: Stars, name: str) -> np.ndarray:
    """Return one column as a plain one-dimensional array in its canonical unit.

    Raises
    ------
    ValueError
        If the column is missing, is not one-dimensional, has masked values, or has a unit that
        does not convert.
    """
    names = stars.colnames if isinstance(stars, Table) else list(stars)
    if name not in names:
        raise ValueError(f"missing star column {name!r}; the stars have {list(names)}")
    value, unit = stars[name], COLUMNS[name].unit
    mask = getattr(value, "mask", None)
    if isinstance(mask, np.ndarray) and mask.any():
        raise ValueError(f"column {name!r} has masked values; leave these stars out")
    if isinstance(value, Column) and value.unit is not None:  # of a Table that is no QTable
        value = value.quantity
    if isinstance(value, u.Quantity):
        try:
            value = value.to_value(unit)
        except u.UnitConversionError as error:
            raise ValueError(f"column {name!r} should be in {unit}, got {value.unit}") from error
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"column {name!r} should hold real numbers, got {array.dtype}")
    if array.ndim != 1:
        raise ValueError(f"column {name!r} should have shape (star,), got {array.shape}")
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def in_unit(name: str, value: Any, unit: u.UnitBase) -> np.ndarray:
    """Return numbers, or quantities converted to a unit, as a float64 array of any shape.

    Raises
    ------
    ValueError
        For a unit that does not convert, or what is no number; the message has the name.
    """
    try:
        if value is None:
            raise TypeError("None is no number")
        return np.asarray(u.Quantity(value, unit, dtype=np.float64).value)
    except u.UnitConversionError as error:
        raise ValueError(
            f"{name} should be in {unit}, got {getattr(value, 'unit', value)}"
        ) from error
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} should be numbers in {unit}, got {value!r}") from error


def finite_columns(
    stars: Stars, names: Iterable[str], length: int | None = None
) -> list[np.ndarray]:
    """Return columns of equal length whose values are finite; masses are not negative.

    Parameters
    ----------
    length
        That all columns must have; that of the first by default.

    Raises
    ------
    ValueError
        If a column is not so, or is refused by `column_values`.
    """
    columns: list[np.ndarray] = []
    for name in names:
        values = column_values(stars, name)
        length = len(values) if length is None else length
        if len(values) != length:
            raise ValueError(f"column {name!r} has {len(values)} stars, not {length}")
        if bad := len(values) - int(np.count_nonzero(np.isfinite(values))):
            raise ValueError(f"column {name!r} has {bad} values that are not finite")
        if name == "mass" and len(values) and values.min() < 0:
            raise ValueError("column 'mass' has negative values")
        columns.append(values)
    return columns


def star_matrix(stars: Stars, columns: Iterable[str]) -> np.ndarray:
    """Return the named columns as a float64 array of shape (star, feature)."""
    return np.column_stack([column_values(stars, name) for name in columns]).astype(np.float64)


def not_finite(matrix: np.ndarray, columns: Iterable[str]) -> list[str]:
    """Return the columns of a (star, feature) array that hold NaN or infinity."""
    finite = np.isfinite(matrix).all(axis=0)
    return [name for name, good in zip(columns, finite, strict=True) if not good]
