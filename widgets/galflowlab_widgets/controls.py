"""Sliders for the context of a galaxy, each with a lock.

The sliders count whole steps and never hold fractions: the sliders of ipywidgets round a
fraction set by the kernel to their own steps and send it back, which cannot be told from a
user moving them. The physical value stands in the label.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from math import ceil, floor, isfinite, log10
from typing import Any, Protocol

import ipywidgets as widgets
from astropy import units as u

from galflowlab.context import LOGARITHMIC
from galflowlab.schema import AGE_MAX, CONTEXT

_WIDENING = 0.05  # share of the training range by which a slider goes beyond it, on each side


class Ranges(Protocol):
    """What the sliders need to know of a population."""

    def range(self, name: str) -> tuple[float, float]:
        """Lowest and highest value of a context entry in training."""
        ...


class ContextControl:
    """A labelled slider that follows the population until it is moved or locked.

    Parameters
    ----------
    name
        Context entry.
    population
        Gives the range, which the slider exceeds a little.
    moved
        Called after the user, or code, has moved the slider or turned the lock.
    guard
        What to hold while the control is changed: the app changes it from other threads.
    """

    def __init__(
        self,
        name: str,
        population: Ranges,
        moved: Callable[[], None],
        guard: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        self.name = name
        self.logarithmic = name in LOGARITHMIC
        low, high = population.range(name)
        if self.logarithmic:
            low, high = log10(low), log10(high)
        low, high, self.step = widened(low, high)
        if CONTEXT[name].unit == u.Gyr:
            low, high = max(low, 0.0), min(high, AGE_MAX)
        self._low, self._moved, self._guard = low, moved, guard
        self._silent = False  # while the control is set by the app, which is no move
        self._exact: float | None = None  # value between two steps of the slider
        self.label = widgets.Label(CONTEXT[name].axis_label)
        self.label.add_class(f"gfl-label-{name}")
        self.slider = widgets.IntSlider(
            min=0, max=round((high - low) / self.step), readout=False, layout={"width": "auto"}
        )
        self.slider.layout.flex = "1 1 auto"
        self.slider.add_class(f"gfl-slider-{name}")
        self.lock = widgets.ToggleButton(icon="unlock", layout={"width": "34px"})
        self.lock.add_class(f"gfl-lock-{name}")
        self._describe_lock()
        self.box = widgets.VBox([self.label, widgets.HBox([self.slider, self.lock])])
        self.box.add_class("gfl-context")
        self.slider.observe(self._on_slider, "value")
        self.lock.observe(self._on_lock, "value")

    @property
    def following(self) -> bool:
        """Whether the entry follows the population."""
        return not self.lock.value

    @property
    def value(self) -> float:
        """Physical value; setting it moves the slider and locks it."""
        if self._exact is not None:
            return self._exact
        return self._physical(self.scaled(self.slider.value / self.slider.max))

    @value.setter
    def value(self, value: float) -> None:
        with self._guard():
            self.hold(value)
            self._moved()

    @property
    def fraction(self) -> float:
        """Place along the slider of the value shown, 0 to 1."""
        scaled = log10(self.value) if self.logarithmic else self.value
        return (scaled - self._low) / (self.scaled(1.0) - self._low)

    def scaled(self, fraction: float) -> float:
        """Value at a fraction of the slider, log10 of it if it spans decades."""
        return round(self._low + fraction * self.slider.max * self.step, 10)

    def put(self, fraction: float) -> None:
        """Lock the entry at the step nearest to a fraction of the slider; no move."""
        self._exact = None
        self._set(round(fraction * self.slider.max), locked=True)

    def hold(self, value: float) -> None:
        """Lock the entry at a physical value within the slider's range; no move."""
        if not isfinite(value):
            raise ValueError(f"expected a finite {self.name}, got {value}")
        low, high = (self._physical(self.scaled(end)) for end in (0.0, 1.0))
        self._exact = min(max(float(value), low), high)
        self._set(self._index(self._exact), locked=True)

    def follow(self, value: float, *, show: bool = True) -> None:
        """Take the typical value and unlock; no move. The slider may be told later."""
        self._exact = value
        if show:
            self._set(self._index(value), locked=False)

    def release(self) -> None:
        """Unlock; no move."""
        self._set(self.slider.value, locked=False)

    def describe(self) -> None:
        """Write value, unit and whether it is the typical one into the label."""
        spec = CONTEXT[self.name]
        digits = max(0, -floor(log10(self.step)))
        number = f"{self.value:.3g}" if self.logarithmic else f"{self.value:.{digits}f}"
        tail = " · typical" if self.following else ""
        self.label.value = f"{spec.label}: {number} {spec.unit_text}".rstrip() + tail

    def _physical(self, scaled: float) -> float:
        return float(10**scaled) if self.logarithmic else scaled

    def _set(self, index: int, *, locked: bool) -> None:
        self._silent = True
        try:
            self.slider.value, self.lock.value = index, locked
        finally:
            self._silent = False
        self._describe_lock()

    def _index(self, value: float) -> int:
        scaled = log10(value) if self.logarithmic else value
        return min(max(round((scaled - self._low) / self.step), 0), int(self.slider.max))

    def _on_slider(self, change: Mapping[str, Any]) -> None:
        with self._guard():
            if not self._silent:
                self._exact = None
                self._set(change["new"], locked=True)  # the app may have moved it meanwhile
                self._moved()

    def _on_lock(self, _change: object) -> None:
        with self._guard():
            if not self._silent:
                self._set(self._index(self.value), locked=self.lock.value)
                self._moved()

    def _describe_lock(self) -> None:
        name = CONTEXT[self.name].label
        self.lock.icon = "lock" if self.lock.value else "unlock"
        self.lock.tooltip = (
            f"{name} is locked: click to let it follow the training galaxies"
            if self.lock.value
            else f"{name} follows the training galaxies: click to lock it"
        )


def widened(low: float, high: float) -> tuple[float, float, float]:
    """Range a little wider than the given one, in whole steps, and the step."""
    span = max(high - low, 0.1)
    step = 10.0 ** floor(log10(span / 80))
    first = floor((low - _WIDENING * span) / step)
    last = ceil((high + _WIDENING * span) / step)
    return round(first * step, 10), round(last * step, 10), step
