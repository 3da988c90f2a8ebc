"""The sky of an observer in a model galaxy whose context is dragged."""

from __future__ import annotations

import ipywidgets as widgets

from galflowlab.schema import PHASE_SPACE
from galflowlab_widgets.actions import button, count_menu
from galflowlab_widgets.app import App, beside
from galflowlab_widgets.context_panel import ContextPanel
from galflowlab_widgets.live import SEEDS, LiveGalaxy, Model
from galflowlab_widgets.refining import Refiner
from galflowlab_widgets.sky_panel import SkyPanel
from galflowlab_widgets.sky_screen import SkyScreen
from galflowlab_widgets.status import Status


class SkyView(App):
    """Drag an observer through a model galaxy, and the context of the galaxy, and see the sky.

    Parameters
    ----------
    edf
        Model with positions and velocities, such as ``galflowlab.load("mock")``.
    n
        Number of stars.
    seed
        Seed of the base noise, which stays fixed: the same sliders show the same stars.

    Attributes
    ----------
    sky, status, context_panel
        The parts of the app.

    Raises
    ------
    ValueError
        If the model has no positions, velocities or stellar mass.
    """

    def __init__(self, edf: Model, *, n: int = 200_000, seed: int = 1) -> None:
        if not set(PHASE_SPACE) <= set(edf.columns):
            raise ValueError(f"expected columns {', '.join(PHASE_SPACE)}, got {edf.columns}")
        live = LiveGalaxy(edf, n=int(n), seed=int(seed))
        self.status = Status()
        refiner = Refiner(lambda error: self.status.error("Could not refine", error))
        guard = refiner.interrupting
        context = ContextPanel(edf.population, lambda: self._screen.move(), guard)
        self.sky = SkyPanel(edf.columns, lambda: self._screen.turn(), guard)
        self._screen = SkyScreen(
            live,
            refiner,
            context=context,
            sky=self.sky,
            status=self.status,
            population=edf.population,
        )
        top = beside([context, self._actions(live)], [self.sky, self.status])
        super().__init__("sky-view", [top], context, self._screen)
        self._screen.move()

    @property
    def context(self) -> dict[str, float]:
        """The context of the galaxy shown, empty before the first."""
        return self._screen.live.context

    def reset(self) -> None:
        """Let every context entry follow the population again, and bring the observer home."""
        self._screen.move(self._start_again)

    def _start_again(self) -> None:
        self.context_panel.release()
        self.sky.reset()

    def _actions(self, live: LiveGalaxy) -> widgets.Widget:
        def restart(n: int, seed: int) -> None:
            self._screen.move(lambda: live.resize(n, seed))

        self.count = count_menu(live.n, lambda count: restart(count, live.seed))
        again = button(
            "resample",
            "draw other stars: a new seed",
            lambda: restart(live.n, (live.seed + 1) % SEEDS),
        )
        reset = button("reset", "let all entries follow, observe from the start", self.reset)
        box = widgets.VBox([widgets.HBox([self.count, again]), widgets.HBox([reset])])
        box.add_class("gfl-actions")
        return box
