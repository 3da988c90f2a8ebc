"""One training in progress: model, optimiser, position in the data, and the best so far."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from galflowlab.checkpoint import read_tensors, write_tensors
from galflowlab.flow.model import FlowModel
from galflowlab.flow.symmetric import SymmetricModel
from galflowlab.recipes import Recipe
from galflowlab.training_set import TrainingSet

KIND = "training"
_EVALUATE_STARS = 20_000
_CHUNK = 8192
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
    """

    def __init__(
        self, training: TrainingSet, held: TrainingSet, recipe: Recipe, *, compiled: bool
    ) -> None:
        started = time.process_time()
        seed = self.seed = recipe.seed
        self.n_steps = max(1, recipe.stars_seen // recipe.batch)
        self.peak, self._how = recipe.learning_rate, recipe.optimisation
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            kind = SymmetricModel if recipe.symmetric else FlowModel
            self.model = kind.fit_transforms(
                recipe.preset,
                training.columns,
                training.context_names,
                training.stars,
                training.context,
            )
        if isinstance(self.model, SymmetricModel):
            training = training.with_images(self.model.mirrored)
        self._x, self._galaxy, self._log_det = self._coordinates(training)
        self._context = self._standard(training)
        held_x, held_galaxy, held_log_det = self._coordinates(_thinned(held))
        self._held = (held_x, self._standard(held)[held_galaxy], held_log_det)
        self.batch = min(recipe.batch, len(self._x))
        log_prob = self.model.flow.log_prob
        self._log_prob = torch.compile(log_prob, dynamic=False) if compiled else log_prob
        self.optimiser = self._how.optimiser(
            self.model.flow.parameters(), weight_decay=recipe.weight_decay
        )
        self.step = 0
        self.skipped = 0
        self.best_step = 0
        self.best_nll = math.inf
        self._best = self._weights()
        self.history: list[tuple[int, float, float]] = []
        self.cpu_seconds = time.process_time() - started

    @property
    def n_parameters(self) -> int:
        """Number of trainable parameters."""
        return sum(p.numel() for p in self.model.flow.parameters())

    def train(self, steps: int, tick: Callable[[], object]) -> float:
        """Take `steps` steps; returns the mean negative log-likelihood [nats per star].

        Raises
        ------
        FloatingPointError
            If loss or gradient are not finite too often; such a step is skipped.
        """
        started = time.process_time()
        self.model.train()
        total, taken = 0.0, 0
        for _ in range(steps):
            rows = self._batch_rows()
            for group in self.optimiser.param_groups:
                group["lr"] = self.learning_rate(self.step)
            loss = -self._log_prob(self._x[rows], self._context[self._galaxy[rows]]).mean()
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(
                self.model.flow.parameters(), self._how.max_gradient
            )
            value = float(loss.detach())
            if math.isfinite(value) and math.isfinite(float(norm)):
                self.optimiser.step()
                total, taken = total + value, taken + 1
            else:
                self._skip()
            self.step += 1
            tick()
        self.cpu_seconds += time.process_time() - started
        return total / max(1, taken) - self._log_det

    def _skip(self) -> None:
        self.skipped += 1
        if self.skipped > max(_MAY_SKIP, _MAY_SKIP_SHARE * self.n_steps):
            raise FloatingPointError(
                f"loss or gradient were not finite in {self.skipped} of {self.step + 1} steps; "
                "try a lower learning rate"
            )

    def evaluate(self, train_nll: float) -> float:
        """Held-out negative log-likelihood [nats per star]; remembers the best weights."""
        started = time.process_time()
        self.model.eval()
        x, context, log_det = self._held
        with torch.inference_mode():
            chunks = [
                self.model.flow.log_prob(x[i : i + _CHUNK], context[i : i + _CHUNK]).double().sum()
                for i in range(0, len(x), _CHUNK)
            ]
        nll = -float(sum(chunks)) / len(x) - log_det
        if nll < self.best_nll:
            self.best_nll, self.best_step, self._best = nll, self.step, self._weights()
        self.history.append((self.step * self.batch, train_nll, nll))
        self.cpu_seconds += time.process_time() - started
        return nll

    def learning_rate(self, step: int) -> float:
        """Of a step, by the schedule."""
        return self._how.learning_rate(step, self.n_steps, self.peak)

    def best_model(self) -> FlowModel:
        """The model with the best held-out likelihood."""
        self.model.flow.load_state_dict(self._best)
        return self.model

    def save(self, path: str | Path, fingerprint: dict[str, Any]) -> None:
        """Write everything that `restore` needs to go on bit by bit."""
        tensors = {f"now.{k}": v for k, v in self._weights().items()}
        tensors |= {f"best.{k}": v for k, v in self._best.items()}
        for i, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{i}.{k}": v for k, v in state.items()}
        header = {
            "fingerprint": fingerprint,
            "step": self.step,
            "skipped": self.skipped,
            "best_step": self.best_step,
            "best_nll": self.best_nll,
            "history": self.history,
            "cpu_seconds": self.cpu_seconds,
        }
        write_tensors(path, KIND, tensors, header)

    def restore(self, path: str | Path, fingerprint: dict[str, Any]) -> None:
        """Go on where `save` left off.

        Raises
        ------
        ValueError
            If the file is not a checkpoint of this run (same recipe, same data).
        """
        tensors, header = read_tensors(path, KIND)
        if header.get("fingerprint") != fingerprint:
            raise ValueError(
                f"{path}: checkpoint of another run (recipe or data differ); "
                "remove it or choose another file"
            )
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
        self.best_nll = float(header["best_nll"])
        self.cpu_seconds += float(header["cpu_seconds"])
        self.skipped = int(header["skipped"])
        self.history = [(int(s), float(a), float(b)) for s, a, b in header["history"]]

    def _batch_rows(self) -> Tensor:
        """Rows of the current step: epochs are shuffled by (seed, epoch) alone."""
        per_epoch = len(self._x) // self.batch
        epoch, i = divmod(self.step, per_epoch)
        if i == 0 or not hasattr(self, "_order"):
            generator = torch.Generator().manual_seed((self.seed * 1_000_003 + epoch) % 2**63)
            self._order = torch.randperm(len(self._x), generator=generator)
        return self._order[i * self.batch : (i + 1) * self.batch]

    def _coordinates(self, data: TrainingSet) -> tuple[Tensor, Tensor, float]:
        """Flow coordinates, galaxy index of each star, mean of what densities gain besides."""
        standard = self.model.context_transform(data.context)
        coordinates, log_det = [], 0.0
        for stars, context in zip(data.stars, standard, strict=True):
            x, log_density = self.model.coordinates(stars, context[None])
            coordinates.append(x.float())
            log_det += float(log_density.sum())
        counts = torch.tensor([len(s) for s in data.stars])
        galaxy = torch.repeat_interleave(torch.arange(len(counts)), counts)
        return torch.cat(coordinates), galaxy, log_det / int(counts.sum())

    def _standard(self, data: TrainingSet) -> Tensor:
        return self.model.context_transform(data.context).float()

    def _weights(self) -> dict[str, Tensor]:
        return {k: v.detach().clone() for k, v in self.model.flow.state_dict().items()}


def _thinned(held: TrainingSet) -> TrainingSet:
    """At most about `_EVALUATE_STARS` stars in all, the same share of every galaxy."""
    step = max(1, held.n_stars // _EVALUATE_STARS)
    stars = [s[::step] for s in held.stars]
    return TrainingSet(held.names, held.columns, held.context_names, stars, held.context)
