"""Batches of flow coordinates: from stars in memory, or streamed from a store.

Which stars are in the batch of a step follows from seed and step alone, so that a training can
go on from any step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from galflowlab.flow.model import FlowModel
from galflowlab.flow.symmetric import SymmetricModel
from galflowlab.processes import Processes
from galflowlab.recipes import Recipe
from galflowlab.store import StoredStars
from galflowlab.store.streaming import Block, Shuffled
from galflowlab.training_set import TrainingSet


@dataclass(frozen=True)
class Batch:
    """What one process sees in one step.

    Parameters
    ----------
    coordinates, context
        What the flow sees, float32, (star, feature) and (star, context).
    log_density
        Mean of what densities gain besides those of the coordinates.
    """

    coordinates: Tensor
    context: Tensor
    log_density: float


class Batches(Protocol):
    """Stars to learn from."""

    size: int  # stars of a step, of all processes

    def __call__(self, step: int) -> Batch:
        """Batch of a step."""
        ...


class BatchesInMemory:
    """Every star is mapped to coordinates once; epochs are shuffled as a whole."""

    def __init__(
        self,
        model: FlowModel,
        training: TrainingSet,
        *,
        batch: int,
        seed: int,
        processes: Processes,
    ) -> None:
        if isinstance(model, SymmetricModel):
            training = training.with_images(model.mirrored)
        x, galaxy, self._log_density = coordinates_of(model, training)
        self._x, self._galaxy = x.to(processes.device), galaxy.to(processes.device)
        self._context = standard_context(model, training.context).to(processes.device)
        self.size = min(batch, len(x) - len(x) % processes.count)
        processes.share(self.size)
        self._mine = slice(processes.rank, None, processes.count)
        self._seed = seed
        self._epoch = -1

    def __call__(self, step: int) -> Batch:
        """Batch of a step: epochs are shuffled by (seed, epoch) alone."""
        epoch, i = divmod(step, len(self._x) // self.size)
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed((self._seed * 1_000_003 + epoch) % 2**63)
            self._order = torch.randperm(len(self._x), generator=generator)
            self._epoch = epoch
        rows = self._order[i * self.size : (i + 1) * self.size][self._mine].to(self._x.device)
        return Batch(self._x[rows], self._context[self._galaxy[rows]], self._log_density)


class BatchesFromStore:
    """Stars are read, shuffled and mapped to coordinates in blocks, as they are needed.

    For a symmetric model every other star is mirrored: in each epoch another random half.
    """

    def __init__(
        self,
        model: FlowModel,
        training: StoredStars,
        *,
        batch: int,
        seed: int,
        processes: Processes,
    ) -> None:
        self._model, self._device = model, processes.device
        self._physical, self._where = training.context, training.store.path
        self._context = standard_context(model, training.context).to(processes.device)
        self.size = min(batch, training.n_stars - training.n_stars % processes.count)
        self._share = processes.share(self.size)
        self._processes = processes
        self._per_epoch = training.n_stars // self.size
        self._stream = Shuffled(training, seed=seed)
        self._next = -1  # step that `_parts` yields

    def __call__(self, step: int) -> Batch:
        """Batch of a step; quick for consecutive steps."""
        epoch, i = divmod(step, self._per_epoch)
        if step != self._next or i == 0:
            self._parts = self._epoch_from(epoch, i * self.size)
            self._left = _Mapped.none(len(self._model.seen))
        while len(self._left) < self._share:
            part = next(self._parts, None)
            if part is None:
                raise OSError(f"{self._where}: damaged (fewer stars than are described)")
            self._left = self._left.followed_by(part)
        batch, self._left = self._left.divided(self._share)
        self._next = step + 1
        x, galaxy = batch.x.to(self._device), batch.galaxy.to(self._device)
        return Batch(x, self._context[galaxy], float(batch.log_density.mean()))

    def _epoch_from(self, epoch: int, position: int) -> Iterator[_Mapped]:
        """Coordinates of the stars of this process from a position in the epoch on.

        Whole blocks are mapped even where only a part is wanted: to the last bit, what comes
        out of vector instructions may depend on the neighbours.
        """
        rank, count = self._processes.rank, self._processes.count
        for block in self._stream.epoch(epoch, position):
            mine = slice((rank - block.first) % count, None, count)
            mapped = self._mapped(block, mine)
            before = max(0, position - block.first)
            yield mapped.divided(len(range(before)[mine]))[1]

    def _mapped(self, block: Block, mine: slice) -> _Mapped:
        """Flow coordinates of some stars, galaxy by galaxy: each has its own scales."""
        model, galaxy = self._model, block.galaxy[mine]
        order = np.argsort(galaxy, kind="stable")
        counts = np.bincount(galaxy, minlength=len(self._physical))
        stars = torch.from_numpy(block.stars[mine][order]).double()
        if isinstance(model, SymmetricModel):
            position = np.arange(block.first, block.first + len(block.galaxy))[mine]
            odd = torch.from_numpy(position[order] % 2 == 1)
            stars[odd] = model.mirrored(stars[odd])
        x = torch.empty(len(order), len(model.seen))
        log_density = torch.empty(len(order), dtype=torch.float64)
        back = torch.from_numpy(order)
        standard = model.context_transform(self._physical)
        first = 0
        with torch.inference_mode():
            for i in np.flatnonzero(counts):
                part = slice(first, first + int(counts[i]))
                at, more = model.coordinates(stars[part], standard[i : i + 1])
                x[back[part]], log_density[back[part]] = at.float(), more
                first = part.stop
        return _Mapped(x, torch.from_numpy(galaxy.astype(np.int64)), log_density)


@dataclass(frozen=True)
class _Mapped:
    """Coordinates, galaxy and log density of consecutive stars."""

    x: Tensor
    galaxy: Tensor
    log_density: Tensor

    @classmethod
    def none(cls, features: int) -> _Mapped:
        return cls(
            torch.empty(0, features),
            torch.empty(0, dtype=torch.int64),
            torch.empty(0, dtype=torch.float64),
        )

    def __len__(self) -> int:
        return len(self.x)

    def followed_by(self, other: _Mapped) -> _Mapped:
        return _Mapped(
            torch.cat([self.x, other.x]),
            torch.cat([self.galaxy, other.galaxy]),
            torch.cat([self.log_density, other.log_density]),
        )

    def divided(self, at: int) -> tuple[_Mapped, _Mapped]:
        first, rest = (
            _Mapped(self.x[part], self.galaxy[part], self.log_density[part])
            for part in (slice(at), slice(at, None))
        )
        return first, rest


def batches_of(
    model: FlowModel,
    training: TrainingSet | StoredStars,
    recipe: Recipe,
    processes: Processes,
) -> Batches:
    """Batches of a training as a recipe says."""
    if isinstance(training, StoredStars):
        return BatchesFromStore(
            model, training, batch=recipe.batch, seed=recipe.seed, processes=processes
        )
    return BatchesInMemory(
        model, training, batch=recipe.batch, seed=recipe.seed, processes=processes
    )


def coordinates_of(model: FlowModel, data: TrainingSet) -> tuple[Tensor, Tensor, float]:
    """Flow coordinates, galaxy index of each star, mean of what densities gain besides."""
    standard = model.context_transform(data.context)
    coordinates, log_density = [], 0.0
    for stars, context in zip(data.stars, standard, strict=True):
        x, more = model.coordinates(stars, context[None])
        coordinates.append(x.float())
        log_density += float(more.sum())
    counts = torch.tensor([len(s) for s in data.stars])
    galaxy = torch.repeat_interleave(torch.arange(len(counts)), counts)
    return torch.cat(coordinates), galaxy, log_density / int(counts.sum())


def standard_context(model: FlowModel, context: Tensor) -> Tensor:
    """Standardised contexts (galaxy, context) as the flow sees them."""
    return model.context_transform(context).float()
