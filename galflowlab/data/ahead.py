"""Processes that work ahead of whoever takes their results."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import TypeAlias

from galflowlab.galaxy import Galaxy

Outcome: TypeAlias = tuple[Path, Callable[[], Galaxy]]
"""A file, and a function that returns its galaxy or raises what went wrong."""


def ahead(
    files: list[Path], task: Callable[[Path], Galaxy], workers: int
) -> Generator[Outcome, None, None]:
    """Apply `task` to files, in as many processes as galaxies are read ahead, in their order.

    Processes, because HDF5 has one lock and the filters of warnings, which readers set, are one
    for all threads. Spawned, because the caller may hold threads that a fork would break.

    Raises
    ------
    ChildProcessError
        By the function of a file, if a process has died; nothing can be read any more.
    """
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=end_with_parent)
    waiting, pending = iter(files), deque[tuple[Path, Future[Galaxy]]]()

    def submit() -> None:
        for path in waiting:
            with interrupts_held():  # this is where processes start
                pending.append((path, _submitted(pool, task, path)))
            return

    try:
        for _ in range(workers):
            submit()
        while pending:
            path, future = pending.popleft()
            yield path, partial(_result, path, future)
            del future
            submit()
    finally:
        pool.shutdown(cancel_futures=True)


def _submitted(
    pool: ProcessPoolExecutor, task: Callable[[Path], Galaxy], path: Path
) -> Future[Galaxy]:
    try:
        return pool.submit(task, path)
    except BrokenProcessPool as error:  # told with the result, like deaths after this
        broken: Future[Galaxy] = Future()
        broken.set_exception(error)
        return broken


def _result(path: Path, future: Future[Galaxy]) -> Galaxy:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise ChildProcessError(
            f"{path}: a process that should read ahead has died, for lack of memory or as this "
            'script does its work without a guard; put it under if __name__ == "__main__": or '
            "read with one worker"
        ) from error


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Deliver interrupts later, and never to processes that start inside."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent() -> None:
    """Leave interrupts to the parent, and do not survive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # on Windows nothing holds them before
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
