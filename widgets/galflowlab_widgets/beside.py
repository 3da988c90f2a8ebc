"""The simulated galaxy beside the model: the nearest one, as contours and in the charts."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

import numpy as np

from galflowlab_widgets import ghost
from galflowlab_widgets.context_panel import ContextPanel
from galflowlab_widgets.references import Reference, References
from galflowlab_widgets.rendering import Polylines, View
from galflowlab_widgets.status import sentence
from galflowlab_widgets.view_panel import GhostViewPanel


class Beside:
    """Keeps the nearest galaxy in step with the model; gives up, in words, if that fails.

    Parameters
    ----------
    references
        Galaxies to choose from, or none.
    context, view
        Where the galaxy is marked and described.
    """

    def __init__(
        self, references: References | None, context: ContextPanel, view: GhostViewPanel
    ) -> None:
        self._references = references
        self._context, self._view = context, view
        self._galaxy: Reference | None = None
        self._levels: list[float] = []
        self._contours: dict[tuple[Any, ...], list[Polylines]] = {}

    @property
    def wanted(self) -> bool:
        """Whether a galaxy is still to be looked for."""
        return self._references is not None and self._galaxy is None

    @property
    def stars(self) -> Mapping[str, np.ndarray] | None:
        """Columns of the galaxy."""
        return self._galaxy.stars if self._galaxy else None

    def follow(self, context: Mapping[str, float]) -> None:
        """Drop the galaxy if another one is nearer now."""
        if self._galaxy and self._references:
            try:
                if self._references.name_of_nearest(context) != self._galaxy.name:
                    self._show(None)
            except Exception as error:
                self.give_up(error)

    def look(self, context: Mapping[str, float]) -> Generator[None, None, Reference | None]:
        """Look for the nearest galaxy in short steps, and return it."""
        if self._references is None:
            return None
        try:
            yield from self._references.prepare(context)
            return self._references.nearest(context)
        except Exception as error:
            self.give_up(error)
            return None

    def take(self, galaxy: Reference) -> None:
        """Set a galaxy beside the model."""
        try:
            self._show(galaxy)
        except Exception as error:
            self.give_up(error)

    def contours(self, view: View, half_width: float) -> list[Polylines] | None:
        """Contours of the galaxy for each column of maps, if they are wanted."""
        if not (self._galaxy and self._view.ghost.value):
            return None
        around = (view.azimuth, view.centre, half_width)
        key = (self._galaxy.name, view.inclination, *around)
        if key not in self._contours:  # those of the last picture are kept
            try:
                stars = self._galaxy.stars
                both = [
                    ghost.contours(stars, inclination, *around, levels=self._levels)
                    for inclination in (0.0, view.inclination)
                ]
            except Exception as error:
                self.give_up(error)
                return None
            self._contours = {key: both}
        return self._contours[key]

    def give_up(self, error: Exception) -> None:
        """Go on without galaxies, having said why."""
        self._references = self._galaxy = None
        self._view.caption.value = f"no galaxy beside the model: {sentence(error)}"

    def close(self) -> None:
        """Forget the galaxies."""
        self._references = self._galaxy = None
        self._contours = {}

    def _show(self, galaxy: Reference | None) -> None:
        self._levels = ghost.levels_of(galaxy.stars) if galaxy else []
        self._context.mark(galaxy.context if galaxy else None)
        self._view.describe(galaxy)
        self._galaxy = galaxy
