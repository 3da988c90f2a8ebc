"""Compare: two models, or a model and data, side by side, and what differs."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as widgets

from galflowlab.galaxy import Galaxy
from galflowlab_widgets.actions import button, count_menu
from galflowlab_widgets.app import App, beside
from galflowlab_widgets.canvas import MapCanvas
from galflowlab_widgets.compare_screen import CompareScreen
from galflowlab_widgets.context_panel import ContextPanel
from galflowlab_widgets.data_panel import DataPanel
from galflowlab_widgets.diagram_tabs import ChartTabs
from galflowlab_widgets.linked import LinkedModels
from galflowlab_widgets.live import SEEDS, Model
from galflowlab_widgets.refining import Refiner
from galflowlab_widgets.rendering import View
from galflowlab_widgets.sides import Data, DataSide, ModelSide, shared_columns, sides_of
from galflowlab_widgets.status import Status
from galflowlab_widgets.view_panel import ViewPanel

_START = View(inclination=60.0)


class Compare(App):
    """Two galaxies that follow the same controls, side by side, and their difference.

    Entries of the context that both models have are the same for both; what is left open is
    filled in by the left one, and what that does not know by the other. Both have the same noise
    and equally many stars. The error of the difference is that of independent stars: models of
    one origin, whose stars go the same way, differ by less than it. Of data, the galaxy nearest to
    the sliders is shown; the model is drawn at the sliders, or at the galaxy's own context if
    *model at: galaxy* is chosen.

    Parameters
    ----------
    left, right
        A model, such as ``galflowlab.load("mock")``; a `Galaxy`, several, or references to
        galaxies. One of them is a model.
    n
        Number of stars of each galaxy; beside data no more than the data have.
    seed
        Seed of the base noise, which stays fixed.
    names
        Of left and right; by default where the models were loaded from. A galaxy has its own.

    Attributes
    ----------
    canvas, status, tabs, context_panel, view_panel, data_panel
        The parts of the app; `data_panel` is None between two models.

    Raises
    ------
    ValueError
        If neither is a model, either is nothing that can be compared, they share no positions,
        `n` is less than one, a model has no stellar mass among its context, a galaxy lacks an
        entry of the context, or the names are not two different ones.
    """

    def __init__(
        self,
        left: Model | Data,
        right: Model | Data,
        *,
        n: int = 100_000,
        seed: int = 1,
        names: Sequence[str] | None = None,
    ) -> None:
        sides = sides_of(left, right, n=int(n), seed=int(seed), names=names)
        columns = shared_columns(sides)
        linked = LinkedModels([side.model for side in sides if isinstance(side, ModelSide)])
        self.canvas, self.status = MapCanvas(), Status()
        refiner = Refiner(lambda error: self.status.error("Could not refine", error))
        guard = refiner.interrupting
        context = ContextPanel(linked, self._on_moved, guard)
        self.view_panel = ViewPanel(columns, self.canvas, self._on_turned, guard, _START)
        with_data = any(isinstance(side, DataSide) for side in sides)
        self.data_panel = DataPanel(self._on_moved) if with_data else None
        self.tabs = ChartTabs(columns, self._on_tab)
        self._screen = CompareScreen(
            sides,
            refiner,
            canvas=self.canvas,
            context=context,
            view=self.view_panel,
            data=self.data_panel,
            tabs=self.tabs,
            status=self.status,
            linked=linked,
        )
        self._start = _own_context([left, right], linked.names)
        controls = [context, *([self.data_panel] if self.data_panel else []), self._actions(int(n))]
        top = beside(controls, [self.view_panel, self.canvas, self.status])
        super().__init__("compare", [top, self.tabs], context, self._screen)
        self._screen.move(self._start_again)

    @property
    def contexts(self) -> list[dict[str, float]]:
        """The context at which each model is drawn, from left to right."""
        return [dict(context) for context in self._screen.contexts]

    @property
    def view(self) -> View:
        """What is shown and from where; may be set."""
        return self.view_panel.view

    @view.setter
    def view(self, view: View) -> None:
        self.view_panel.view = view

    def reset(self) -> None:
        """Go back to the context and the direction of the start."""
        self._screen.move(self._start_again)

    def _start_again(self) -> None:
        self.context_panel.release()
        self.context_panel.put(self._start)
        self.view_panel.reset()

    def _actions(self, n: int) -> widgets.Widget:
        self.count = count_menu(n, lambda count: self._restart(count, self._screen.seed))
        again = button("resample", "draw other stars: a new seed", self._on_resample)
        reset = button("reset", "the context and the view of the start", self.reset)
        snapshot = button("snapshot", "save the maps as a PNG picture", self._on_snapshot)
        lines = [widgets.HBox([self.count, again]), widgets.HBox([reset, snapshot])]
        box = widgets.VBox(lines)
        box.add_class("gfl-actions")
        return box

    def _restart(self, n: int, seed: int) -> None:
        self._screen.move(lambda: self._screen.resize(n, seed))

    def _on_resample(self) -> None:
        self._restart(self.count.value, (self._screen.seed + 1) % SEEDS)

    def _on_snapshot(self) -> None:
        self.canvas.snapshot("comparison.png")

    def _on_moved(self) -> None:
        self._screen.move()

    def _on_turned(self) -> None:
        self._screen.turn()

    def _on_tab(self) -> None:
        self._screen.chart()


def _own_context(sides: Sequence[object], names: Sequence[str]) -> dict[str, float]:
    """Where to start: at the context of a single galaxy, else at the typical one."""
    alone = next((side for side in sides if isinstance(side, Galaxy)), None)
    return {name: alone.context[name] for name in names} if alone else {}
