"""All controls of the context: a mass-metallicity plane, and a slider for every entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import ipywidgets as widgets
import numpy as np

from galflowlab.schema import CONTEXT
from galflowlab_widgets.controls import ContextControl
from galflowlab_widgets.live import Contexts
from galflowlab_widgets.plane import ContextPlane
from galflowlab_widgets.scales import decade_ticks, linear_ticks

PLANE = ("log10_mstar", "mean_metallicity")
_GRID = 40  # cells of the support along each axis


class ContextPanel(widgets.VBox):
    """Plane and sliders that always agree.

    Parameters
    ----------
    population
        Contexts of the training galaxies.
    moved
        Called after the user, or code, has moved something.
    guard
        What to hold while the controls are changed.

    Attributes
    ----------
    sliders
        Controls by name; their ``value`` is physical and may be set from code.
    plane
        The mass-metallicity plane; None if the context has no mass or no metallicity.
    """

    def __init__(
        self,
        population: Contexts,
        moved: Callable[[], None],
        guard: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        self._population, self._names = population, population.names
        self._moved, self._guard = moved, guard
        self.sliders = {
            name: ContextControl(name, population, moved, guard) for name in population.names
        }
        self.plane = self._plane() if set(PLANE) <= set(self._names) else None
        if self.plane:
            self.plane.observe(self._on_dragged, "dragged")
        rows = [control.box for control in self.sliders.values()]
        super().__init__([*([self.plane] if self.plane else []), *rows])

    @property
    def chosen(self) -> dict[str, float]:
        """The entries that do not follow the population."""
        return {n: c.value for n, c in self.sliders.items() if not c.following}

    def put(self, context: Mapping[str, float]) -> None:
        """Lock entries at physical values; no move."""
        for name, value in context.items():
            self.sliders[name].hold(value)

    def release(self) -> None:
        """Let every entry follow the population; no move."""
        for control in self.sliders.values():
            control.release()

    def show(self, context: Mapping[str, float], *, inside: bool, whole: bool = True) -> None:
        """Show the context of the galaxy drawn; no move.

        Parameters
        ----------
        context
            All entries.
        inside
            Whether the training galaxies support it.
        whole
            Whether the sliders that follow are moved too; each costs two messages.
        """
        for name, control in self.sliders.items():
            if control.following:
                control.follow(context[name], show=whole)
            if whole or not control.following:
                control.describe()
        if self.plane:
            with self.plane.hold_sync():
                self.plane.position = self._fractions(_row(context, PLANE))[0].tolist()
                self.plane.outside = not inside
                self.plane.value_text = ", ".join(self.sliders[n].label.value for n in PLANE)

    def mark(self, context: Mapping[str, float] | None) -> None:
        """Mark a galaxy on the plane, or none."""
        if self.plane:
            here = self._fractions(_row(context, PLANE))[0].tolist() if context else []
            self.plane.marked = here

    def _plane(self) -> ContextPlane:
        x, y = (self.sliders[name] for name in PLANE)
        columns = [self._names.index(name) for name in PLANE]
        points = self._fractions(self._population.values[:, columns])
        return ContextPlane(
            points=points.astype(np.float32).tobytes(),
            support=self._support(),
            support_size=[_GRID, _GRID],
            axes={"x": _axis(x), "y": _axis(y)},
            step=[1 / x.slider.max, 1 / y.slider.max],
            alt=f"{len(points)} {self._members()} in the plane of mass and metallicity",
        )

    def _members(self) -> str:
        if self._population.stand_ins:
            return "contexts, as they may have been in training,"
        return "training galaxies"

    def _support(self) -> bytes:
        """Where the training galaxies reach, the other entries being typical."""
        cells = (np.arange(_GRID) + 0.5) / _GRID
        fractions = np.stack(np.meshgrid(cells, cells), axis=-1).reshape(-1, 2)
        rows = self._population.complete_many(PLANE, self._physical(fractions))
        return (255 * self._population.inside_many(rows)).astype(np.uint8).tobytes()

    def _fractions(self, values: np.ndarray) -> np.ndarray:
        """Places on the plane of physical (galaxy, 2) values."""
        out = np.empty((len(values), 2))
        for i, name in enumerate(PLANE):
            control = self.sliders[name]
            scaled = np.log10(values[:, i]) if control.logarithmic else values[:, i]
            low, high = control.scaled(0.0), control.scaled(1.0)
            out[:, i] = (scaled - low) / (high - low)
        return out

    def _physical(self, fractions: np.ndarray) -> np.ndarray:
        out = np.empty_like(fractions)
        for i, name in enumerate(PLANE):
            control = self.sliders[name]
            low, high = control.scaled(0.0), control.scaled(1.0)
            scaled = low + fractions[:, i] * (high - low)
            out[:, i] = 10**scaled if control.logarithmic else scaled
        return out

    def _on_dragged(self, change: Mapping[str, Any]) -> None:
        if len(change["new"]) != len(PLANE):
            return
        with self._guard():
            for name, fraction in zip(PLANE, change["new"], strict=True):
                self.sliders[name].put(fraction)
            self._moved()


def _axis(control: ContextControl) -> dict[str, Any]:
    low, high = control.scaled(0.0), control.scaled(1.0)
    ticks = decade_ticks(low, high) if control.logarithmic else linear_ticks(low, high)
    return {"label": CONTEXT[control.name].axis_label, "ticks": ticks}


def _row(context: Mapping[str, float], names: tuple[str, ...]) -> np.ndarray:
    return np.array([[context[name] for name in names]])
