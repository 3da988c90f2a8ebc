"""Sliders for the context of a galaxy and for the direction it is seen from.

The sliders count whole steps and never hold fractions: the sliders of ipywidgets round a
fraction set by the kernel to their own steps and send it back, which cannot be told from a
user moving them. The physical value stands in the label.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, floor, log10
from typing import Protocol

import ipywidgets as widgets
from astropy import units as u

from galflowlab.context import LOGARITHMIC
from galflowlab.schema import AGE_MAX, CONTEXT

_WIDENING = 0.05  # share of the training range by which a slider goes beyond it, on each side
_LAYOUT = {"width": "280px"}


class Ranges(Protocol):
    """What the sliders need to know of a population."""

    def range(self, name: str) -> tuple[float, float]:
        """Lowest and highest value of a context entry in training."""
        ...


class ContextControl:
    """A labelled slider that follows the population until it is moved.

    Parameters
    ----------
    name
        Context entry.
    population
        Gives the range, which the slider exceeds a little.
    moved
        Called when the value of the slider has changed; no move if `silent` is set.
    """

    def __init__(self, name: str, population: Ranges, moved: Callable[[], None]) -> None:
        self.name = name
        self.following = True
        self._log = name in LOGARITHMIC
        low, high = population.range(name)
        low, high, self.step = widened(*(map(log10, (low, high)) if self._log else (low, high)))
        if CONTEXT[name].unit == u.Gyr:
            low, high = max(low, 0.0), min(high, AGE_MAX)
        self._low, self._moved = low, moved
        self.silent = False  # while the slider is set by `follow`, which is no move
        self._typical: float | None = None
        self.label = widgets.Label(CONTEXT[name].axis_label)
        self.label.add_class(f"gfl-label-{name}")
        self.slider = widgets.IntSlider(
            value=0,
            min=0,
            max=round((high - low) / self.step),
            readout=False,
            continuous_update=True,
            layout=_LAYOUT,
        )
        self.slider.add_class(f"gfl-slider-{name}")
        self.slider.observe(self._on_change, "value")

    @property
    def value(self) -> float:
        """Physical value: the typical one while following, else that of the slider."""
        if self.following and self._typical is not None:
            return self._typical
        scaled = round(self._low + self.slider.value * self.step, 10)
        return float(10**scaled) if self._log else scaled

    @value.setter
    def value(self, value: float) -> None:
        """Move the slider to the step nearest to a physical value."""
        self.slider.value = self._index(value)

    def follow(self, value: float) -> None:
        """Show the typical value, which is no move."""
        self._typical = value
        self.silent = True
        try:
            self.slider.value = self._index(value)
        finally:
            self.silent = False

    def describe(self) -> None:
        """Write value, unit and whether it is the typical one into the label."""
        spec = CONTEXT[self.name]
        digits = max(0, -floor(log10(self.step)))
        number = f"{self.value:.3g}" if self._log else f"{self.value:.{digits}f}"
        tail = " · typical" if self.following else ""
        self.label.value = f"{spec.label}: {number} {spec.unit_text}".rstrip() + tail
        (self.slider.add_class if self.following else self.slider.remove_class)("gfl-following")

    def _index(self, value: float) -> int:
        scaled = log10(value) if self._log else value
        return min(max(round((scaled - self._low) / self.step), 0), int(self.slider.max))

    def _on_change(self, _change: object) -> None:
        self._moved()


def view_slider(name: str, value: int, high: int) -> widgets.IntSlider:
    """Slider for an angle in whole degrees from zero to `high`."""
    slider = widgets.IntSlider(value=value, min=0, max=high, continuous_update=True, layout=_LAYOUT)
    slider.add_class(f"gfl-slider-{name}")
    return slider


def widened(low: float, high: float) -> tuple[float, float, float]:
    """Range a little wider than the given one, in whole steps, and the step."""
    span = max(high - low, 0.1)
    step = 10.0 ** floor(log10(span / 80))
    first = floor((low - _WIDENING * span) / step)
    last = ceil((high + _WIDENING * span) / step)
    return round(first * step, 10), round(last * step, 10), step
