"""How the cores and the places of a server are shared among its visitors, and given back."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.web import HTTPError

from galflowlab.commands import visitors


def run(coroutine):
    """In a thread of its own: Playwright leaves a loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def test_each_visitor_gets_a_share_of_the_cores_until_all_places_are_taken(monkeypatch):
    given = {}

    async def start(self, *, kernel_id, env, **kwargs):
        given[kernel_id] = env["OMP_NUM_THREADS"]
        return kernel_id

    monkeypatch.setattr(AsyncMappingKernelManager, "start_kernel", start)
    monkeypatch.setattr(visitors.VisitorKernels, "list_kernel_ids", lambda self: list(given))
    monkeypatch.setattr(visitors, "available_cores", lambda: 8)
    kernels = visitors.VisitorKernels(most=5)
    for _ in range(5):
        run(kernels.start_kernel(env={"OMP_NUM_THREADS": "64"}))
    assert list(given.values()) == ["8", "4", "2", "2", "1"]
    with pytest.raises(HTTPError, match="all 5 places are taken") as full:
        run(kernels.start_kernel(env={}))
    assert full.value.status_code == 503


def test_kernels_that_are_only_coming_take_places_too(monkeypatch):
    async def start(self, **kwargs):
        await asyncio.sleep(0.01)
        return kwargs["kernel_id"]

    async def several():
        kernels = visitors.VisitorKernels(most=2)
        return await asyncio.gather(
            *(kernels.start_kernel() for _ in range(4)), return_exceptions=True
        )

    monkeypatch.setattr(AsyncMappingKernelManager, "start_kernel", start)
    results = run(several())
    assert [isinstance(result, HTTPError) for result in results] == [False, False, True, True]


def test_a_page_that_is_lost_has_a_while_to_come_back(monkeypatch):
    """Long before the next look for kernels that nobody is connected to."""

    async def lose_two():
        kernels = visitors.VisitorKernels(patience=0.05, cull_interval=3600)
        ended = asyncio.Queue()
        monkeypatch.setattr(kernels, "shutdown_kernel", ended.put)
        for name in ("back", "lost"):
            kernels._kernels[name] = None
            kernels._kernel_connections[name] = 1
        for name in ("back", "lost"):
            kernels.notify_disconnect(name)
        kernels.notify_connect("back")
        assert ended.empty()
        return await asyncio.wait_for(ended.get(), 30), ended.empty()

    assert run(lose_two()) == ("lost", True)


def test_what_a_kernel_was_writing_goes_with_it(monkeypatch):
    folders = []

    async def start(self, *, kernel_id, env, **kwargs):
        folders.append(Path(env["TMPDIR"]))
        (folders[-1] / "half.fits").touch()
        return kernel_id

    monkeypatch.setattr(AsyncMappingKernelManager, "start_kernel", start)
    kernels = visitors.VisitorKernels()
    first, _ = (run(kernels.start_kernel(env={})) for _ in range(2))
    kernels.remove_kernel(first)
    assert [folder.exists() for folder in folders] == [False, True]
