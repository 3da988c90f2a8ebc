"""Parts made here, in processes of this machine, or by the workers of a Dask cluster.

All three are generators of the parts as they are done; closing one gives the rest up.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.synchronize import Event
from typing import TYPE_CHECKING, TypeAlias

import torch

from galflowlab.catalogues.parts import Part, Work, loaded, make, make_far
from galflowlab.data.ahead import end_with_parent, interrupts_held
from galflowlab.edf import EDF
from galflowlab.files import one_line

if TYPE_CHECKING:
    from distributed import Client

Done: TypeAlias = Generator[Part, None, None]

_PATIENCE = 60.0  # s


def here(edf: EDF, work: Work, parts: Sequence[Part]) -> Done:
    """One part after another in this process, each on all its cores."""
    for part in parts:
        make(edf, work, part)
        yield part


def in_processes(model: bytes, work: Work, parts: Sequence[Part], workers: int) -> Done:
    """As many parts at a time as there are workers, each in a process and on a core of its own.

    Raises
    ------
    ChildProcessError
        If a process has died.
    """
    context = multiprocessing.get_context("spawn")  # the caller may hold threads
    stop = context.Event()
    pool = ProcessPoolExecutor(
        min(workers, len(parts)),
        mp_context=context,
        initializer=_begin,
        initargs=(model, work, stop),
    )
    try:
        futures = {}
        for part in parts:
            with interrupts_held():  # this is where processes start
                futures[pool.submit(_make, part)] = part
        for future in as_completed(futures):
            future.result()
            yield futures[future]
    except BrokenProcessPool as error:
        raise ChildProcessError(
            f"{work.folder}: a process has died, for lack of memory or as this script does its "
            'work without a guard; put it under if __name__ == "__main__": and run again to go on'
        ) from error
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def on_cluster(client: Client, model: bytes, work: Work, parts: Sequence[Part]) -> Done:
    """On the workers of a Dask cluster, which must all see the folder of the catalogue.

    Parts of workers that are lost are made by others.

    Raises
    ------
    ChildProcessError
        If the workers of a part died again and again, or the scheduler did.
    OSError
        If this process does not see what a worker has made.
    """
    from distributed import CancelledError, KilledWorker
    from distributed import as_completed as as_done

    # A result of a task, which is made again where it is lost; scattered data is not.
    there = client.submit(bytes, model)
    # Not pure: the same call must make files again that somebody has removed since.
    futures = client.map(make_far, parts, model=there, work=work, pure=False)
    part_of = dict(zip((future.key for future in futures), parts, strict=True))
    try:
        for future in as_done(futures, loop=client.loop):
            future.result()
            part = part_of[future.key]
            if not _seen(work, part):
                raise OSError(
                    f"{work.folder / part.file}: not here, though a worker has made it; expected "
                    "a folder that all workers share with this process"
                )
            yield part
    except (KilledWorker, CancelledError) as error:
        raise ChildProcessError(
            f"{work.folder}: the cluster has lost its workers or scheduler ({one_line(error)}); "
            "run again to go on"
        ) from error
    finally:
        if client.status == "running":
            client.cancel(futures)


def _seen(work: Work, part: Part) -> bool:
    """Whether a part is here, or comes: network folders may take their time to show a file."""
    until = time.monotonic() + _PATIENCE
    while not work.has(part):
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


_state: tuple[EDF, Work, Event] | None = None  # of a process that makes parts


def _begin(model: bytes, work: Work, stop: Event) -> None:
    global _state
    end_with_parent()
    os.environ["OMP_NUM_THREADS"] = "1"  # so many threads will the pool over chunks have
    torch.set_num_threads(1)
    _state = loaded(model, work.device), work, stop


def _make(part: Part) -> None:
    assert _state is not None
    edf, work, stop = _state
    make(edf, work, part, stop.is_set)
