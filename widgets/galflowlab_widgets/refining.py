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


class _Dropped(Exception):  # noqa: N818
    """A handler has come between two steps of a job."""


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
        self._busy, self._handlers = False, 0
        self._working_on = 0  # turn of the job that runs
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
        if self._owner == threading.get_ident():
            yield
            return
        self._handling(+1)
        try:
            self._put(None)
            now = time.monotonic()
            self._interval, self._interrupted = now - self._interrupted, now
            with self.working():
                yield
        finally:
            self._handling(-1)

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Hold the lock for a step of a job, or for reading what jobs change.

        A job that a handler has interrupted while it waited for the lock ends here.
        """
        with self._lock:
            before, self._owner = self._owner, threading.get_ident()
            try:
                if before is None and threading.current_thread() is self._thread:
                    self._end_if_dropped()
                yield
            finally:
                self._owner = before

    def start(self, job: Steps) -> None:
        """Run the steps of a job once the hand rests, in place of any earlier one."""
        self._put(job)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until no handler and no job has anything to do; False if that took too long."""
        with self._changed:
            return self._changed.wait_for(self._idle, timeout)

    def close(self) -> None:
        """Drop everything, for good; the thread ends with its present step."""
        self._put(None)
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _idle(self) -> bool:
        return self._job is None and not self._busy and not self._handlers

    def _handling(self, change: int) -> None:
        with self._changed:
            self._handlers += change
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
            except _Dropped:
                pass
            except Exception as error:
                with contextlib.suppress(Exception):  # the app may be closing
                    self._failed(error)
            finally:
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

    def _end_if_dropped(self) -> None:
        if self._newer_than(self._working_on):
            raise _Dropped

    def _work(self, turn: int) -> None:
        self._working_on = turn
        with self._changed:
            job = None if self._newer_than(turn) else self._job
            self._job = None if job else self._job
        for _ in job() if job else ():
            if self._newer_than(turn):
                break
