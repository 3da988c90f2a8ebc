"""Draws two galaxies that follow one set of controls, and their difference."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from galflowlab.parallel import CHUNK
from galflowlab_widgets.canvas import MapCanvas
from galflowlab_widgets.comparison import comparison, said, seen_from
from galflowlab_widgets.context_panel import ContextPanel
from galflowlab_widgets.data_panel import DataPanel
from galflowlab_widgets.diagram_parts import MODEL, REFERENCE
from galflowlab_widgets.diagram_tabs import ChartTabs
from galflowlab_widgets.linked import LinkedModels
from galflowlab_widgets.map_screen import AT_ONCE, MapScreen
from galflowlab_widgets.refining import Refiner
from galflowlab_widgets.scales import Scales, shown
from galflowlab_widgets.sides import PREVIEW, DataSide, ModelSide, Side
from galflowlab_widgets.status import Status, thousands
from galflowlab_widgets.view_panel import ViewPanel


class CompareScreen(MapScreen):
    """Keeps maps, charts and words in step with the context and the view.

    Parameters
    ----------
    sides
        What stands on the left and on the right.
    refiner
        For the work at rest.
    canvas, context, view, data, tabs, status
        Where it is shown and what says how; `data` only if one side is data.
    linked
        The contexts of the models.
    """

    def __init__(
        self,
        sides: Sequence[Side],
        refiner: Refiner,
        *,
        canvas: MapCanvas,
        context: ContextPanel,
        view: ViewPanel,
        data: DataPanel | None,
        tabs: ChartTabs,
        status: Status,
        linked: LinkedModels,
    ) -> None:
        super().__init__(refiner, canvas=canvas, context=context, view=view, status=status)
        self.contexts: list[dict[str, float]] = []
        self._sides = tuple(sides)
        self._models = [side for side in sides if isinstance(side, ModelSide)]
        self._data = next((side for side in sides if isinstance(side, DataSide)), None)
        self._panel, self._tabs, self._linked = data, tabs, linked
        self._chosen: dict[str, float] = {}  # context of the controls

    @property
    def n(self) -> int:
        """Stars of each galaxy in the end: of a model no more than of the data beside it."""
        n = self._models[0].live.n
        count = self._data.count if self._data else None
        return n if count is None else min(n, count)

    @property
    def seed(self) -> int:
        """What fixes the noise of the models."""
        return self._models[0].live.seed

    def resize(self, n: int, seed: int) -> None:
        """Another number of stars or other noise, from the next `move` on."""
        for side in self._models:
            side.live.resize(n, seed)

    def _forget(self) -> None:
        super()._forget()
        self.contexts = []
        self.resize(1, 0)
        if self._data:
            self._data.close()

    def _move(self, start: float) -> None:
        self._chosen = self._linked.complete(self._context.chosen)
        self._inside = self._linked.inside(self._chosen)
        if self._data:
            self._data.found = False
        self._place()
        due = self._due()
        self._context.show(self._chosen, inside=self._inside, whole=due)
        self._status.forget()
        self._draw(self._count, start)
        if self.refiner.moving and due:
            self._chart()

    def _turn(self, start: float) -> None:
        self._draw(min(self._count, AT_ONCE), start)

    def _refine(self) -> Iterator[None]:
        start = time.perf_counter()
        with self.refiner.working():
            self._context.show(self._chosen, inside=self._inside)
        yield
        if self._data and self._data.wanted:
            yield from self._data.look(self._chosen)
            with self.refiner.working():
                self._take(self._data)
                self._draw(self._count, start)
            yield
        while self._drawn < self.n:
            with self.refiner.working():
                for side in self._models:
                    side.live.grow(min(CHUNK, self.n - side.live.count))
                if self._count == self.n or self._count >= 4 * self._drawn:
                    self._draw(self._count, start)
            yield
        with self.refiner.working():
            self._chart()
        yield

    @property
    def _count(self) -> int:
        """Stars of each galaxy that are there to be shown."""
        return min(self.n, *(side.live.count for side in self._models))

    def _place(self) -> None:
        """Move the models to the context of the controls, or to that of the galaxy."""
        galaxy = self._data.galaxy if self._data else None
        if galaxy and self._panel and self._panel.at_galaxy:
            self.contexts = self._linked.each(galaxy.context)
        else:
            self.contexts = self._linked.each(self._context.chosen)
        for side, context in zip(self._models, self.contexts, strict=True):
            side.live.move(context)
        self._renew()

    def _take(self, data: DataSide) -> None:
        """Show the galaxy nearest to the controls, and the model at its context if so wanted."""
        before = data.galaxy
        data.take(self._chosen)
        same = before and data.galaxy and before.name == data.galaxy.name
        if self._panel and self._panel.at_galaxy and not same:
            self._place()
        self._renew()
        self._context.mark(data.galaxy.context if data.galaxy else None)

    def _draw(self, count: int, start: float) -> None:
        view = self._view.view
        waiting = self._data is not None and self._data.wanted
        drawn = comparison(
            [side.stars(count) for side in self._sides],
            view,
            self._scales_for(view),
            names=[side.name for side in self._sides],
            total=self.n,
            state="settled" if count == self.n and not waiting else "preview",
        )
        self._show(drawn.picture, count)
        self._view.caption.value = f"{seen_from(view)} · {said(drawn.rms)}"
        if self._panel and self._data:
            self._panel.describe(self._data)
        self._say(count, 1e3 * (time.perf_counter() - start))

    def _say(self, count: int, milliseconds: float) -> None:
        of = "" if count == self.n else f" of {thousands(self.n)}"
        state = "refined" if count == self.n else "preview"
        line = f"{thousands(count)}{of} stars each · {state} · {milliseconds:.0f} ms"
        inside = self._linked.inside_each(self.contexts)
        outside = [side.name for side, ok in zip(self._models, inside, strict=True) if not ok]
        warning = f"outside the training population of {' and '.join(outside)}: extrapolated"
        self._status.say(line, warning if outside else "")

    def _scales_of(self, quantities: tuple[str, ...]) -> Scales:
        few = min(PREVIEW, self._count)
        known = [side.stars(few) for side in self._sides]
        each = [
            Scales.of(stars, tuple(q for q in quantities if q in shown(stars)))
            for stars in known
            if stars is not None
        ]
        return each[0] if len(each) == 1 else each[0].joined(each[1])

    def _draw_chart(self, most: int) -> None:
        count = min(self._count, most)
        both = [(side.name, stars) for side in self._sides if (stars := side.stars(count))]
        names = dict(zip((MODEL, REFERENCE), (name for name, _ in both), strict=False))
        self._tabs.compare(both[0][1], both[1][1] if len(both) > 1 else None, names)
