"""What shows a training: numbers, curves, and a held-out galaxy; it knows nothing of threads."""

from __future__ import annotations

import html
import time
from collections.abc import Callable

import ipywidgets as widgets

from galflowlab.training_set import TrainingSet
from galflowlab_widgets import still, training_words
from galflowlab_widgets.canvas import MapCanvas
from galflowlab_widgets.chart import Chart
from galflowlab_widgets.diagram_parts import Diagram
from galflowlab_widgets.held_out_map import HeldOutGalaxy
from galflowlab_widgets.link import Link
from galflowlab_widgets.live import Model
from galflowlab_widgets.rendering import Picture
from galflowlab_widgets.status import alert, failure
from galflowlab_widgets.training_curves import Curve, learning_rates, losses


class TrainingPanel(widgets.VBox):
    """Progress bar, button, numbers, curves and maps of one training.

    Parameters
    ----------
    pressed
        Called when the button is.
    chosen
        Called when another held-out galaxy is wanted.

    Attributes
    ----------
    button, bar, numbers, message, galaxy, canvas, loss_chart, rate_chart
        The parts.
    """

    def __init__(self, pressed: Callable[[], None], chosen: Callable[[], None]) -> None:
        self.bar = widgets.FloatProgress(max=1.0, layout={"flex": "1 1 200px", "width": "auto"})
        self.bar.add_class("gfl-progress")
        self.button = widgets.Button(layout={"width": "auto"})
        self.button.add_class("gfl-stop")
        self.button.on_click(lambda _: pressed())
        self.numbers, self.message = widgets.HTML(), widgets.HTML()
        self.numbers.add_class("gfl-numbers")
        self.message.add_class("gfl-message")
        self.loss_chart, self.rate_chart, self.canvas = Chart(), Chart(), MapCanvas()
        self.galaxy = widgets.Dropdown(description="held out:", layout={"width": "auto"})
        self.galaxy.add_class("gfl-held-out")
        self.galaxy.observe(lambda _: chosen(), "value")
        self._link = Link(self.canvas)
        self._held_out: TrainingSet | None = None
        self._shown: HeldOutGalaxy | None = None
        self._diagram: Diagram | None = None
        self._picture: Picture | None = None
        self._said, self._trouble = "", ""
        self.offer_nothing()
        top = widgets.HBox([self.bar, self.button], layout={"align_items": "center"})
        curves = widgets.VBox([self.loss_chart, self.rate_chart])
        curves.add_class("gfl-curves")
        maps = widgets.VBox([self.galaxy, self.canvas])
        maps.add_class("gfl-pictures")
        pictures = widgets.HBox([curves, maps], layout={"flex_flow": "row wrap"})
        super().__init__([top, self.numbers, self.message, pictures])

    def offer_stop(self) -> None:
        """Let the button stop the training."""
        self._offer("stop", "end the training after its checkpoint is written", "stop")

    def offer_to_go_on(self) -> None:
        """Let the button start it again."""
        self._offer("go on", "train on from the checkpoint", "play")

    def offer_nothing(self, why: str = "there is no training to stop") -> None:
        """The button cannot do anything, and says why."""
        self._offer("stop", why, "stop", disabled=True)

    def say(self, text: str, *, warning: bool = False) -> None:
        """Show a message."""
        self._said = alert("warning", text) if warning else html.escape(text)
        self._write()

    def fail(self, what: str, error: BaseException) -> None:
        """Show how the training failed."""
        self._said = failure(what, error)
        self._write()

    def show_curve(self, curve: Curve, budget: int) -> None:
        """Show numbers and curves."""
        seen = curve.rows[-1].stars_seen if curve.rows else 0
        self.bar.value = min(1.0, seen / budget)
        lines = (training_words.pace(curve, budget), training_words.losses(curve))
        self.numbers.value = "<br>".join(map(html.escape, filter(None, lines)))
        self._diagram = losses(curve.rows, budget)
        rates = learning_rates(curve.rows, budget)
        for chart, diagram in ((self.loss_chart, self._diagram), (self.rate_chart, rates)):
            chart.show(diagram.figure, diagram.pixels, diagram.alt)

    def take(self, held_out: TrainingSet) -> None:
        """Know what is held out; at first the galaxy of median mass is chosen."""
        if held_out is self._held_out:
            return
        same = self._held_out is not None and held_out.names == self._held_out.names
        self._held_out, self._shown = held_out, None
        if same:
            return
        masses = held_out.context[:, held_out.context_names.index("log10_mstar")].tolist()
        order = sorted(range(len(held_out)), key=masses.__getitem__)
        options = [(f"{held_out.names[i]}, log₁₀ M★ = {masses[i]:.2f}", i) for i in order]
        with self.hold_trait_notifications():
            self.galaxy.options = options
            self.galaxy.value = order[len(order) // 2]

    def show_map(self, edf: Model, title: str) -> float:
        """Draw the galaxy chosen; seconds that it took."""
        started = time.perf_counter()
        if self._held_out is None or self.galaxy.value is None:
            return 0.0
        try:
            name = self._held_out.names[self.galaxy.value]
            if self._shown is None or self._shown.name != name:
                self._shown = HeldOutGalaxy(self._held_out, self.galaxy.value)
            self._picture = self._shown.picture(edf, title)
            self.canvas.show(self._link.pack(self._picture))
            self._trouble = ""
        except Exception as error:  # the training goes on
            self._trouble = failure("Could not draw the held-out galaxy", error)
        self._write()
        return time.perf_counter() - started

    def still(self) -> str:
        """Curves and maps for readers without a kernel, as HTML."""
        curves = still.chart_as_html(self._diagram) if self._diagram else ""
        return curves + (still.as_html(self._picture) if self._picture else "")

    def _offer(self, name: str, tooltip: str, icon: str, *, disabled: bool = False) -> None:
        self.button.description, self.button.tooltip, self.button.icon = name, tooltip, icon
        self.button.disabled = disabled

    def _write(self) -> None:
        self.message.value = "<br>".join(filter(None, (self._said, self._trouble)))
