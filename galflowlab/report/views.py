"""Maps of data and model, and their difference in units of its error."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from galflowlab.map_differences import DENSITY, measure, residual, rms
from galflowlab.maps import Map, columns_needed
from galflowlab.profiles import enclosing_radius
from galflowlab.schema import Stars, finite_columns

_FIELD = 0.92  # share of the mass within the field of view, seen face-on
_FEWEST_PIXELS, _MOST_PIXELS = 16, 64


@dataclass(frozen=True)
class View:
    """What is mapped, and from where."""

    quantity: str
    inclination: float
    title: str


VIEWS = (
    View(DENSITY, 0.0, "face-on"),
    View(DENSITY, 90.0, "edge-on"),
    View("mean_age", 0.0, "face-on"),
    View("v_los", 90.0, "edge-on"),
)


@dataclass(frozen=True)
class MapPair:
    """One view of data and model.

    Parameters
    ----------
    view
        What is mapped.
    data, model
        Its maps.
    residual
        Model minus data in units of the error of the difference, masked where stars are few;
        shape (bins, bins) as the maps.
    """

    view: View
    data: Map
    model: Map
    residual: np.ma.MaskedArray

    @property
    def rms(self) -> float | None:
        """Root mean square of the residual: about 1 if nothing but the number of stars differs."""
        return rms(self.residual)


def map_pairs(data: Stars, model: Stars, columns: Iterable[str]) -> list[MapPair]:
    """Map data and model in all `VIEWS` that the columns allow, on the same pixels.

    Parameters
    ----------
    data, model
        Tables or mappings with ``mass`` and `columns`.
    columns
        Of the eDF.

    Raises
    ------
    ValueError
        For a missing column, values that are not finite, or data without mass.
    """
    have = {*columns, "mass"}
    half_width = max(enclosing_radius(data, _FIELD, projected=True), 1e-3)
    n = len(finite_columns(data, ("mass",))[0])
    bins = int(np.clip(np.sqrt(n) / 2.5, _FEWEST_PIXELS, _MOST_PIXELS))
    views = [view for view in VIEWS if have.issuperset(columns_needed(view.quantity))]
    return [
        _pair(view, data, model, half_width, bins if view.quantity == DENSITY else 2 * bins // 3)
        for view in views
    ]


def _pair(view: View, data: Stars, model: Stars, half_width: float, bins: int) -> MapPair:
    around = (view.quantity, view.inclination, 0.0, half_width, bins)
    real, made = (measure(stars, *around) for stars in (data, model))
    return MapPair(view, real.map, made.map, residual(real, made))
