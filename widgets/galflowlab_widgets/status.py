"""The line that says how it goes, and errors in one sentence."""

from __future__ import annotations

import html
import logging
from collections.abc import Callable

import ipywidgets as widgets

_LOG = logging.getLogger(__name__)


class Status(widgets.HTML):
    """Stars drawn, frame time, preview or refined, extrapolation, and the last error."""

    def __init__(self) -> None:
        super().__init__()
        self.add_class("gfl-status")
        self._line = self._warning = self._note = self._error = ""

    def show(self, count: int, n: int, milliseconds: float, *, inside: bool) -> None:
        """Say what is on the screen."""
        state = "refined" if count == n else "preview"
        stars = f"{thousands(count)} stars" if count == n else thousands(count) + " of "
        stars += "" if count == n else f"{thousands(n)} stars"
        outside = "" if inside else "outside the training population: extrapolated"
        self.say(f"{stars} · {state} · {milliseconds:.0f} ms", outside)

    def say(self, line: str, warning: str = "") -> None:
        """Say what is on the screen and, if there is any, what is doubtful about it."""
        self._line = html.escape(line)
        self._warning = alert("warning", warning) if warning else ""
        self._error = ""
        self._write()

    def error(self, what: str, error: Exception) -> None:
        """Say in one sentence what could not be drawn, until something else is."""
        self._error = failure(what, error)
        self._write()

    def tell(self, action: Callable[[], str]) -> None:
        """Run an action and say what it returns, or how it failed, until `forget`."""
        try:
            self._note = html.escape(action())
        except Exception as error:
            self._note = failure("That did not work", error)
        self._write()

    def forget(self) -> None:
        """Say no more what the last action did; it was another galaxy."""
        self._note = ""

    def _write(self) -> None:
        parts = (self._line, self._warning, self._note, self._error)
        self.value = "<br>".join(f"<span>{part}</span>" for part in parts if part)


def alert(kind: str, text: str) -> str:
    """Text as HTML that is read out at once; the kind is ``warning`` or ``error``."""
    return f'<span class="gfl-{kind}" role="alert">{html.escape(text)}</span>'


def failure(what: str, error: BaseException) -> str:
    """What did not work and why, as HTML."""
    _LOG.debug("%s", what, exc_info=error)
    return alert("error", f"{what}: {sentence(error)}")


def thousands(number: int) -> str:
    """A whole number in groups of three digits."""
    return f"{number:,}".replace(",", " ")


def sentence(error: BaseException) -> str:
    """Return the first line of an error, or its type if it has nothing to say."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
