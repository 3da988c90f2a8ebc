"""What is shown of a galaxy and from where."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from galflowlab.maps import QUANTITIES
from galflowlab_widgets.canvas import MapCanvas
from galflowlab_widgets.references import Reference
from galflowlab_widgets.rendering import View
from galflowlab_widgets.scales import shown


class ViewPanel(widgets.HBox):
    """Choice of the two quantities and of the field; listens to the canvas.

    Parameters
    ----------
    columns
        Columns that the stars have.
    canvas
        On which the user turns and zooms.
    changed
        Called when the view has changed.
    guard
        What to hold while the view is changed.
    start
        Where to look from at first; of its quantities no notice is taken.

    Attributes
    ----------
    upper, lower
        Menus of the quantities.
    fixed
        Whether the field stays when the galaxy grows.
    caption
        Words on what is shown.
    half_width_shown
        Half the side of the field in the last picture [kpc].
    """

    def __init__(
        self,
        columns: tuple[str, ...],
        canvas: MapCanvas,
        changed: Callable[[], None],
        guard: Callable[[], AbstractContextManager[Any]],
        start: View | None = None,
    ) -> None:
        self._changed, self._guard = changed, guard
        self.half_width_shown: float | None = None
        self._silent = False
        names = shown(columns)
        first, second = (names * 2)[:2]  # both the density, if there are positions alone
        self._start = replace(start or View(), quantities=(first, second))
        self._view = self._start
        self.upper = _menu(names, first, "upper row of maps")
        self.lower = _menu(names, second, "lower row of maps")
        self.fixed = _box("fixed field", "keep the field of view when the galaxy grows", "fixed")
        self.caption = widgets.Label()
        self.caption.add_class("gfl-caption")
        super().__init__([self.upper, self.lower, self.fixed, self.caption])
        self.add_class("gfl-view")
        self.layout.flex_flow = "row wrap"
        for menu in (self.upper, self.lower):
            menu.observe(self._on_quantity, "value")
        self.fixed.observe(self._on_fixed, "value")
        canvas.observe(self._on_turned, "turned")
        canvas.observe(self._on_zoomed, "zoomed")

    @property
    def view(self) -> View:
        """What is wanted now; may be set."""
        return self._view

    @view.setter
    def view(self, view: View) -> None:
        with self._guard():
            self.put(view)
            self._changed()

    def put(self, view: View) -> None:
        """Set the view; no change. Raises ValueError unless it has two known quantities."""
        names = [name for _, name in self.upper.options]
        if len(set(view.quantities)) != 2 or not set(view.quantities) <= set(names):
            raise ValueError(f"expected two of {names}, got {view.quantities}")
        self._silent = True
        try:
            self.upper.value, self.lower.value = view.quantities
            self.fixed.value = view.half_width is not None
        finally:
            self._silent = False
        self._view = view

    def reset(self) -> None:
        """Look from the start again at the same quantities; no change."""
        self.put(replace(self._start, quantities=self._view.quantities))

    def _change(self, **entries: Any) -> None:
        self.view = replace(self._view, **entries)

    def _on_quantity(self, change: Mapping[str, Any]) -> None:
        with self._guard():
            if self._silent:
                return
            chosen = [self.upper.value, self.lower.value]
            if chosen[0] == chosen[1]:  # what the other menu showed changes places with it
                chosen[1 if change["owner"] is self.upper else 0] = change["old"]
            self._change(quantities=tuple(chosen))

    def _on_fixed(self, _change: object) -> None:
        with self._guard():
            if self._silent:
                return
            if self.fixed.value:
                self._change(half_width=self.half_width_shown)
            else:
                self._change(half_width=None, centre=(0.0, 0.0))

    def _on_turned(self, change: Mapping[str, Any]) -> None:
        if len(change["new"]) == 2:
            inclination, azimuth = change["new"]
            with self._guard():
                self._change(inclination=inclination, azimuth=azimuth)

    def _on_zoomed(self, change: Mapping[str, Any]) -> None:
        *centre, half_width = change["new"] or (0.0, 0.0, None)
        with self._guard():
            self._change(centre=tuple(centre), half_width=half_width)


class GhostViewPanel(ViewPanel):
    """The same with the choice of contours of the nearest galaxy.

    Attributes
    ----------
    ghost
        Whether the contours are wanted.
    """

    def __init__(
        self,
        columns: tuple[str, ...],
        canvas: MapCanvas,
        changed: Callable[[], None],
        guard: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        super().__init__(columns, canvas, changed, guard)
        tooltip = "contours of the nearest simulated galaxy, once the hand rests"
        self.ghost = _box("nearest galaxy", tooltip, "ghost")
        self.ghost.value = True
        self.children = [self.upper, self.lower, self.fixed, self.ghost, self.caption]
        self.ghost.observe(lambda _: changed(), "value")

    def describe(self, reference: Reference | None) -> None:
        """Say which galaxy the contours are of."""
        self.caption.value = _caption(reference) if reference else ""


def _caption(reference: Reference) -> str:
    mass, metallicity = (reference.context.get(n) for n in ("log10_mstar", "mean_metallicity"))
    parts = [] if mass is None else [f"log₁₀ M★ {mass:.2f}"]
    parts += [] if metallicity is None else [f"mean Z {metallicity:.3g}"]
    return f"contours: {', '.join(parts)} ({reference.distance:.2g} σ away)"


def _menu(names: tuple[str, ...], value: str, tooltip: str) -> widgets.Dropdown:
    options = [(QUANTITIES[name].label, name) for name in names]
    menu = widgets.Dropdown(
        options=options, value=value, tooltip=tooltip, layout={"width": "170px"}
    )
    menu.add_class("gfl-quantity")
    return menu


def _box(description: str, tooltip: str, name: str) -> widgets.Checkbox:
    box = widgets.Checkbox(
        value=False,
        description=description,
        tooltip=tooltip,
        indent=False,
        layout={"width": "auto"},
    )
    box.add_class(f"gfl-{name}")
    return box
