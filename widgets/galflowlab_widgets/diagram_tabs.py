"""Profiles, kinematics and chemistry of the galaxy shown, and its sky, one tab each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import ipywidgets as widgets
import numpy as np

from galflowlab.schema import PHASE_SPACE
from galflowlab_widgets.chart import Chart
from galflowlab_widgets.diagram_parts import NAMES, Names
from galflowlab_widgets.diagrams import TABS, drawable
from galflowlab_widgets.live import LiveGalaxy
from galflowlab_widgets.scales import Columns
from galflowlab_widgets.sky_panel import SkyPanel

ENOUGH = 50_000
"""Stars that make up the charts, and a sky while the hand moves: quick to draw."""


class ChartTabs(widgets.Tab):
    """Charts, of which only the one in front is drawn.

    Parameters
    ----------
    columns
        Columns that the stars have; tabs that need others are left out.
    changed
        Called when another tab has come to the front.
    """

    def __init__(self, columns: tuple[str, ...], changed: Callable[[], None]) -> None:
        self._names = drawable(columns)
        self._charts = [Chart() for _ in self._names]
        super().__init__(self._charts, titles=self._names)
        self.add_class("gfl-tabs")
        self.observe(lambda _: changed(), "selected_index")

    def compare(self, stars: Columns, reference: Columns | None, names: Names = NAMES) -> None:
        """Draw the chart in front for a galaxy and, dashed, what it is compared with."""
        if self.selected_index is None or self.selected_index >= len(self._names):
            return
        diagram = TABS[self._names[self.selected_index]](stars, reference, names)
        self._charts[self.selected_index].show(diagram.figure, diagram.pixels, diagram.alt)


class DiagramTabs(ChartTabs):
    """Charts and a sky, of which only the one in front is drawn.

    Parameters
    ----------
    columns
        Columns that the stars have; tabs that need others are left out.
    changed
        Called when another tab has come to the front, or another sky is wanted.
    guard
        What to hold while the choice of the sky is changed.

    Attributes
    ----------
    sky
        The sky; None if the stars lack positions or velocities.
    """

    def __init__(
        self,
        columns: tuple[str, ...],
        changed: Callable[[], None],
        guard: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        super().__init__(columns, changed)
        self.sky = SkyPanel(columns, changed, guard) if set(PHASE_SPACE) <= set(columns) else None
        if self.sky:
            self.children = [*self._charts, self.sky]
            self.titles = [*self._names, "Sky"]

    @property
    def quick(self) -> bool:
        """Whether the tab in front can follow every value, as the maps do."""
        return self.sky is not None and self.selected_index == len(self._names)

    def draw(self, live: LiveGalaxy, reference: Mapping[str, np.ndarray] | None, most: int) -> None:
        """Draw the tab in front; a sky of at most so many stars."""
        if self.sky and self.quick:
            self.sky.show(live.stars(most), live.n)
        else:
            self.compare(live.stars(ENOUGH), reference)
