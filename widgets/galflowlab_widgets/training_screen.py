"""Draws the reports of a training, no more often than is worth it."""

from __future__ import annotations

import time
from math import nan
from pathlib import Path

from galflowlab.edf import EDF
from galflowlab.training import Progress
from galflowlab_widgets import training_words
from galflowlab_widgets.training_curves import Curve, Row, read_log
from galflowlab_widgets.training_panel import TrainingPanel

_BETWEEN_CURVES = 0.5  # seconds
_BETWEEN_MAPS = 2.0  # seconds, or ...
_MAP_SHARE = 0.05  # ... so long that maps take no more of the time than this


class TrainingScreen:
    """Keeps a panel in step with a training; not safe to share without a lock.

    Parameters
    ----------
    panel
        Where it is shown.
    """

    def __init__(self, panel: TrainingPanel) -> None:
        self._panel = panel
        self._curve, self._budget = Curve(), 1
        self._edf: EDF | None = None  # of the last map
        self._title = ""
        self._log: str | Path | None = None
        self._next_curves = self._next_map = 0.0

    def begin(self, log: str | Path | None) -> None:
        """Expect a training, which keeps such a log or none."""
        self._log, self._next_curves, self._next_map = log, 0.0, 0.0

    def report(self, progress: Progress, *, last: bool) -> None:
        """Take a report; the last one is shown whatever was shown before."""
        if not self._curve.rows:
            self._curve.rows = self._logged()
        self._curve.add(Row.of(progress))
        self._budget = progress.budget
        self._panel.take(progress.held_out)
        now = time.monotonic()
        if last or now >= self._next_curves:
            self._next_curves = now + _BETWEEN_CURVES
            self._panel.show_curve(self._curve, self._budget)
        if last or now >= self._next_map:
            title = f"model after {training_words.amount(progress.stars_seen)} stars"
            took = self._show_map(progress.snapshot(), title)
            self._next_map = time.monotonic() + max(_BETWEEN_MAPS, took / _MAP_SHARE)

    def trained(self, edf: EDF) -> None:
        """Show what `fit` has returned."""
        training = edf.card["training"]
        if not self._curve.rows:  # the checkpoint was complete: nothing was reported
            self._budget = int(training["recipe"]["stars_seen"])
            self._curve.rows = self._logged() or [
                Row(int(stars), train, held, nan, nan) for stars, train, held in training["history"]
            ]
        self._panel.show_curve(self._curve, self._budget)
        self._show_map(edf, "model, best weights")

    def draw_map(self) -> None:
        """Draw the galaxy chosen from the last model."""
        if self._edf is not None:
            self._panel.show_map(self._edf, self._title)

    def say_how(self, note: str = "") -> None:
        """Say whether it still gets better, and something else."""
        text, warning = training_words.under_way(self._curve)
        self._panel.say(text + note, warning=warning)

    def say_stopped(self, then: str) -> None:
        """Say where it was stopped, and what can be done then."""
        at = training_words.amount(self._curve.rows[-1].stars_seen)
        self._panel.say(f"stopped at {at} stars; {then}")

    def say_ended(self) -> None:
        """Say that it has come to its end."""
        self._panel.say(training_words.ended(self._curve, self._budget))

    def forget(self) -> None:
        """Free the last model."""
        self._edf = None

    def _show_map(self, edf: EDF, title: str) -> float:
        self._edf, self._title = edf, title
        return self._panel.show_map(edf, title)

    def _logged(self) -> list[Row]:
        """What was logged before, if it was."""
        return read_log(self._log) if self._log is not None and Path(self._log).is_file() else []
