"""Chunks of stars on a few threads, each with a single thread inside torch.

Small matrices gain nothing from torch's own threads, and on a busy machine those collapse;
a pool over chunks does not, and its result is independent of the number of workers.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

T = TypeVar("T")
CHUNK = 4096  # stars of a thread: activations stay in its cache
DEVICE_CHUNK = 1 << 20  # stars of an accelerator: enough to keep it busy


def available_cores() -> int:
    """Cores that this process may use, no more than OMP_NUM_THREADS if that is set."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(cores or 1, int(limit) if limit.isdigit() and int(limit) else 8))


@cache
def _pool() -> ThreadPoolExecutor:
    import torch  # only here and below: servers, which only count cores, have no use for it

    return ThreadPoolExecutor(available_cores(), "galflowlab", lambda: torch.set_num_threads(1))


if hasattr(os, "register_at_fork"):  # the threads of a pool do not survive a fork
    os.register_at_fork(after_in_child=_pool.cache_clear)


def map_chunks(work: Callable[[slice], T], n: int) -> list[T]:
    """Apply `work` to consecutive slices of `n` stars; results in order."""
    return list(_pool().map(work, _slices(n, CHUNK)))


def one_after_another(work: Callable[[slice], T], n: int) -> list[T]:
    """Like `map_chunks`, for an accelerator: few, large slices in the calling thread."""
    return [work(chunk) for chunk in _slices(n, DEVICE_CHUNK)]


def _slices(n: int, size: int) -> list[slice]:
    return [slice(i, min(i + size, n)) for i in range(0, n, size)]


@contextlib.contextmanager
def one_torch_thread() -> Iterator[None]:
    """Give torch one thread in the calling thread, and restore the setting after."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
