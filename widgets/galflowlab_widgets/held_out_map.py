"""A held-out galaxy beside the model of it: maps with the same limits, and the same noise."""

from __future__ import annotations

from math import ceil, floor, log10
from typing import Any

import numpy as np

from galflowlab.maps import QUANTITIES, project
from galflowlab.training_set import TrainingSet
from galflowlab_widgets.live import Model
from galflowlab_widgets.rendering import PALETTES, Picture
from galflowlab_widgets.scales import (
    Columns,
    Scales,
    density_limits,
    field_half_width,
    linear_ticks,
    nice_length,
)

_QUANTITY = "surface_density"
_MOST = 20_000  # stars, of the data as of the model
_BINS = 24, 96  # fewest and most pixels along a side
_INCLINATIONS = {"face-on: y [kpc]": 0.0, "edge-on: z [kpc]": 90.0}
_SEED = 1


class HeldOutGalaxy:
    """One galaxy of those that a training is judged by.

    Data and model are shown with equally many stars, so that their noise is alike.

    Parameters
    ----------
    held_out
        What is held out.
    index
        Of the galaxy in it.

    Raises
    ------
    ValueError
        If its context has no stellar mass, or its stars have no extent.
    """

    def __init__(self, held_out: TrainingSet, index: int) -> None:
        self.name = held_out.names[index]
        values = held_out.context[index].tolist()
        self.context = dict(zip(held_out.context_names, values, strict=True))
        if "log10_mstar" not in self.context:
            raise ValueError(f"expected log10_mstar among the context, got {list(self.context)}")
        every = max(1, ceil(len(held_out.stars[index]) / _MOST))
        stars = held_out.stars[index][::every].numpy()
        self.n = len(stars)
        mass = 10.0 ** self.context["log10_mstar"] / self.n
        data = {name: stars[:, held_out.columns.index(name)] for name in ("x", "y", "z")}
        data["mass"] = np.full(self.n, mass)
        self._bins = int(np.clip(round(self.n**0.5 / 2), *_BINS))
        self._scales = self._scales_of(data, mass)
        self._panels = self._drawn(data)

    def picture(self, edf: Model, title: str) -> Picture:
        """Data on the left, the model on the right; face-on above, edge-on below.

        Parameters
        ----------
        edf
            Model to draw the galaxy from.
        title
            Of the model.

        Raises
        ------
        ValueError
            If the model gives stars that are not finite.
        """
        frozen = edf.freeze(self.context, n=self.n, seed=_SEED)
        model = self._drawn(frozen.arrays(self.n, ("x", "y", "z", "mass"), start=0))
        both = [panel for pair in zip(self._panels, model, strict=True) for panel in pair]
        half_width = self._scales.half_width
        alt = (
            f"Maps of the surface density of the held-out galaxy {self.name}: data and {title}, "
            f"face-on and edge-on; {2 * half_width:g} kpc across."
        )
        return Picture(np.stack(both).tobytes(), self._frame(title), (), (), alt)

    def _frame(self, title: str) -> dict[str, Any]:
        half_width = self._scales.half_width
        ticks, bar = linear_ticks(-half_width, half_width), nice_length(half_width)
        row = {
            "label": QUANTITIES[_QUANTITY].axis_label,
            "palette": list(PALETTES).index(_QUANTITY),
            "ticks": self._scales.ticks(_QUANTITY),
        }
        return {
            "bins": self._bins,
            "xticks": ticks,
            "yticks": ticks,
            "columns": [{"title": name, "x": "x [kpc]", "y": ""} for name in ("data", title)],
            "rows": [row | {"y": label} for label in _INCLINATIONS],
            "scale_bar": {"fraction": bar / (2 * half_width), "label": f"{bar:g} kpc"},
            "contours": [[], []],
            "state": "settled",
        }

    def _scales_of(self, data: Columns, mass: float) -> Scales:
        """Limits of the data: from one star in a pixel to the brightest."""
        half_width = field_half_width(data)
        views = _INCLINATIONS.values()
        maps = [project(data, _QUANTITY, i, 0.0, half_width, self._bins) for i in views]
        low, high = density_limits(maps)
        faintest = floor(2 * log10(mass / maps[0].pixel_area)) / 2
        return Scales(half_width, {_QUANTITY: (min(max(low, faintest), high - 1), high)})

    def _drawn(self, stars: Columns) -> list[np.ndarray]:
        half_width = self._scales.half_width
        views = _INCLINATIONS.values()
        maps = [project(stars, _QUANTITY, i, 0.0, half_width, self._bins) for i in views]
        return [self._scales.levels(a_map) for a_map in maps]
