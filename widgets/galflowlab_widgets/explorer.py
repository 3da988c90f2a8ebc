"""The explorer: a galaxy drawn live while its context is dragged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from astropy.table import QTable

from galflowlab_widgets.actions import ActionBar
from galflowlab_widgets.app import App, beside
from galflowlab_widgets.canvas import MapCanvas
from galflowlab_widgets.context_panel import ContextPanel
from galflowlab_widgets.diagram_tabs import DiagramTabs
from galflowlab_widgets.export import code, way_out
from galflowlab_widgets.live import SEEDS, LiveGalaxy, Model
from galflowlab_widgets.references import References, references_for
from galflowlab_widgets.refining import Refiner
from galflowlab_widgets.rendering import View
from galflowlab_widgets.screen import Screen
from galflowlab_widgets.status import Status, thousands
from galflowlab_widgets.view_panel import GhostViewPanel


class Explorer(App):
    """Drag the context of a model galaxy and watch its maps follow.

    A context entry follows the population of training galaxies until it is moved or locked. A
    preview of the galaxy is drawn at once; when the hand rests, it is refined to all stars.
    Where the context is not supported by the training galaxies, the status line says so.

    Parameters
    ----------
    edf
        Model to draw galaxies from, such as ``galflowlab.load("mock")``.
    n
        Number of stars.
    seed
        Seed of the base noise, which stays fixed: the same sliders show the same stars.
    references
        Simulated galaxies to set beside the model, such as `GalaxyReferences`; by default the
        galaxies it was trained on, if they can be had.

    Attributes
    ----------
    path
        Contexts through which *play* moves; entries that they do not name stay as they are.
    canvas, status, tabs, actions, context_panel, view_panel
        The parts of the app.
    """

    def __init__(
        self,
        edf: Model,
        *,
        n: int = 200_000,
        seed: int = 1,
        references: References | None = None,
    ) -> None:
        self._edf = edf
        live = LiveGalaxy(edf, n=int(n), seed=int(seed))
        low, high = edf.population.range("log10_mstar")
        self.path: Sequence[Mapping[str, float]] = ({"log10_mstar": low}, {"log10_mstar": high})

        self.canvas = MapCanvas()
        self.status = Status()
        refiner = Refiner(lambda error: self.status.error("Could not refine", error))
        context = ContextPanel(edf.population, self._on_moved, refiner.interrupting)
        self.view_panel = GhostViewPanel(
            edf.columns, self.canvas, self._on_turned, refiner.interrupting
        )
        self.tabs = DiagramTabs(edf.columns, self._on_tab, refiner.interrupting)
        self._files = way_out()
        self.actions = ActionBar(
            live.n,
            self._files,
            resized=lambda count: self._restart(count, live.seed),
            resampled=lambda: self._restart(live.n, (live.seed + 1) % SEEDS),
            reset=self.reset,
            played=self._on_played,
            snapshot=lambda: self.canvas.snapshot("galaxy.png"),
            exported=self._on_exported,
        )
        self._screen = Screen(
            live,
            refiner,
            canvas=self.canvas,
            context=context,
            view=self.view_panel,
            tabs=self.tabs,
            status=self.status,
            references=references or references_for(edf),
            population=edf.population,
            moved=self._on_shown,
        )
        top = beside([context, self.actions], [self.view_panel, self.canvas, self.status])
        super().__init__("explorer", [top, self.tabs], context, self._screen)
        self._screen.move()

    @property
    def context(self) -> dict[str, float]:
        """The context of the galaxy shown, empty before the first."""
        return self._screen.live.context

    @property
    def stars(self) -> QTable:
        """Its stars with units: what `EDF.sample` returns for this context and seed."""
        with self._screen.refiner.working():
            return self._screen.live.table()

    @property
    def view(self) -> View:
        """What is shown and from where; may be set."""
        return self.view_panel.view

    @view.setter
    def view(self, view: View) -> None:
        self.view_panel.view = view

    @property
    def code(self) -> str:
        """Python that makes the stars shown, empty if there are none."""
        live = self._screen.live
        with self._screen.refiner.working():
            if not live.context:
                return ""
            return code(getattr(self._edf, "source", None), live.context, live.n, live.seed)

    def reset(self) -> None:
        """Let every context entry follow the population again and look from the start."""
        self.actions.pause()
        self._screen.move(self._start_again)

    def _on_moved(self) -> None:
        self.actions.pause()
        self._screen.move()

    def _on_turned(self) -> None:
        self._screen.turn()

    def _on_tab(self) -> None:
        self._screen.chart()

    def _restart(self, n: int, seed: int) -> None:
        self._screen.move(lambda: self._screen.live.resize(n, seed))

    def _on_played(self, place: float) -> None:
        if not self.actions.player.playing:
            return  # the page had sent this step before it heard of the pause
        self._screen.move(lambda: self.context_panel.put(_along(self.path, place)))

    def _on_exported(self, name: str) -> None:
        def write() -> str:
            live = self._screen.live
            with self._screen.refiner.working():  # one galaxy, whatever other threads do
                stars, header = live.table(), {"context": live.context, "code": self.code}
            return f"{self._files.take(name, stars, header)}: {thousands(len(stars))} stars"

        self.status.tell(write)

    def _start_again(self) -> None:
        self.context_panel.release()
        self.view_panel.reset()
        if self.tabs.sky:
            self.tabs.sky.reset()

    def _on_shown(self) -> None:
        self.actions.copy.text = self.code


def _along(path: Sequence[Mapping[str, float]], place: float) -> dict[str, float]:
    """Context at a place, 0 to 1, of a path of straight pieces."""
    position = place * (len(path) - 1)
    i = min(int(position), len(path) - 2)
    share = position - i
    first, last = path[i], path[i + 1]
    return {name: (1 - share) * first[name] + share * last[name] for name in first if name in last}
