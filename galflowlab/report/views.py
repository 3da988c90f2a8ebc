"""Maps of data and model, and their difference in units of its error."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from galflowlab.maps import Map, columns_needed, project_many
from galflowlab.pixels import MEAN_OF, masked
from galflowlab.profiles import enclosing_radius
from galflowlab.schema import PHASE_SPACE, Stars, finite_columns

DENSITY = "surface_density"
_FIELD = 0.92  # share of the mass within the field of view, seen face-on
_SEEN = 4  # stars of both in a pixel that shows a difference of density
_AVERAGED = 6  # stars of a pixel that shows a mean
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
        return float(np.sqrt((self.residual**2).mean())) if self.residual.count() else None


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
    real, made = (_measure(view, stars, half_width, bins) for stars in (data, model))
    variance = real.variance + made.variance
    enough = variance > 0
    if view.quantity == DENSITY:
        enough &= real.counts + made.counts >= _SEEN
    else:
        enough &= ~(real.map.values.mask | made.map.values.mask)
    difference = made.map.values.filled(0.0) - real.map.values.filled(0.0)
    scaled = np.divide(difference, np.sqrt(variance), out=np.zeros_like(difference), where=enough)
    return MapPair(view, real.map, made.map, masked(scaled, enough))


@dataclass(frozen=True)
class _Measured:
    """A map, and the number of stars and the variance of the value in each pixel."""

    map: Map
    counts: np.ndarray
    variance: np.ndarray


def _measure(view: View, stars: Stars, half_width: float, bins: int) -> _Measured:
    names = sorted({*PHASE_SPACE, *columns_needed(view.quantity)})
    table = dict(zip(names, finite_columns(stars, names), strict=True))
    mass = np.asarray(table["mass"], float)
    area = (2 * half_width / bins) ** 2

    def project(quantity: str, **changed: np.ndarray) -> Map:
        maps = project_many(table | changed, (quantity,), view.inclination, 0.0, half_width, bins)
        return maps[quantity]

    def sums(weights: np.ndarray) -> np.ndarray:
        return project(DENSITY, mass=weights).values.filled(0.0) * area

    shown, counts, squares = project(view.quantity), sums(np.ones(len(mass))), sums(mass**2)
    if view.quantity == DENSITY:
        return _Measured(shown, np.rint(counts), squares / area**2)
    if view.quantity == "v_los":
        spread = project("sigma_los").values.filled(0.0) ** 2
    else:
        column = MEAN_OF[view.quantity]
        square = project(view.quantity, **{column: np.asarray(table[column], float) ** 2})
        spread = np.maximum((square.values - shown.values**2).filled(0.0), 0.0)
    effective = np.divide(sums(mass) ** 2, squares, out=np.zeros_like(squares), where=squares > 0)
    several = effective > 1 + 1e-9
    variance = np.divide(spread, effective - 1, out=np.zeros_like(spread), where=several)
    averaged = replace(shown, values=masked(shown.values.data, counts > _AVERAGED - 0.5))
    return _Measured(averaged, np.rint(counts), variance)
