"""A sky and what the user chooses of it: the observer's place, a quantity, a shell of distance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from math import hypot, inf
from typing import Any

import ipywidgets as widgets
import numpy as np

from galflowlab_widgets.live import PREVIEW
from galflowlab_widgets.scales import Columns
from galflowlab_widgets.sky_canvas import ObserverMap, SkyMap
from galflowlab_widgets.sky_drawing import Field, Sky, count_limits, field, label, quantities, sky
from galflowlab_widgets.sky_place import Place, Surroundings, observer_at
from galflowlab_widgets.still import sky_as_html

_DISTANCES = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, inf)  # kpc
_DIRECTIONS = "l = 0° is the centre of the galaxy, l grows to the left"


class SkyPanel(widgets.VBox):
    """The galaxy face-on with a handle, and its sky as seen from there.

    The panel keeps no stars. Whatever the user does, it asks for another sky, and whoever has
    the stars answers with `show`.

    Parameters
    ----------
    columns
        Columns that the stars have; positions and velocities are among them.
    changed
        Called when the user, or code, wants to see another sky.
    guard
        What to hold while the choice is changed.

    Attributes
    ----------
    observer_map, sky_map
        The canvases.
    quantity, distance, scaled, home
        Menu, range of distances, whether the observer's place scales with the galaxy, and the
        button that brings the observer back.
    """

    def __init__(
        self,
        columns: tuple[str, ...],
        changed: Callable[[], None],
        guard: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        self._changed, self._guard = changed, guard
        self._place = Place()
        self._known: tuple[object, Surroundings] | None = None
        self._field: tuple[object, int, Field] | None = None
        self._sky: Sky | None = None
        self.observer_map, self.sky_map = ObserverMap(), SkyMap()
        self.quantity = _menu(quantities(columns))
        self.distance = _distances()
        self.distance_label = widgets.Label(layout={"width": "150px", "margin": "2px 2px 2px 14px"})
        self.distance_label.add_class("gfl-label-sky-distance")
        self.scaled = widgets.Checkbox(
            value=True,
            description="scale with the galaxy",
            tooltip="keep the observer at the same place relative to the galaxy's half-mass radius",
            indent=False,
            layout={"width": "auto"},
        )
        self.home = widgets.Button(
            description="solar place",
            tooltip="8.2 kpc from the centre, for a galaxy like the Milky Way (key 0 on the map)",
            layout={"width": "auto"},
        )
        self.home.add_class("gfl-sky-home")
        self.caption = widgets.HTML()
        self.caption.add_class("gfl-sky-caption")
        super().__init__(self._arrange())
        self.add_class("gfl-sky-panel")
        self._name_distance()
        self.observer_map.observe(self._on_dragged, "dragged")
        self.quantity.observe(self._on_chosen, "value")
        self.distance.observe(self._on_distance, "index")
        self.scaled.observe(self._on_scaled, "value")
        self.home.on_click(lambda _: self._change(self._place.reset))

    @property
    def shell(self) -> tuple[float, float]:
        """Nearest and farthest distance [kpc] of the stars wanted."""
        near, far = self.distance.index
        if near == far:  # both handles in one place: the narrowest shell there
            near = max(near - 1, 0)
            far = near + 1
        return _DISTANCES[near], _DISTANCES[far]

    def reset(self) -> None:
        """Bring the observer back, without asking for another sky."""
        self._place.reset()

    def show(self, stars: Columns, total: int | None = None) -> None:
        """Show the sky of a galaxy.

        Parameters
        ----------
        stars
            Plain columns by name in the units of `galflowlab.schema`, in no particular order:
            scales and circular velocity come from the first of them.
        total
            Number of stars there will be in the end; with fewer the sky is drawn coarser.

        Raises
        ------
        ValueError
            For stars without extent, or columns that are missing or not finite.
        """
        count = len(stars["x"])
        total = max(total or count, count)
        first = _first(stars)
        around = self._surroundings(first)
        self._place.settle(around)
        observer, orbits = observer_at(first, *self._place.position, self._place.height)
        quantity: str = self.quantity.value
        seen = sky(
            stars,
            observer,
            quantity,
            count_limits(total) if quantity == "counts" else around.scales.limits[quantity],
            distance=self.shell,
            total=total,
        )
        x, y = self._place.position
        self.observer_map.show(
            self._field_of(stars, around), self._place.fractions, f"x = {x:.3g}, y = {y:.3g} kpc"
        )
        self.sky_map.show(seen)
        self._sky = seen
        speed = hypot(*observer.velocity[:2]) if orbits else None
        self.caption.value = _caption(hypot(x, y), self._place.height, speed, seen, total)

    def still(self) -> str:
        """The last sky for readers without a kernel, as HTML."""
        return sky_as_html(self._sky, self.sky_map.net) if self._sky else ""

    def _surroundings(self, first: Columns) -> Surroundings:
        """Measured once for each galaxy and quantity."""
        sums = (float(values.sum()) for name, values in first.items() if name != "mass")
        key = (self.quantity.value, *sums)
        if self._known is None or self._known[0] != key:
            self._known = key, Surroundings.of(first, self.quantity.value)
        return self._known[1]

    def _field_of(self, stars: Columns, around: Surroundings) -> Field:
        """The face-on map; not drawn anew while only the observer moves."""
        key, count = (around, self._place.half_width), len(stars["x"])
        if self._field is None or self._field[0] != key or self._field[1] < count:
            self._field = key, count, field(stars, self._place.half_width, around.scales)
        return self._field[2]

    def _arrange(self) -> list[widgets.Widget]:
        shell = widgets.HBox([self.distance, self.distance_label])
        choice = widgets.HBox([self.quantity, shell, self.scaled, self.home])
        choice.add_class("gfl-view")
        choice.layout.flex_flow = "row wrap"
        views = widgets.HBox([self.observer_map, self.sky_map])
        views.layout.flex_flow = "row wrap"
        views.layout.align_items = "center"
        return [choice, views, self.caption]

    def _change(self, action: Callable[[], None]) -> None:
        with self._guard():
            action()
            self._changed()

    def _on_dragged(self, change: Mapping[str, Any]) -> None:
        fractions = change["new"]
        self._change(lambda: self._place.put(fractions) if fractions else self._place.reset())

    def _on_chosen(self, _change: object) -> None:
        self._change(lambda: None)

    def _on_distance(self, _change: object) -> None:
        self._change(self._name_distance)

    def _on_scaled(self, change: Mapping[str, Any]) -> None:
        self._change(lambda: self._place.scale(change["new"]))

    def _name_distance(self) -> None:
        near, far = self.shell
        self.distance_label.value = f"distance {near:g} to {far:g} kpc".replace("inf kpc", "∞")


def _first(stars: Columns) -> dict[str, np.ndarray]:
    """The first stars, with the mass of all: nothing jumps when more are drawn."""
    first = {name: values[:PREVIEW] for name, values in stars.items()}
    return first | {"mass": first["mass"] * (stars["mass"].sum() / first["mass"].sum())}


def _menu(names: tuple[str, ...]) -> widgets.Dropdown:
    options = [(label(name), name) for name in names]
    menu = widgets.Dropdown(
        options=options, value=names[0], tooltip="what the sky shows", layout={"width": "170px"}
    )
    menu.add_class("gfl-sky-quantity")
    return menu


def _distances() -> widgets.SelectionRangeSlider:
    slider = widgets.SelectionRangeSlider(
        options=[(f"{d:g}".replace("inf", "∞"), d) for d in _DISTANCES],
        index=(0, len(_DISTANCES) - 1),
        readout=False,
        layout={"width": "180px"},
    )
    slider.add_class("gfl-slider-sky-distance")
    return slider


def _caption(radius: float, height: float, speed: float | None, seen: Sky, total: int) -> str:
    north = float(f"{1e3 * height:.2g}")  # two digits, and no exponent
    orbit = "at rest: no circular orbit here" if speed is None else f"moving at {speed:.0f} km/s"
    of = "" if seen.stars == total else f" of {total:,}"
    stars = f"{seen.stars:,}{of} stars".replace(",", "\N{NO-BREAK SPACE}")
    parts = (
        f"observer at R = {radius:.3g} kpc, {north:g} pc north of the plane, {orbit}",
        f"{stars} · nside {seen.nside}",
        _DIRECTIONS,
    )
    return " · ".join(parts)
