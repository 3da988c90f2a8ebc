"""Draws the sky of a live galaxy: a preview when it moves, all stars when the hand rests."""

from __future__ import annotations

import time
from collections.abc import Iterator

from galflowlab.parallel import CHUNK
from galflowlab_widgets.context_panel import ContextPanel
from galflowlab_widgets.diagram_tabs import ENOUGH
from galflowlab_widgets.following import Following
from galflowlab_widgets.live import Contexts, LiveGalaxy
from galflowlab_widgets.refining import Refiner
from galflowlab_widgets.sky_panel import SkyPanel
from galflowlab_widgets.status import Status


class SkyScreen(Following):
    """Keeps the sky in step with the context, the observer and what is to be seen.

    Parameters
    ----------
    live
        The galaxy.
    refiner
        For the work at rest.
    context, sky, status
        Where it is shown and what says how.
    population
        Training contexts.
    """

    def __init__(
        self,
        live: LiveGalaxy,
        refiner: Refiner,
        *,
        context: ContextPanel,
        sky: SkyPanel,
        status: Status,
        population: Contexts,
    ) -> None:
        super().__init__(refiner, status)
        self.live = live
        self._context, self._sky, self._population = context, sky, population
        self._inside = True
        self._drawn = 0

    def still(self) -> str:
        """The last sky for readers without a kernel, as HTML."""
        return self._sky.still()

    def _forget(self) -> None:
        self.live.resize(1, 0)

    def _move(self, start: float) -> None:
        self.live.move(self._context.chosen)
        self._drawn = 0
        self._inside = self._population.inside(self.live.context)
        self._context.show(self.live.context, inside=self._inside, whole=self._due())
        self._draw(self.live.count, start)

    def _turn(self, start: float) -> None:
        self._draw(min(self.live.count, ENOUGH), start)

    def _refine(self) -> Iterator[None]:
        start = time.perf_counter()
        with self.refiner.working():
            self._context.show(self.live.context, inside=self._inside)
        yield
        while not self.live.complete:
            with self.refiner.working():
                self.live.grow(CHUNK)
            yield
        if self._drawn < self.live.n:
            with self.refiner.working():
                self._draw(self.live.n, start)
            yield

    def _draw(self, count: int, start: float) -> None:
        self._sky.show(self.live.stars(count), self.live.n)
        self._drawn = count
        self.frames += 1
        elapsed = 1e3 * (time.perf_counter() - start)
        self._status.show(count, self.live.n, elapsed, inside=self._inside)
