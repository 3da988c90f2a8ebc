"""A training shown live: one that keeps a cell busy, or one behind the scenes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

import ipywidgets as widgets
from IPython.display import DisplayHandle, display

from galflowlab.edf import EDF
from galflowlab.galaxy import Galaxy
from galflowlab.store import StarStore
from galflowlab.training import Progress, fit
from galflowlab.training_set import TrainingSet
from galflowlab_widgets.parts import parts
from galflowlab_widgets.still import output
from galflowlab_widgets.training_panel import TrainingPanel
from galflowlab_widgets.training_screen import TrainingScreen

_BETWEEN_STILLS = 60.0  # seconds
_GO_ON = "run again, or press “go on”, to go on"
_WITH_CHECKPOINT = "if it has a checkpoint, run again to go on"
_NO_CHECKPOINT = "there is no checkpoint: running again starts from the beginning"


class TrainingMonitor(widgets.VBox):
    """Shows a training live: losses, learning rate, a held-out galaxy beside its data.

    Best is to `train` with it: the cell returns at once, and everything stays live. It can also
    be a callback of `galflowlab.fit`. While that keeps a cell busy, the kernel does not hear of
    the button, and only interrupting the kernel stops the training. A callback is not told of
    an error, so it says when it was last told anything.

    Attributes
    ----------
    panel
        What is shown.

    Examples
    --------
    >>> from galflowlab import mocks
    >>> from galflowlab_widgets import TrainingMonitor
    >>> monitor = TrainingMonitor()  # at the end of a cell, shows itself
    >>> monitor.train(mocks.make_suite(12, 500, seed=1), seed=1, stars_seen=5000)
    >>> edf = monitor.result()  # waits for the end
    """

    def __init__(self) -> None:
        self.panel = TrainingPanel(self._on_button, self._on_galaxy)
        self._screen = TrainingScreen(self.panel)
        self._lock = threading.RLock()  # around all that is shown: reports come from any thread
        self._stopping = self._stopped = False  # by hand
        self._live = False  # reports come, and more are to be expected
        self._judges: TrainingSet | None = None  # what is held out: another `fit`, another one
        self._closed = False
        self._again: Callable[[], None] | None = None
        self._resumable = False
        self._future: Future[EDF] | None = None
        self._handle: DisplayHandle | None = None
        self._next_still = 0.0
        super().__init__([self.panel])
        self.add_class("gfl-app")
        self.add_class("gfl-monitor")
        self.panel.say("waiting for the first report")

    @property
    def running(self) -> bool:
        """Whether what `train` has started is still going on."""
        return self._future is not None and not self._future.done()

    def train(self, galaxies: Sequence[Galaxy] | StarStore, **options: Any) -> None:
        """Start a training in the background.

        Parameters
        ----------
        galaxies, options
            Those of `galflowlab.fit`, which says what is trained and how. With a ``checkpoint``
            a training that was stopped goes on where it was; with a ``log`` the curves of its
            beginning come back, too. There is no progress bar unless asked for.

        Raises
        ------
        RuntimeError
            If this monitor is closed, or still has a training to do. What `fit` raises is shown,
            and raised by `result`.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("expected an open monitor, got a closed one")
            if self.running:
                raise RuntimeError("a training is going on; stop it first, or make a new monitor")
            self._again = partial(self.train, galaxies, **options)
            self._resumable = options.get("checkpoint") is not None
            self._stopping = self._stopped = False
            self._future = Future()
            self._screen.begin(options.get("log"))
            self.panel.offer_stop()
            self.panel.say("waiting for the first report")
        # A daemon: the kernel may shut down meanwhile, since a checkpoint is never half-written.
        arguments = (galaxies, {"progress": False, **options})
        threading.Thread(target=self._train, args=arguments, daemon=True).start()

    def stop(self) -> None:
        """End the training at its next report, after its checkpoint is written."""
        with self._lock:
            if self.running or self._live:
                self._stopping = True
                self.panel.offer_nothing()
                self.panel.say("stopping: the training ends when its checkpoint is written")

    def result(self, timeout: float | None = None) -> EDF:
        """Wait for the end of what `train` has started, and return the eDF.

        While a cell waits, the kernel does not hear of the button; to interrupt it ends only
        the waiting.

        Parameters
        ----------
        timeout
            Longest time to wait [s].

        Returns
        -------
        EDF
            With the best held-out likelihood; of a training that was stopped, so far.

        Raises
        ------
        TimeoutError
            If it takes longer.
        RuntimeError
            If nothing was started.
        Exception
            Whatever `galflowlab.fit` has raised.
        """
        if self._future is None:
            raise RuntimeError("there is no training to wait for; call train first")
        return self._future.result(timeout)

    def close(self) -> None:
        """Stop what `train` has started, after its checkpoint is written; free the widgets."""
        with self._lock:
            self._closed, self._judges = True, None
            self._screen.forget()
        for widget in parts(self)[:-1]:
            widget.close()
        super().close()

    def __call__(self, progress: Progress) -> bool:
        """Take a report of `galflowlab.fit`; False if the training is to end."""
        with self._lock:
            if self._closed:  # of other trainings it is no more than the picture
                return not self.running
            if progress.held_out is not self._judges and not self.running:
                self._stopping = False  # the training to be stopped ended before it was told to
            self._judges = progress.held_out
            stop = self._stopping
            over = stop or progress.last
            self._live = not over
            try:
                self._screen.report(progress, last=over)
                self._say(stop=stop, over=over)
            except Exception as error:  # the training goes on
                self.panel.fail("Could not show the training", error)
            self._stopped, self._stopping = stop, False
            return not stop

    def _say(self, *, stop: bool, over: bool) -> None:
        if not over and self.running:
            self._screen.say_how()
            self.panel.offer_stop()
        elif not over:
            self._say_of_callback()
        elif not self.running:  # `fit` was called by a cell, which has the rest to say
            self.panel.offer_nothing()
            self._screen.say_stopped(_WITH_CHECKPOINT) if stop else self._screen.say_ended()
        if over or time.monotonic() >= self._next_still:
            self._renew_still()

    def _say_of_callback(self) -> None:
        last = f"; last report at {time.strftime('%H:%M:%S')}"
        # Messages of the browser wait until the main thread has done with the cell.
        if threading.current_thread() is threading.main_thread():
            self._screen.say_how(f"{last}; interrupt the kernel to stop it")
            self.panel.offer_nothing("the kernel is busy training: interrupt it")
        else:
            self._screen.say_how(last)
            self.panel.offer_stop()

    def _train(self, galaxies: Any, options: dict[str, Any]) -> None:
        """Run a training; in a thread of its own."""
        callbacks = [*options.pop("callbacks", ()), self]
        try:
            edf = fit(galaxies, callbacks=callbacks, **options)
        except BaseException as error:
            self._finish(partial(self.panel.fail, "The training failed", error), error)
        else:
            self._finish(partial(self._show_end, edf), edf)

    def _finish(self, show: Callable[[], None], outcome: EDF | BaseException) -> None:
        """Show how it ended, and let `result` return."""
        with self._lock:
            if not self._closed:
                self.panel.offer_nothing()
                try:
                    show()
                    self._renew_still()
                except Exception as error:
                    self.panel.fail("Could not show the training", error)
            self._stopping = False
            self._live = False
            assert self._future is not None
            if isinstance(outcome, BaseException):
                self._future.set_exception(outcome)
            else:
                self._future.set_result(outcome)

    def _show_end(self, edf: EDF) -> None:
        self._screen.trained(edf)
        if not self._stopped:
            self._screen.say_ended()
            return
        if self._resumable:
            self.panel.offer_to_go_on()
        self._screen.say_stopped(_GO_ON if self._resumable else _NO_CHECKPOINT)

    def _ipython_display_(self) -> None:
        """Display the monitor, and a still for those who read the notebook without a kernel."""
        if self._closed:
            display({"text/plain": "a closed training monitor"}, raw=True)
            return
        display(self._repr_mimebundle_(), raw=True)
        with self._lock:
            self._handle = display(output(self.panel.still()), raw=True, display_id=True)

    def _renew_still(self) -> None:
        if self._handle is not None:
            self._next_still = time.monotonic() + _BETWEEN_STILLS
            self._handle.update(output(self.panel.still()), raw=True)

    def _on_button(self) -> None:
        if self.running or self._live:
            self.stop()
        elif self._again is not None:
            self._again()

    def _on_galaxy(self) -> None:
        with self._lock:
            self._screen.draw_map()
