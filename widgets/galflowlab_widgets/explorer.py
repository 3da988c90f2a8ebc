"""The explorer: a galaxy drawn live while its context is dragged."""

from __future__ import annotations

import html
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol

import ipywidgets as widgets
import numpy as np
from astropy.table import QTable

from galflowlab_widgets.canvas import MapCanvas
from galflowlab_widgets.controls import ContextControl, Ranges, view_slider
from galflowlab_widgets.rendering import picture

_LOG = logging.getLogger(__name__)
_COLUMNS = ("x", "y", "z", "age", "mass")


class Contexts(Ranges, Protocol):
    """The population of training contexts, as far as the explorer uses it."""

    def complete(self, context: Mapping[str, float]) -> dict[str, float]:
        """Fill in the entries left out with what is typical."""
        ...

    def inside(self, context: Mapping[str, float]) -> bool:
        """Whether a context lies among the training galaxies."""
        ...


class Frozen(Protocol):
    """Stars that follow a context, as far as the explorer uses them."""

    @property
    def context(self) -> dict[str, float]:
        """The whole context of the stars."""
        ...

    def update(self, context: Mapping[str, float]) -> None:
        """Move the stars to another context."""
        ...

    def arrays(self, *, columns: Iterable[str]) -> dict[str, np.ndarray]:
        """Plain columns of all stars, in the units of `galflowlab.schema`."""
        ...

    def stars(self) -> QTable:
        """All stars as a table with units."""
        ...


class Model(Protocol):
    """A conditional eDF, as far as the explorer uses it."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of a star, in order."""
        ...

    @property
    def context_names(self) -> tuple[str, ...]:
        """Entries of the context, in order."""
        ...

    @property
    def population(self) -> Contexts:
        """The contexts seen in training."""
        ...

    def freeze(self, context: Mapping[str, float], *, n: int, seed: int) -> Frozen:
        """Fix the noise of `n` stars, so that they move smoothly with the context."""
        ...


class Explorer(widgets.VBox):
    """Sliders for the context of a model galaxy, and its maps.

    A context entry follows the population of training galaxies until its slider is moved;
    from then on it stays where it was put, until *reset*. The maps show surface density and
    mean age, face-on and at the chosen inclination. Where the chosen context is not supported
    by the training galaxies, the status line says so.

    Parameters
    ----------
    edf
        Model to draw galaxies from, such as ``galflowlab.load("mock")``.
    n
        Number of stars.
    seed
        Seed of the base noise, which stays fixed: the same sliders show the same stars.

    Attributes
    ----------
    sliders
        Controls of the context by name; their ``value`` is physical and may be set from code.
    inclination, azimuth
        Sliders of the viewing direction [degree].
    context
        The context of the galaxy shown.
    stars
        Its stars as a table with units: what `EDF.sample` returns for this context and seed.
    frames
        Number of pictures drawn so far.
    """

    def __init__(self, edf: Model, *, n: int = 50_000, seed: int = 1) -> None:
        self.frames = 0
        self._edf, self._n, self._seed = edf, int(n), seed
        self._frozen: Frozen | None = None  # made with the first picture
        self._columns: dict[str, np.ndarray] = {}
        # Handlers run in a subshell thread of the kernel while cells run in the main thread.
        self._drawing = threading.RLock()
        self._silent = False  # while the view is reset; only touched under the lock

        self.sliders = {
            name: ContextControl(name, edf.population, partial(self._on_context, name))
            for name in edf.context_names
        }
        self.inclination = view_slider("inclination", 90, 180)
        self.azimuth = view_slider("azimuth", 0, 360)
        self.reset_button = widgets.Button(
            description="reset", tooltip="let all sliders follow the population again"
        )
        self.reset_button.add_class("gfl-reset")
        self.canvas = MapCanvas()
        self.status = widgets.HTML()
        self.status.add_class("gfl-status")
        super().__init__([self._arrange()])
        self.add_class("gfl-explorer")

        self._safely(self._sample)
        for slider in (self.inclination, self.azimuth):
            slider.observe(self._on_view, "value")
        self.reset_button.on_click(self._on_reset)

    @property
    def context(self) -> dict[str, float]:
        """The context of the galaxy shown, empty before the first."""
        return self._frozen.context if self._frozen else {}

    @property
    def stars(self) -> QTable | None:
        """Stars of the galaxy shown, with units."""
        return self._frozen.stars() if self._frozen else None

    def _arrange(self) -> widgets.Widget:
        lines: list[widgets.Widget] = []
        for control in self.sliders.values():
            lines += [control.label, control.slider]
        lines += [widgets.Label("inclination of the right-hand maps [°]"), self.inclination]
        lines += [widgets.Label("azimuth [°]"), self.azimuth]
        left = widgets.VBox([*lines, self.reset_button, self.status])
        left.add_class("gfl-controls")
        return widgets.HBox([left, self.canvas], layout={"flex_flow": "row wrap"})

    def reset(self) -> None:
        """Let every context entry follow the population again and look from the start."""
        with self._drawing:
            self._silent = True
            try:
                for control in self.sliders.values():
                    control.following = True
                self.inclination.value, self.azimuth.value = 90, 0
            finally:
                self._silent = False
            self._safely(self._sample)

    def _on_reset(self, _button: widgets.Button) -> None:
        self.reset()

    def _on_context(self, name: str) -> None:
        with self._drawing:
            control = self.sliders[name]
            if not control.silent:
                control.following = False
                self._safely(self._sample)

    def _on_view(self, _change: Any) -> None:
        with self._drawing:
            if not self._silent:
                self._safely(self._draw)

    def _sample(self) -> None:
        """Draw stars for the present sliders and show them."""
        chosen = {n: c.value for n, c in self.sliders.items() if not c.following}
        if self._frozen is None:
            self._frozen = self._edf.freeze(chosen, n=self._n, seed=self._seed)
        else:
            self._frozen.update(chosen)
        for name, control in self.sliders.items():
            if control.following:
                control.follow(self._frozen.context[name])
            control.describe()
        wanted = [c for c in _COLUMNS if c in (*self._edf.columns, "mass")]
        self._columns = self._frozen.arrays(columns=wanted)
        self._draw()

    def _draw(self) -> None:
        """Show the present stars from the present direction."""
        if not self._columns:
            raise ValueError("there are no stars to show")
        self.canvas.show(picture(self._columns, self.inclination.value, self.azimuth.value))
        self.frames += 1

    def _safely(self, action: Callable[[], None]) -> None:
        """Run an action; say in the status line how it went."""
        start = time.perf_counter()
        try:
            action()
            inside = self._edf.population.inside(self.context)
        except Exception as error:
            _LOG.debug("the explorer could not draw", exc_info=True)
            self.status.value = _warning("error", f"Could not draw: {_sentence(error)}")
            return
        elapsed = 1e3 * (time.perf_counter() - start)
        text = f"{len(self._columns['mass']):,} stars · {elapsed:.0f} ms".replace(",", " ")
        if not inside:
            text += "<br>" + _warning("warning", "outside the training population: extrapolated")
        self.status.value = f"<span>{text}</span>"


def _warning(kind: str, text: str) -> str:
    return f'<span class="gfl-{kind}" role="alert">{html.escape(text)}</span>'


def _sentence(error: Exception) -> str:
    """The first line of an error, or its type if it has nothing to say."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
