"""Profiles, kinematics and chemistry of the galaxy shown, one tab each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import ipywidgets as widgets
import numpy as np

from galflowlab_widgets.chart import Chart
from galflowlab_widgets.diagrams import TABS, drawable
from galflowlab_widgets.rendering import palettes


class DiagramTabs(widgets.Tab):
    """Charts of which only the one in front is drawn.

    Parameters
    ----------
    columns
        Columns that the stars have; tabs that need others are left out.
    selected
        Called when another tab has come to the front.
    """

    def __init__(self, columns: tuple[str, ...], selected: Callable[[], None]) -> None:
        self._names = drawable(columns)
        charts = [Chart(palettes=palettes()) for _ in self._names]
        super().__init__(charts, titles=self._names)
        self.add_class("gfl-tabs")
        self.observe(lambda _: selected(), "selected_index")

    def draw(
        self, stars: Mapping[str, np.ndarray], reference: Mapping[str, np.ndarray] | None
    ) -> None:
        """Draw the chart in front."""
        if self.selected_index is None or not self._names:
            return
        diagram = TABS[self._names[self.selected_index]](stars, reference)
        chart: Chart = self.children[self.selected_index]
        chart.show(diagram.figure, diagram.pixels, diagram.alt)
