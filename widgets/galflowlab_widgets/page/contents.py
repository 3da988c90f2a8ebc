"""What a page holds besides the stars: axes, population, quantities, a first picture."""

from __future__ import annotations

import base64
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

from galflowlab.edf import EDF
from galflowlab.maps import QUANTITIES
from galflowlab.pixels import MEAN_OF
from galflowlab.schema import AGE_MAX, CONTEXT
from galflowlab_widgets.page.grid import MASS, METALLICITY, PLANE
from galflowlab_widgets.page.stars import CORE, InterpolatedStars, steps
from galflowlab_widgets.rendering import PALETTE_OF, View, palettes, picture
from galflowlab_widgets.scales import BINS, COLOUR_BARS, Scales, decade_ticks, linear_ticks, shown
from galflowlab_widgets.still import png

START = (0.4, 0.0)
_CELLS = 64  # of the support, along each axis
_MARGIN = 0.03  # of the plane around the grid


class Contents:
    """Parts of the page of a model.

    Parameters
    ----------
    edf, stars
        The model, and what was made from it.
    """

    def __init__(self, edf: EDF, stars: InterpolatedStars) -> None:
        self._population, self._stars, self._grid = edf.population, stars, stars.grid
        self._name = PurePath(edf.source or "unnamed").stem
        self._shown = shown(stars.columns)
        along = np.linspace(-1, 1, 201)
        typical = chebyshev.chebval(along, self._grid.relation)
        self._x = _widened(self._grid.low, self._grid.high)
        self._y = _widened(typical.min() - self._grid.width, typical.max() + self._grid.width)

    def words(self) -> dict[str, Any]:
        """Texts of the page, and its first picture."""
        stars = dict(zip(self._stars.columns, self._stars.at(START), strict=True))
        n = len(stars["x"])
        mass, _ = self._grid.contexts(np.array([START]))[0]
        stars["mass"] = np.full(n, 10**mass / n)
        rows = self._shown[:2]
        first = picture(stars, View(quantities=rows), Scales.of(stars, rows))
        return {
            "title": f"Galaxies of the model {self._name}",
            "model": self._name,
            "stars": f"{n:,}".replace(",", "\N{NARROW NO-BREAK SPACE}"),
            "labels": _labels(),
            "start": START,
            "menus": len(rows) > 1,
            "alt": first.alt,
            "still": f"data:image/png;base64,{_base64(png(first))}",
        }

    def data(self) -> dict[str, Any]:
        """What the script reads: plain JSON data."""
        grid, stars = self._grid, self._stars
        others = [
            {
                "label": CONTEXT[name].label,
                "unit": CONTEXT[name].unit_text,
                "coefficients": values.tolist(),
            }
            for name, values in stars.others.items()
        ]
        return {
            "start": START,
            "bins": BINS,
            "labels": _labels(),
            "palettes": _base64(palettes()),
            "grid": {"low": grid.low, "high": grid.high, "width": grid.width},
            "stars": {
                "columns": stars.columns,
                "count": stars.coefficients.shape[2],
                "shape": grid.shape,
                "steps": steps(stars.columns).tolist(),
                "core": CORE,
                "age_max": AGE_MAX,
                "log_radius": stars.log_radius.tolist(),
                "relation": grid.relation.tolist(),
            },
            "others": others,
            "quantities": [_quantity(name) for name in self._shown],
            "plane": self._plane(),
        }

    def _plane(self) -> dict[str, Any]:
        places = [self._population.names.index(name) for name in PLANE]
        mass, metallicity = self._population.values[:, places].T
        scaled = np.column_stack([mass, np.log10(metallicity)])
        corner = np.array([self._x[0], self._y[0]])
        size = np.array([self._x[1], self._y[1]]) - corner
        grid = self._grid
        return {
            "limits": {"x": self._x, "y": self._y},
            "axes": {
                "x": {"label": CONTEXT[MASS].axis_label, "ticks": linear_ticks(*self._x)},
                "y": {"label": CONTEXT[METALLICITY].axis_label, "ticks": decade_ticks(*self._y)},
            },
            "points": _base64(((scaled - corner) / size).astype("<f4").tobytes()),
            "support": _base64(self._support(corner, size)),
            "support_size": [_CELLS, _CELLS],
            "step": [0.01 * (grid.high - grid.low) / size[0], 0.02 * grid.width / size[1]],
            "alt": f"{len(scaled)} training galaxies in the plane of mass and metallicity",
        }

    def _support(self, corner: np.ndarray, size: np.ndarray) -> bytes:
        """Where the training galaxies reach, the other entries being typical."""
        cells = (np.arange(_CELLS) + 0.5) / _CELLS
        scaled = corner + size * np.stack(np.meshgrid(cells, cells), axis=-1).reshape(-1, 2)
        physical = np.column_stack([scaled[:, 0], 10 ** scaled[:, 1]])
        rows = self._population.complete_many(PLANE, physical)
        return (255 * self._population.inside_many(rows)).astype(np.uint8).tobytes()


def _quantity(name: str) -> dict[str, Any]:
    spec, bar = QUANTITIES[name], COLOUR_BARS[name]
    return {
        "name": name,
        "menu": spec.label,
        "label": spec.axis_label,
        "palette": PALETTE_OF[name],
        "column": MEAN_OF.get(name),
        "limits": bar.limits,
        "step": bar.step,
    }


def _labels() -> dict[str, str]:
    mass, metallicity = CONTEXT[MASS], CONTEXT[METALLICITY]
    return {"mass": mass.label, "mass_unit": mass.unit_text, "metallicity": metallicity.label}


def _widened(low: float, high: float) -> tuple[float, float]:
    margin = _MARGIN * (high - low)
    return float(low - margin), float(high + margin)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
