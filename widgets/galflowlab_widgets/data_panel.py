"""Which galaxy stands beside a model, and at whose context the model is drawn."""

from __future__ import annotations

import html
from collections.abc import Callable

import ipywidgets as widgets

from galflowlab_widgets.sides import DataSide

_SLIDERS, _GALAXY = "sliders", "galaxy"


class DataPanel(widgets.VBox):
    """Choice of the context of the model, and words on the galaxy.

    Parameters
    ----------
    changed
        Called when the other context is wanted.

    Attributes
    ----------
    at
        The choice: ``sliders`` or ``galaxy``.
    caption
        Words on the galaxy.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self.at = widgets.ToggleButtons(
            options=[_SLIDERS, _GALAXY],
            description="model at:",
            tooltips=[
                "the model has the context of the sliders",
                "the model has the context of the galaxy shown: a fair comparison",
            ],
            style={"button_width": "80px", "description_width": "64px"},
        )
        self.at.add_class("gfl-at")
        self.caption = widgets.HTML()
        self.caption.add_class("gfl-data-caption")
        super().__init__([self.at, self.caption])
        self.add_class("gfl-data")
        self.at.observe(lambda _: changed(), "value")

    @property
    def at_galaxy(self) -> bool:
        """Whether the model is wanted at the context of the galaxy."""
        return bool(self.at.value == _GALAXY)

    def describe(self, data: DataSide) -> None:
        """Say which galaxy is shown."""
        self.caption.value = _words(data)


def _words(data: DataSide) -> str:
    if data.trouble:
        return html.escape(f"no galaxy beside the model: {data.trouble}")
    if data.galaxy is None:
        return "looking for the nearest galaxy"
    name = f"<b>{html.escape(data.galaxy.name)}</b>"
    if not data.found:
        return f"{name} · the nearest galaxy is looked for when the hand rests"
    return f"{name}, nearest to the sliders: {data.galaxy.distance:.2g} σ away in context"
