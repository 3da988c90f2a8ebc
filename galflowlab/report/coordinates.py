"""Star particles in the coordinates that galaxies are discussed in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from galflowlab.profiles.binning import cylindrical
from galflowlab.schema import AGE_MAX, Stars, finite_columns

_Z_FLOOR = 1e-7  # metal mass fraction; a star without metals stays on a logarithmic axis


@dataclass(frozen=True)
class Axis:
    """One coordinate, as it is named and drawn.

    Parameters
    ----------
    label
        Without the unit.
    unit
        As it is written.
    limits
        Hard limits where the coordinate has any, such as an age of zero.
    """

    label: str
    unit: str = ""
    limits: tuple[float, float] = (-np.inf, np.inf)

    @property
    def axis_label(self) -> str:
        """Label with unit, for axes."""
        return f"{self.label} [{self.unit}]" if self.unit else self.label


AXES: dict[str, Axis] = {
    "R": Axis("R", "kpc", (0.0, np.inf)),
    "phi": Axis("azimuth", "°", (-180.0, 180.0)),
    "z": Axis("z", "kpc"),
    "v_R": Axis("v_R", "km/s"),
    "v_phi": Axis("v_φ", "km/s"),
    "v_z": Axis("v_z", "km/s"),
    "age": Axis("age", "Gyr", (0.0, AGE_MAX)),
    "log10_metallicity": Axis("log₁₀ Z"),
    "fe_h": Axis("[Fe/H]", "dex"),
    "o_fe": Axis("[O/Fe]", "dex"),
}
PHASE_SPACE_VIEW = ("R", "z", "v_R", "v_phi", "v_z")
POPULATION_VIEW = ("R", "v_phi", "age", "log10_metallicity", "fe_h", "o_fe")


def coordinates(stars: Stars, columns: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Coordinates of `AXES`, one for each column, each of shape (star,).

    Parameters
    ----------
    stars
        At least `columns`, in the units of `schema.COLUMNS`.
    columns
        Of the eDF: the phase space and some of the rest.

    Raises
    ------
    ValueError
        For a missing column or values that are not finite.
    """
    values = dict(zip(columns, finite_columns(stars, columns), strict=True))
    x, y, vx, vy = (np.asarray(values[name], float) for name in ("x", "y", "vx", "vy"))
    radius, v_R, v_phi = cylindrical(x, y, vx, vy)
    found = {
        "R": radius,
        "phi": np.degrees(np.arctan2(y, x)),
        "z": values["z"],
        "v_R": v_R,
        "v_phi": v_phi,
        "v_z": values["vz"],
    }
    if "metallicity" in values:
        metals = np.asarray(values["metallicity"], float)
        found["log10_metallicity"] = np.log10(np.maximum(metals, _Z_FLOOR))
    found |= {name: values[name] for name in ("age", "fe_h", "o_fe") if name in values}
    return {name: np.asarray(found[name], float) for name in AXES if name in found}
