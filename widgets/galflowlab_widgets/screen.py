"""Draws a live galaxy: a preview when it moves, everything else when the hand rests."""

from __future__ import annotations

import time
from collections.abc import Iterator

from galflowlab.parallel import CHUNK
from galflowlab_widgets.beside import Beside
from galflowlab_widgets.canvas import MapCanvas
from galflowlab_widgets.context_panel import ContextPanel
from galflowlab_widgets.diagram_tabs import DiagramTabs
from galflowlab_widgets.following import Action
from galflowlab_widgets.live import PREVIEW, Contexts, LiveGalaxy
from galflowlab_widgets.map_screen import AT_ONCE, MapScreen
from galflowlab_widgets.references import References
from galflowlab_widgets.refining import Refiner
from galflowlab_widgets.rendering import picture
from galflowlab_widgets.scales import Scales
from galflowlab_widgets.status import Status
from galflowlab_widgets.view_panel import GhostViewPanel


class Screen(MapScreen):
    """Keeps canvas, charts and status in step with the context and the view.

    Parameters
    ----------
    live
        The galaxy.
    refiner
        For the work at rest.
    canvas, context, view, tabs, status
        Where it is shown and what says how.
    references
        Real galaxies to set beside it, or none.
    population
        Training contexts.
    moved
        Called when the galaxy is another one.
    """

    def __init__(
        self,
        live: LiveGalaxy,
        refiner: Refiner,
        *,
        canvas: MapCanvas,
        context: ContextPanel,
        view: GhostViewPanel,
        tabs: DiagramTabs,
        status: Status,
        references: References | None,
        population: Contexts,
        moved: Action,
    ) -> None:
        super().__init__(refiner, canvas=canvas, context=context, view=view, status=status)
        self.live, self._tabs = live, tabs
        self._population, self._moved = population, moved
        self._beside = Beside(references, context, view)

    def _forget(self) -> None:
        super()._forget()
        self.live.resize(1, 0)
        self._beside.close()

    def _move(self, start: float) -> None:
        self.live.move(self._context.chosen)
        context = self.live.context
        self._renew()
        self._inside = self._population.inside(context)
        due = self._due()
        self._context.show(context, inside=self._inside, whole=due)
        self._moved()
        self._beside.follow(context)
        self._status.forget()
        self._draw(self.live.count, start)
        if self._tabs.quick or (self.refiner.moving and due):
            self._chart()

    def _turn(self, start: float) -> None:
        self._draw(min(self.live.count, AT_ONCE), start)

    def _refine(self) -> Iterator[None]:
        start = time.perf_counter()
        with self.refiner.working():
            self._context.show(self.live.context, inside=self._inside)
        yield
        while self._drawn < self.live.n:
            with self.refiner.working():
                self.live.grow(CHUNK)
                if self.live.complete or self.live.count >= 4 * self._drawn:
                    self._draw(self.live.count, start)
            yield
        with self.refiner.working():
            self._chart(self.live.n)
        yield
        if self._beside.wanted:
            yield from self._look_for_nearest()

    def _look_for_nearest(self) -> Iterator[None]:
        galaxy = yield from self._beside.look(self.live.context)
        yield
        if galaxy:
            with self.refiner.working():
                self._beside.take(galaxy)
                self._draw(self.live.count, time.perf_counter())
                self._chart(self.live.n)
            yield

    def _draw(self, count: int, start: float) -> None:
        view = self._view.view
        scales = self._scales_for(view)
        shown = picture(
            self.live.stars(count),
            view,
            scales,
            context=self.live.context,
            ghost=self._beside.contours(view, view.half_width or scales.half_width),
            state=self._state(count),
        )
        self._show(shown, count)
        elapsed = 1e3 * (time.perf_counter() - start)
        self._status.show(count, self.live.n, elapsed, inside=self._inside)

    def _state(self, count: int) -> str:
        """How far the picture is, which the page may want to know."""
        if count < self.live.n:
            return "preview"
        return "refined" if self._beside.wanted else "settled"

    def _scales_of(self, quantities: tuple[str, ...]) -> Scales:
        return Scales.of(self.live.stars(PREVIEW), quantities)

    def _draw_chart(self, most: int) -> None:
        self._tabs.draw(self.live, self._beside.stars, most)
