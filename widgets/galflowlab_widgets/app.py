"""What the apps around live galaxies have in common: their life and how they are displayed."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as widgets
from IPython.display import DisplayHandle, display

from galflowlab_widgets.context_panel import ContextPanel
from galflowlab_widgets.controls import ContextControl
from galflowlab_widgets.following import Following
from galflowlab_widgets.parts import parts
from galflowlab_widgets.plane import ContextPlane
from galflowlab_widgets.still import output


class App(widgets.VBox):
    """Controls and pictures that a screen keeps in step.

    Parameters
    ----------
    kind
        The app is of the CSS class gfl-KIND.
    children
        From top to bottom.
    context
        The controls of the context.
    screen
        What draws.
    """

    def __init__(
        self,
        kind: str,
        children: Sequence[widgets.Widget],
        context: ContextPanel,
        screen: Following,
    ) -> None:
        self._kind, self._following = kind, screen
        self.context_panel = context
        self._handle: DisplayHandle | None = None
        super().__init__(children)
        self.add_class("gfl-app")
        self.add_class(f"gfl-{kind}")

    @property
    def sliders(self) -> dict[str, ContextControl]:
        """Controls of the context by name; their ``value`` is physical and may be set."""
        return self.context_panel.sliders

    @property
    def plane(self) -> ContextPlane | None:
        """The mass-metallicity plane, if the context has both."""
        return self.context_panel.plane

    @property
    def frames(self) -> int:
        """Number of pictures drawn so far."""
        return self._following.frames

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all is drawn, the nearest galaxy too; False if that took too long."""
        return self._following.refiner.wait(timeout)

    def close(self) -> None:
        """Stop all work, and free the stars and the widgets."""
        screen: Following | None = getattr(self, "_following", None)
        if screen is None:  # it could not be made
            return super().close()
        screen.close()
        for widget in parts(self)[:-1]:
            widget.close()
        return super().close()

    def _ipython_display_(self) -> None:
        """Display the app, and a still for those who read the notebook without a kernel."""
        if self.comm is None:
            display({"text/plain": f"a closed app ({self._kind})"}, raw=True)
            return
        display(self._repr_mimebundle_(), raw=True)
        self._handle = display(output(self._following.still()), raw=True, display_id=True)
        self._following.settled = self._renew_still

    def _renew_still(self) -> None:
        if self._handle:
            self._handle.update(output(self._following.still()), raw=True)


def beside(controls: Sequence[widgets.Widget], pictures: Sequence[widgets.Widget]) -> widgets.HBox:
    """Controls on the left and pictures on the right, or below where there is no room."""
    left, right = widgets.VBox(list(controls)), widgets.VBox(list(pictures))
    left.add_class("gfl-controls")
    right.add_class("gfl-pictures")
    return widgets.HBox([left, right], layout={"flex_flow": "row wrap"})
