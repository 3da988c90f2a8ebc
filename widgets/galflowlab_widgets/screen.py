"""Draws a live galaxy: a preview when it moves, everything else when the hand rests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from galflowlab_widgets import ghost, still
from galflowlab_widgets.canvas import MapCanvas
from galflowlab_widgets.context_panel import ContextPanel
from galflowlab_widgets.diagram_tabs import DiagramTabs
from galflowlab_widgets.link import Link
from galflowlab_widgets.live import PREVIEW, Contexts, LiveGalaxy
from galflowlab_widgets.references import Reference, References
from galflowlab_widgets.refining import Refiner
from galflowlab_widgets.rendering import Picture, Polylines, View, picture
from galflowlab_widgets.scales import Scales
from galflowlab_widgets.status import Status
from galflowlab_widgets.view_panel import ViewPanel

_CHUNK = 4096  # stars between two chances for a handler
_CHARTED = 50_000  # stars that make up the charts: enough for lines, and quick
_AT_ONCE = 300_000  # stars that a handler may project; more are left to the refiner
_BETWEEN_CHARTS = 0.25  # seconds, while the hand moves; entries that follow, too
_STILL_AFTER = 2.0  # seconds of rest before the still is renewed

Action = Callable[[], None]


class Screen:
    """Keeps canvas, charts and status in step with the context and the view.

    Handlers of the browser's messages may run in a subshell thread while cells run in the
    main thread and refinement in its own; the refiner keeps them apart.

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
        Called when the hand rests on another galaxy.

    Attributes
    ----------
    settled
        Called when the hand has rested for a while, if it is set.
    """

    def __init__(
        self,
        live: LiveGalaxy,
        refiner: Refiner,
        *,
        canvas: MapCanvas,
        context: ContextPanel,
        view: ViewPanel,
        tabs: DiagramTabs,
        status: Status,
        references: References | None,
        population: Contexts,
        moved: Action,
    ) -> None:
        self.live, self.refiner, self.frames = live, refiner, 0
        self.picture: Picture | None = None
        self._canvas, self._context, self._view = canvas, context, view
        self._link = Link(canvas)
        self._tabs, self._status = tabs, status
        self._references, self._population = references, population
        self._reference: Reference | None = None
        self._moved = moved
        self.settled: Action | None = None
        self._scales: tuple[tuple[str, ...], Scales] | None = None
        self._ghosts: dict[tuple[Any, ...], list[Polylines]] = {}
        self._charted = 0.0
        self._inside = True

    def move(self, prepare: Action | None = None) -> None:
        """Draw the galaxy of the context now chosen, after `prepare`."""
        with self.refiner.interrupting():
            self._safely(lambda: self._move(prepare))

    def turn(self) -> None:
        """Draw the same galaxy from the direction now chosen."""
        with self.refiner.interrupting():
            self._safely(self._turn)

    def chart(self) -> None:
        """Draw the chart that has come to the front."""
        with self.refiner.interrupting():
            self._safely(self._chart)

    def still(self) -> str:
        """The last picture for readers without a kernel, as HTML."""
        return still.as_html(self.picture) if self.picture else ""

    def close(self) -> None:
        """Stop, and forget the stars."""
        self.refiner.close()
        with self.refiner.working():
            self.live.resize(1, 0)
            self._reference = self.picture = None

    def _safely(self, action: Action) -> None:
        try:
            action()
        except Exception as error:
            self._status.error("Could not draw", error)
        else:
            self.refiner.start(self._refine)

    def _move(self, prepare: Action | None) -> None:
        start = time.perf_counter()
        if prepare:
            prepare()
        self.live.move(self._context.chosen)
        context = self.live.context
        self._inside = self._population.inside(context)
        moving = self.refiner.moving
        self._context.show(context, inside=self._inside, whole=not moving or self._due())
        self._scales = None
        if self._reference and not self._is_nearest(self._reference):
            self._beside(None)
        self._draw(self.live.count, start)
        if moving and self._due():
            self._chart()

    def _turn(self) -> None:
        start = time.perf_counter()
        self._draw(min(self.live.count, _AT_ONCE), start)

    def _refine(self) -> Iterator[None]:
        """Steps of the work at rest; may be dropped at every yield."""
        drawn = min(self.live.count, _AT_ONCE)
        start = time.perf_counter()
        with self.refiner.working():
            self._context.show(self.live.context, inside=self._inside)
            self._moved()
        yield
        while drawn < self.live.n:
            with self.refiner.working():
                self.live.grow(_CHUNK)
                if self.live.complete or self.live.count >= 4 * drawn:
                    drawn = self.live.count
                    self._draw(drawn, start)
            yield
        with self.refiner.working():
            self._chart()
        yield
        if self._references and not self._reference:
            yield from self._look_for_nearest(self._references)
        if self.settled:
            yield from _rest(_STILL_AFTER)
            self.settled()

    def _look_for_nearest(self, references: References) -> Iterator[None]:
        context = self.live.context
        yield from references.prepare(context)
        nearest = references.nearest(context)
        yield
        with self.refiner.working():
            if nearest and self._is_nearest(nearest):
                self._beside(nearest)
                self._draw(self.live.count, time.perf_counter())
                self._chart()
        yield

    def _draw(self, count: int, start: float) -> None:
        view = self._view.view
        shown = picture(
            self.live.stars(count),
            view,
            self._scales_for(view),
            context=self.live.context,
            ghost=self._ghost(view),
            state=self._state(count),
        )
        self._canvas.show(self._link.pack(shown))
        self.picture = shown
        self.frames += 1
        elapsed = 1e3 * (time.perf_counter() - start)
        self._status.show(count, self.live.n, elapsed, inside=self._inside)

    def _state(self, count: int) -> str:
        """How far the picture is, which the page may want to know."""
        if count < self.live.n:
            return "preview"
        return "settled" if self._reference or not self._references else "refined"

    def _scales_for(self, view: View) -> Scales:
        """From the preview's stars, so that nothing jumps when more are drawn."""
        if self._scales is None or self._scales[0] != view.quantities:
            stars = self.live.stars(PREVIEW)
            self._scales = view.quantities, Scales.of(stars, view.quantities)
        return self._scales[1]

    def _chart(self) -> None:
        beside = self._reference.stars if self._reference else None
        self._tabs.draw(self.live.stars(_CHARTED), beside)
        self._charted = time.perf_counter()

    def _due(self) -> bool:
        """Whether what need not follow every value should follow now."""
        return time.perf_counter() - self._charted > _BETWEEN_CHARTS

    def _ghost(self, view: View) -> list[Polylines] | None:
        if not (self._reference and self._view.ghost.value):
            return None
        half_width = view.half_width or self._scales_for(view).half_width
        key = (self._reference.name, view.inclination, view.azimuth, view.centre, half_width)
        if key not in self._ghosts:  # that of the last picture is kept
            stars, around = self._reference.stars, (view.azimuth, view.centre, half_width)
            columns = [ghost.contours(stars, i, *around) for i in (0.0, view.inclination)]
            self._ghosts = {key: columns}
        return self._ghosts[key]

    def _is_nearest(self, reference: Reference) -> bool:
        assert self._references is not None
        return self._references.name_of_nearest(self.live.context) == reference.name

    def _beside(self, reference: Reference | None) -> None:
        """Set a real galaxy beside the model, or none."""
        self._reference = reference
        self._context.mark(reference.context if reference else None)
        self._view.describe(reference)


def _rest(seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.05)
        yield
