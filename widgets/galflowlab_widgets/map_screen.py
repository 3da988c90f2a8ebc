"""What the screens of maps have in common: one canvas, scales that do not jump, a chart."""

from __future__ import annotations

from abc import abstractmethod

from galflowlab_widgets import still
from galflowlab_widgets.canvas import MapCanvas
from galflowlab_widgets.context_panel import ContextPanel
from galflowlab_widgets.diagram_tabs import ENOUGH
from galflowlab_widgets.following import Following
from galflowlab_widgets.link import Link
from galflowlab_widgets.refining import Refiner
from galflowlab_widgets.rendering import Picture, View
from galflowlab_widgets.scales import Scales
from galflowlab_widgets.status import Status
from galflowlab_widgets.view_panel import ViewPanel

AT_ONCE = 300_000  # stars of a galaxy that a handler may map; more are left to the refiner


class MapScreen(Following):
    """Keeps maps and charts in step with the context and the view.

    Parameters
    ----------
    refiner
        For the work at rest.
    canvas, context, view, status
        Where it is shown and what says how.

    Attributes
    ----------
    picture
        The last one, None before the first.
    """

    def __init__(
        self,
        refiner: Refiner,
        *,
        canvas: MapCanvas,
        context: ContextPanel,
        view: ViewPanel,
        status: Status,
    ) -> None:
        super().__init__(refiner, status)
        self.picture: Picture | None = None
        self._canvas, self._link = canvas, Link(canvas)
        self._context, self._view = context, view
        self._inside = True  # whether training galaxies support the context
        self._renew()

    def chart(self) -> None:
        """Draw the chart that has come to the front."""
        self._handle(self._chart)

    def still(self) -> str:
        """The last picture for readers without a kernel, as HTML."""
        return still.as_html(self.picture) if self.picture else ""

    @abstractmethod
    def _scales_of(self, quantities: tuple[str, ...]) -> Scales:
        """Scales for the stars of the preview."""

    @abstractmethod
    def _draw_chart(self, most: int) -> None:
        """Draw the chart in front from at most so many stars."""

    def _renew(self) -> None:
        """Begin with other stars: nothing of them is drawn yet."""
        self._drawn = 0  # stars of the present galaxy that the maps show
        self._scales: tuple[tuple[str, ...], Scales] | None = None

    def _show(self, shown: Picture, count: int) -> None:
        self._canvas.show(self._link.pack(shown))
        self.picture, self._drawn = shown, count
        self._view.half_width_shown = shown.field[2]
        self.frames += 1

    def _scales_for(self, view: View) -> Scales:
        """From the preview's stars, so that nothing jumps when more are drawn."""
        if self._scales is None or self._scales[0] != view.quantities:
            self._scales = view.quantities, self._scales_of(view.quantities)
        return self._scales[1]

    def _chart(self, most: int = ENOUGH) -> None:
        try:
            self._draw_chart(most)
        except Exception as error:  # too few stars for a line: the maps go on
            self._status.error("Could not draw the chart", error)

    def _forget(self) -> None:
        self.picture = None
