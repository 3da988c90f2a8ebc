"""What a training tells while it runs: callbacks, a log, and checkpoints."""

from __future__ import annotations

import copy
import csv
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from galflowlab.edf import EDF
from galflowlab.files import replacing
from galflowlab.population import Population
from galflowlab.processes import Processes
from galflowlab.training.run import Run, finite_or_none
from galflowlab.training_set import TrainingSet

LOG_COLUMNS = ("stars_seen", "train_nll", "held_out_nll", "learning_rate", "seconds")
_SAVE_AFTER = 60.0  # seconds since the last time
_LOG_AFTER = 2.0


@dataclass(frozen=True)
class Progress:
    """What a callback is told of a training, some 200 times.

    Parameters
    ----------
    stars_seen, budget
        So far and in all, repeats counted.
    train_nll
        Nats per star in physical units, mean since the last report; None if no step was taken,
        as their gradients were not finite.
    held_out_nll
        The same of held-out stars; None where they were not asked since the last report, or
        where more than one in a hundred had a density that is not finite.
    learning_rate
        Of the next step.
    seconds
        Wall-clock time so far, interruptions left out.
    last
        Whether the training ends here, its budget spent or its patience at an end.
    held_out
        What the training is judged by: stars and contexts of held-out galaxies.
    snapshot
        Makes an `EDF` of the present weights.
    """

    stars_seen: int
    budget: int
    train_nll: float | None
    held_out_nll: float | None
    learning_rate: float
    seconds: float
    last: bool
    held_out: TrainingSet
    snapshot: Callable[[], EDF]


Callback = Callable[[Progress], object]


class Reports:
    """Tells callbacks and a log how a training goes.

    Parameters
    ----------
    run
        The training.
    population, held
        Contexts of the training galaxies, and what is held out.
    callbacks
        Called in order.
    log
        CSV file with `LOG_COLUMNS`, or none. It is replaced as a whole, and after a restart it
        goes on where the checkpoint was.
    """

    def __init__(
        self,
        run: Run,
        population: Population,
        held: TrainingSet,
        callbacks: Sequence[Callback],
        log: str | Path | None,
    ) -> None:
        self._run, self._population, self._held = run, population, held
        self._callbacks, self._log = tuple(callbacks), log
        self._logged = -float("inf")

    def record(self, train_nll: float | None, held_out_nll: float | None) -> None:
        """Note what has happened since the last time."""
        run = self._run
        rate = run.learning_rate(run.step)
        losses = finite_or_none(train_nll), finite_or_none(held_out_nll)
        run.curve.append((run.stars_seen, *losses, rate, run.seconds))
        if time.monotonic() - self._logged > _LOG_AFTER:
            self.write_log()

    def tell(self, *, last: bool) -> bool:
        """Tell callbacks what was recorded last; False if the training should end."""
        stars_seen, train_nll, held_out_nll, rate, seconds = self._run.curve[-1]
        progress = Progress(
            stars_seen,
            self._run.n_steps * self._run.batch,
            train_nll,
            held_out_nll,
            rate,
            seconds,
            last,
            self._held,
            self._snapshot,
        )
        answers = [callback(progress) for callback in self._callbacks]
        return not any(answer is False for answer in answers)

    def write_log(self) -> None:
        """Write the log, if there is to be one."""
        if self._log is None:
            return
        with replacing(self._log) as partial, partial.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(LOG_COLUMNS)
            writer.writerows(self._run.curve)
        self._logged = time.monotonic()

    def _snapshot(self) -> EDF:
        model = copy.deepcopy(self._run.model).to("cpu")
        return EDF(model, self._population, {"training": {"stars_seen": self._run.stars_seen}})


class State:
    """Where a training can go on from.

    Parameters
    ----------
    run
        The training.
    path
        Checkpoint, or none.
    fingerprint
        Of recipe and data.
    """

    def __init__(self, run: Run, path: str | Path | None, fingerprint: dict[str, Any]) -> None:
        self._run, self._path, self._fingerprint = run, path, fingerprint
        self._saved = time.monotonic()

    def restore(self, processes: Processes) -> None:
        """Go on from the checkpoint if there is one.

        Raises
        ------
        ValueError
            If it is of another run, or not all processes see the same.
        """
        if self._path is not None and Path(self._path).is_file():
            self._run.restore(self._path, self._fingerprint)
        if not processes.agree(self._run.step):
            raise ValueError(
                f"{self._path}: expected all processes to see the same checkpoint, which must "
                "be on a disk that they share"
            )

    def save(self, *, now: bool) -> None:
        """Write the checkpoint now, or if the last one is a minute old."""
        if self._path is None or not (now or time.monotonic() - self._saved > _SAVE_AFTER):
            return
        self._run.save(self._path, self._fingerprint)
        self._saved = time.monotonic()
