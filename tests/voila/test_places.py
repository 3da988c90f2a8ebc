"""How the cores and the places of a server are shared among its visitors."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

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
