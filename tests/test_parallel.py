"""Chunks on threads: in order, one torch thread each, and alive after a fork."""

import itertools
import multiprocessing
import os

import pytest
import torch

from galflowlab import parallel
from galflowlab.parallel import CHUNK, available_cores, map_chunks, one_torch_thread


def test_chunks_cover_everything_in_order():
    n = 3 * CHUNK + 5
    pieces = map_chunks(lambda chunk: (chunk.start, chunk.stop), n)
    assert pieces[0][0] == 0
    assert pieces[-1][1] == n
    assert all(a[1] == b[0] for a, b in itertools.pairwise(pieces))
    assert map_chunks(lambda chunk: chunk, 0) == []


def test_pieces_for_an_accelerator_cover_everything_in_order(monkeypatch):
    monkeypatch.setattr(parallel, "DEVICE_CHUNK", 10)
    pieces = parallel.one_after_another(lambda chunk: (chunk.start, chunk.stop), 25)
    assert pieces == [(0, 10), (10, 20), (20, 25)]


def test_workers_use_one_torch_thread_and_leave_the_caller_alone():
    before = torch.get_num_threads()
    assert set(map_chunks(lambda _: torch.get_num_threads(), 5 * CHUNK)) == {1}
    with one_torch_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_errors_reach_the_caller():
    def fail(chunk):
        raise ValueError(f"chunk {chunk.start}")

    with pytest.raises(ValueError, match="chunk 0"):
        map_chunks(fail, 10)


def test_cores_follow_the_environment(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert available_cores() == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "nonsense")
    assert available_cores() >= 1


def _in_child(queue):
    queue.put(len(map_chunks(lambda chunk: chunk.start, 3 * CHUNK)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_pool_works_in_a_forked_child():
    map_chunks(lambda chunk: None, CHUNK)  # the parent has a pool
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_in_child, args=(queue,))
    child.start()
    assert queue.get(timeout=60) == 3
    child.join()
