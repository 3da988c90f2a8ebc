"""The processes of one training: one, or as many as torchrun started."""

from __future__ import annotations

import atexit
import os
from dataclasses import dataclass

import torch
from torch import distributed


@dataclass(frozen=True)
class Processes:
    """Which process this is, of how many, and where it computes.

    All processes hold the same weights and see the same batches, of which each takes every
    `count`-th star; the gradient is that of the whole batch.
    """

    rank: int
    count: int
    device: torch.device

    @classmethod
    def from_environment(cls) -> Processes:
        """Join the others that torchrun started, if it did; compute on a GPU if there is one.

        Raises
        ------
        ValueError
            If there are GPUs, but fewer than processes on this machine.
        """
        count = int(os.environ.get("WORLD_SIZE", "1"))
        rank = int(os.environ.get("RANK", "0"))
        device = torch.device("cpu")
        if torch.cuda.is_available():
            here, gpus = int(os.environ.get("LOCAL_WORLD_SIZE", "1")), torch.cuda.device_count()
            if here > gpus:
                raise ValueError(f"expected at most {gpus} processes for {gpus} GPUs, got {here}")
            device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
            torch.cuda.set_device(device)
        if count > 1 and not distributed.is_initialized():
            distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
            atexit.register(distributed.destroy_process_group)
        return cls(rank, count, device)

    @property
    def first(self) -> bool:
        """Whether this process speaks for all: writes files, shows progress."""
        return self.rank == 0

    def share(self, batch: int) -> int:
        """Stars of a batch that fall to each process.

        Raises
        ------
        ValueError
            If the batch cannot be divided.
        """
        if batch % self.count:
            raise ValueError(
                f"a batch of {batch} stars cannot be divided among {self.count} processes"
            )
        return batch // self.count

    def together(self, module: torch.nn.Module) -> torch.nn.Module:
        """Return a module whose gradients are the means over all processes."""
        if self.count == 1:
            return module
        return torch.nn.parallel.DistributedDataParallel(module)

    def mean(self, value: float) -> float:
        """Mean of a number over all processes."""
        if self.count == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64, device=self.device)
        distributed.all_reduce(total)
        return float(total) / self.count

    def agree(self, value: float) -> bool:
        """Whether a number is the same in all processes, which wait for one another here."""
        if self.count == 1:
            return True
        ends = torch.tensor([value, -value], dtype=torch.float64, device=self.device)
        distributed.all_reduce(ends, distributed.ReduceOp.MAX)
        return float(ends[0]) == -float(ends[1])

    def from_first(self, value: float) -> float:
        """The number that the first process has."""
        if self.count == 1:
            return value
        said = torch.tensor(value, dtype=torch.float64, device=self.device)
        distributed.broadcast(said, src=0)
        return float(said)
