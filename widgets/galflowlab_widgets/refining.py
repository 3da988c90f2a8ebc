"""Work that goes on after a handler has returned, until somebody moves a slider.

A handler must answer at once, because the browser keeps its next value back until then. What
takes longer runs here, on one thread, as a generator that is dropped between two of its steps.
A thread, not a task: handlers may run in a subshell thread of the kernel with its own event
loop, or in the main thread (Voila), and a cell that is being executed blocks no thread.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

Steps = Callable[[], Iterator[None]]

_REST = 0.1  # seconds without a new value after which the hand is taken to rest, at least ...
_RHYTHM = 1.5  # ... and in units of the time between its last two values: links may be slow
_PAUSE = 0.5  # seconds after which values no longer belong to one movement


class Refiner:
    """Runs the newest job on a background thread.

    Parameters
    ----------
    failed
        Called with the error if a job raises one.

    Notes
    -----
    Whatever handlers and jobs share is touched only inside of `interrupting` or `working`.
    """

    def __init__(self, failed: Callable[[Exception], None]) -> None:
        self._lock = threading.RLock()
        self._owner: int | None = None  # thread that holds the lock
        self._failed = failed
        self._changed = threading.Condition()
        self._job: Steps | None = None
        self._turn = 0  # counts the jobs, so that a newer one is noticed
        self._interrupted, self._interval = -_PAUSE, _PAUSE
        self._closed = False
        self._busy = False
        self._thread: threading.Thread | None = None

    @property
    def moving(self) -> bool:
        """Whether the last two handlers followed each other as in one movement."""
        return self._interval < _PAUSE

    @contextlib.contextmanager
    def interrupting(self) -> Iterator[None]:
        """Hold the lock for a handler; the present job is dropped after its present step.

        Inside of itself, and inside of `working`, it does nothing more: what the app changes
        by itself interrupts nobody.
        """
        if self._owner != threading.get_ident():
            self._put(None)
            now = time.monotonic()
            self._interval, self._interrupted = now - self._interrupted, now
        with self.working():
            yield

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Hold the lock for a step of a job, or for reading what jobs change."""
        with self._lock:
            before, self._owner = self._owner, threading.get_ident()
            try:
                yield
            finally:
                self._owner = before

    def start(self, job: Steps) -> None:
        """Run the steps of a job once the hand rests, in place of any earlier one."""
        self._put(job)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is left to do; False if that took too long."""
        with self._changed:
            return self._changed.wait_for(lambda: self._job is None and not self._busy, timeout)

    def close(self) -> None:
        """Drop everything, for good; the thread ends with its present step."""
        self._put(None)
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _put(self, job: Steps | None) -> None:
        with self._changed:
            self._turn += 1
            self._job = None if self._closed else job
            if self._job and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="refine", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _run(self) -> None:
        while (turn := self._next()) is not None:
            try:
                self._work(turn)
            except Exception as error:
                self._failed(error)
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _next(self) -> int | None:
        """Wait for a job and a rest; return the job's turn, or None at the end."""
        with self._changed:
            while not self._closed:
                turn = self._turn
                if self._job is None:
                    self._changed.wait()
                elif not self._changed.wait_for(partial(self._newer_than, turn), self._rest):
                    self._busy = True
                    return turn
        return None

    @property
    def _rest(self) -> float:
        return max(_REST, _RHYTHM * self._interval) if self.moving else _REST

    def _newer_than(self, turn: int) -> bool:
        return self._turn != turn

    def _work(self, turn: int) -> None:
        with self._changed:
            job = None if self._newer_than(turn) else self._job
            self._job = None if job else self._job
        for _ in job() if job else ():
            if self._newer_than(turn):
                break
