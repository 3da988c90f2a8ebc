"""What draws while the hand moves: handlers answer at once, the rest is done when it rests."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

from galflowlab_widgets.refining import Refiner
from galflowlab_widgets.status import Status

_STILL_AFTER = 2.0  # seconds of rest before the still is renewed
_BETWEEN = 0.25  # seconds between two charts while the hand moves, and what else may be late

Action = Callable[[], None]


class Following(ABC):
    """Keeps what an app shows in step with its controls.

    Handlers of the browser's messages may run in a subshell thread while cells run in the
    main thread and refinement in its own; the refiner keeps them apart.

    Parameters
    ----------
    refiner
        For the work at rest.
    status
        Says how it went.

    Attributes
    ----------
    frames
        Number of pictures drawn so far.
    settled
        Called when the hand has rested for a while, if it is set.
    """

    def __init__(self, refiner: Refiner, status: Status) -> None:
        self.refiner, self.frames = refiner, 0
        self.settled: Action | None = None
        self._status = status
        self._followed = 0.0
        self._closed = False

    def move(self, prepare: Action | None = None) -> None:
        """Draw the galaxy of the context now chosen, after `prepare`."""

        def action() -> None:
            start = time.perf_counter()
            if prepare:
                prepare()
            self._move(start)

        self._handle(action)

    def turn(self) -> None:
        """Draw the same galaxy as it is now to be seen."""
        self._handle(lambda: self._turn(time.perf_counter()))

    @abstractmethod
    def still(self) -> str:
        """The last picture for readers without a kernel, as HTML."""

    def close(self) -> None:
        """Stop, and forget the stars."""
        self.refiner.close()
        with self.refiner.working():
            self._closed = True
            self._forget()

    @abstractmethod
    def _move(self, start: float) -> None:
        """Draw the galaxy of the context; `start` is when this began."""

    @abstractmethod
    def _turn(self, start: float) -> None:
        """Draw the same galaxy again."""

    @abstractmethod
    def _refine(self) -> Iterator[None]:
        """Steps of the work at rest; may be dropped at every yield."""

    @abstractmethod
    def _forget(self) -> None: ...

    def _handle(self, action: Action) -> None:
        with self.refiner.interrupting():
            if self._closed:
                return
            try:
                action()
            except Exception as error:
                self._status.error("Could not draw", error)
            else:
                self.refiner.start(self._refine_and_rest)

    def _refine_and_rest(self) -> Iterator[None]:
        yield from self._refine()
        if self.settled:
            yield from _rest(_STILL_AFTER)
            self.settled()

    def _due(self) -> bool:
        """Whether what need not follow every value of a movement should follow this one."""
        if not self.refiner.moving:
            return True
        now = time.perf_counter()
        due = now - self._followed > _BETWEEN
        if due:
            self._followed = now
        return due


def _rest(seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.05)
        yield
