"""One training in progress: model, optimiser, position in the data, and the best so far."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import normflows as nf
import torch
from torch import Tensor

from galflowlab.checkpoint import read_tensors, write_tensors
from galflowlab.files import one_line
from galflowlab.flow.model import FlowModel
from galflowlab.flow.symmetric import SymmetricModel
from galflowlab.processes import Processes
from galflowlab.recipes import Recipe
from galflowlab.store import StoredStars
from galflowlab.training.batches import batches_of
from galflowlab.training.judge import Judge
from galflowlab.training_set import TrainingSet

KIND, VERSION = "training", 2
# Layers as published give NaN for a star far out now and then: one step is no reason to stop.
_MAY_SKIP, _MAY_SKIP_SHARE = 10, 0.05


class Run:
    """Maximum-likelihood training of one model.

    Parameters
    ----------
    training, held
        What to learn from and what to judge by.
    recipe
        How.
    compiled
        Whether steps are compiled first.
    processes
        That share the work; this process is one of them.

    Attributes
    ----------
    history
        Stars seen, training NLL since the last row or None, and held-out NLL or None, of every
        evaluation; None where it is not finite.
    curve
        The same of every report, held-out NLL None also where it was not asked; and learning
        rate and seconds since the training began.
    """

    def __init__(
        self,
        training: TrainingSet | StoredStars,
        held: TrainingSet,
        recipe: Recipe,
        *,
        compiled: bool,
        processes: Processes,
    ) -> None:
        started = time.process_time()
        self._began = time.monotonic()
        self.n_steps = max(1, recipe.stars_seen // recipe.batch)
        self.peak, self._how = recipe.learning_rate, recipe.optimisation
        self._processes, device = processes, processes.device
        self.model = _model(training.sample(), recipe)
        self._batches = batches_of(self.model, training, recipe, processes)
        self._judge = Judge(self.model, held, device)
        self.model.flow.to(device)
        self._log_prob = processes.together(_LogProb(self.model.flow, compiled=compiled))
        self.optimiser = self._how.optimiser(
            self.model.flow.parameters(), weight_decay=recipe.weight_decay
        )
        self.step = 0
        self.skipped = 0
        self.best_step = 0
        self.best_nll = math.inf
        self._best = self._weights()
        self.history: list[tuple[int, float | None, float | None]] = []
        self.curve: list[tuple[int, float | None, float | None, float, float]] = []
        self._since = (0.0, 0)  # sum and number of losses since the last evaluation
        self.cpu_seconds = time.process_time() - started

    @property
    def batch(self) -> int:
        """Stars of a step."""
        return self._batches.size

    @property
    def unjudged(self) -> int:
        """Held-out stars whose density was not finite at the last evaluation."""
        return self._judge.left_out

    @property
    def stars_seen(self) -> int:
        """By all steps so far, repeats counted."""
        return self.step * self.batch

    @property
    def seconds(self) -> float:
        """Wall-clock time of this training, interruptions left out."""
        return time.monotonic() - self._began

    @property
    def n_parameters(self) -> int:
        """Number of trainable parameters."""
        return sum(p.numel() for p in self.model.flow.parameters())

    def train(self, steps: int, tick: Callable[[], object]) -> float | None:
        """Take `steps` steps; returns the mean negative log-likelihood [nats per star].

        None if all of them were skipped.

        Raises
        ------
        FloatingPointError
            If loss or gradient are not finite too often; such a step is skipped.
        """
        started = time.process_time()
        self.model.train()
        total, taken = 0.0, 0
        for _ in range(steps):
            batch = self._batches(self.step)
            for group in self.optimiser.param_groups:
                group["lr"] = self.learning_rate(self.step)
            loss = -self._log_prob(batch.coordinates, batch.context).mean()
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(
                self.model.flow.parameters(), self._how.max_gradient
            )
            value = self._processes.mean(float(loss.detach()) - batch.log_density)
            if math.isfinite(value) and math.isfinite(float(norm)):
                self.optimiser.step()
                total, taken = total + value, taken + 1
            else:
                self._skip()
            self.step += 1
            tick()
        self._since = (self._since[0] + total, self._since[1] + taken)
        self.cpu_seconds += time.process_time() - started
        return _mean(total, taken)

    def _skip(self) -> None:
        self.skipped += 1
        if self.skipped > max(_MAY_SKIP, _MAY_SKIP_SHARE * self.n_steps):
            raise FloatingPointError(
                f"loss or gradient were not finite in {self.skipped} of {self.step + 1} steps; "
                "try a lower learning rate"
            )

    def evaluate(self) -> float:
        """Held-out NLL as of `Judge.nll`; remembers the best weights."""
        started = time.process_time()
        nll = self._processes.from_first(self._judge.nll())  # all must decide alike
        if nll < self.best_nll:
            self.best_nll, self.best_step, self._best = nll, self.step, self._weights()
        self.history.append((self.stars_seen, _mean(*self._since), finite_or_none(nll)))
        self._since = (0.0, 0)
        self.cpu_seconds += time.process_time() - started
        return nll

    def learning_rate(self, step: int) -> float:
        """Of a step, by the schedule."""
        return self._how.learning_rate(step, self.n_steps, self.peak)

    def best_model(self) -> FlowModel:
        """The model with the best held-out likelihood, on the CPU."""
        self.model.flow.load_state_dict(self._best)
        return self.model.to("cpu")

    def save(self, path: str | Path, fingerprint: dict[str, Any]) -> None:
        """Write everything that `restore` needs to go on bit by bit."""
        tensors = {f"now.{k}": v for k, v in self._weights().items()}
        tensors |= {f"best.{k}": v for k, v in self._best.items()}
        for i, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{i}.{k}": v for k, v in state.items()}
        header = {
            "version": VERSION,
            "fingerprint": fingerprint,
            "step": self.step,
            "skipped": self.skipped,
            "best_step": self.best_step,
            "best_nll": finite_or_none(self.best_nll),
            "history": self.history,
            "curve": self.curve,
            "since": self._since,
            "cpu_seconds": self.cpu_seconds,
            "seconds": self.seconds,
        }
        write_tensors(path, KIND, tensors, header)

    def restore(self, path: str | Path, fingerprint: dict[str, Any]) -> None:
        """Go on where `save` left off.

        Raises
        ------
        ValueError
            If the file is not a checkpoint of this run (same recipe, same data), or of another
            version of this package.
        """
        tensors, header = read_tensors(path, KIND)
        if header.get("version") != VERSION:
            raise ValueError(
                f"{path}: checkpoint of another version of galflowlab; remove it to begin again"
            )
        if header.get("fingerprint") != fingerprint:
            raise ValueError(
                f"{path}: checkpoint of another run (recipe or data differ); "
                "remove it or choose another file"
            )
        try:
            self._take(tensors, header)
        except (KeyError, TypeError, IndexError, ValueError, AttributeError, RuntimeError) as error:
            raise ValueError(f"{path}: not the state of a training ({one_line(error)})") from error

    def _take(self, tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
        groups: dict[str, dict[str, Tensor]] = {"now": {}, "best": {}, "optimiser": {}}
        for name, tensor in tensors.items():
            group, _, rest = name.partition(".")
            groups[group][rest] = tensor
        self.model.flow.load_state_dict(groups["now"])
        self._best = groups["best"]
        optimiser = self.optimiser.state_dict()
        for name, tensor in groups["optimiser"].items():
            index, _, key = name.partition(".")
            optimiser["state"].setdefault(int(index), {})[key] = tensor
        self.optimiser.load_state_dict(optimiser)
        self.step, self.best_step = int(header["step"]), int(header["best_step"])
        best = header["best_nll"]
        self.best_nll = math.inf if best is None else float(best)
        self.cpu_seconds += float(header["cpu_seconds"])
        self._began -= float(header["seconds"])
        self.skipped = int(header["skipped"])
        self.history = [tuple(row) for row in header["history"]]
        self.curve = [tuple(row) for row in header["curve"]]
        self._since = (float(header["since"][0]), int(header["since"][1]))

    def _weights(self) -> dict[str, Tensor]:
        return {k: v.detach().cpu().clone() for k, v in self.model.flow.state_dict().items()}


def finite_or_none(value: float | None) -> float | None:
    """A number as JSON can hold it."""
    return value if value is not None and math.isfinite(value) else None


def _mean(total: float, count: int) -> float | None:
    return total / count if count else None


class _LogProb(torch.nn.Module):
    """Log density of coordinates as a module, which several processes can share."""

    def __init__(self, flow: nf.ConditionalNormalizingFlow, *, compiled: bool) -> None:
        super().__init__()
        self.flow = flow
        self._evaluate = torch.compile(flow.log_prob, dynamic=False) if compiled else flow.log_prob

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        log_prob: Tensor = self._evaluate(x, context)
        return log_prob


def _model(sample: TrainingSet, recipe: Recipe) -> FlowModel:
    """Transforms fitted to stars, and seeded weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        kind = SymmetricModel if recipe.symmetric else FlowModel
        return kind.fit_transforms(
            recipe.preset, sample.columns, sample.context_names, sample.stars, sample.context
        )
