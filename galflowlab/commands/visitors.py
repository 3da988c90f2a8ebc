"""A Voila server for many visitors: their kernels, and what may reach them.

Imported by that server alone.
"""

from __future__ import annotations

import os
import struct
import uuid
from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.ioloop import IOLoop
from tornado.web import HTTPError
from traitlets import Float, Integer, default

from galflowlab.parallel import available_cores

_PROTOCOL = "v1.kernel.websocket.jupyter.org"
_PARTS = range(6, 256)  # places where parts begin: channel, four of the message, buffers, the end


class VisitorKernels(AsyncMappingKernelManager):
    """A kernel for each page, as many as there is room for, ended once nobody looks at them.

    A kernel ends `patience` after its page has been closed or lost. That of a page that was never
    drawn ends after one to two `cull_interval`, that of one left open untouched after
    `cull_idle_timeout`.
    """

    most = Integer(16, config=True, help="Kernels at once; later pages are asked to come again.")
    patience = Float(15.0, config=True, help="Seconds for a page that lost its connection.")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._coming: set[str] = set()
        self._alone: set[str] = set()

    @default("allow_tracebacks")
    def _default_allow_tracebacks(self) -> bool:
        return False  # they tell visitors about the machine

    @default("cull_interval")
    def _default_cull_interval(self) -> int:
        return 60  # s

    @default("cull_idle_timeout")
    def _default_cull_idle_timeout(self) -> int:
        return 3600  # s

    @default("cull_connected")
    def _default_cull_connected(self) -> bool:
        return True

    async def start_kernel(self, **kwargs: Any) -> str:  # type: ignore[override]
        """Start a kernel with its share of the cores.

        Raises
        ------
        HTTPError
            503 if there are `most` kernels already; the visitor sees the reason.
        """
        taken = len(self._coming.union(self.list_kernel_ids()))
        if taken >= self.most:
            raise HTTPError(
                503, reason=f"all {self.most} places are taken, please come back in a few minutes"
            )
        share = max(1, available_cores() // (taken + 1))  # OMP_NUM_THREADS, if it is set
        environment = {**kwargs.pop("env", os.environ), "OMP_NUM_THREADS": str(share)}
        kernel_id = str(uuid.uuid4())
        self._coming.add(kernel_id)
        try:
            return await super().start_kernel(kernel_id=kernel_id, env=environment, **kwargs)
        finally:
            self._coming.discard(kernel_id)

    def notify_disconnect(self, kernel_id: str) -> None:
        """A page is gone: end its kernel unless it comes back.

        Voila's page asks for that too when it is closed, but is refused for want of a cookie.
        """
        super().notify_disconnect(kernel_id)
        IOLoop.current().call_later(self.patience, self._end_if_left, kernel_id)

    async def _end_if_left(self, kernel_id: str) -> None:
        if kernel_id in self and not self._kernel_connections.get(kernel_id):
            await self.shutdown_kernel(kernel_id)

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """End a kernel that nobody was connected to at two checks in a row, or that is idle."""
        waiting = self._kernels[kernel_id].execution_state not in ("busy", "starting")
        if self._kernel_connections.get(kernel_id) or not waiting:
            self._alone.discard(kernel_id)
        elif kernel_id in self._alone:
            self._alone.discard(kernel_id)
            await self.shutdown_kernel(kernel_id)
            return
        else:
            self._alone.add(kernel_id)
        await super().cull_kernel_if_idle(kernel_id)


class VisitorChannels(ZMQChannelsWebsocketConnection):
    """Between a page and its kernel; refuses what would stop the server for everybody.

    Voila 0.5.13 reads whatever it sends as if it were of the newer protocol, and Jupyter Server
    2.21 believes the number of parts that a message claims to have: either could keep it busy
    for years.
    """

    async def prepare(self) -> None:
        """Wait for the kernel; raises HTTPError 400 for a page without the newer protocol."""
        offered = self.websocket_handler.request.headers.get("Sec-WebSocket-Protocol", "")
        if _PROTOCOL not in [name.strip() for name in offered.split(",")]:
            raise HTTPError(400, f"expected the protocol {_PROTOCOL}, got {offered!r}")
        # Jupyter Server 2.21 looks for it in the wrong place, and without it sends nothing more.
        message = self.multi_kernel_manager.traceback_replacement_message
        self.kernel_manager.traceback_replacement_message = message
        await super().prepare()

    def handle_incoming_message(self, incoming_msg: str | bytes) -> None:
        """Pass a message on to the kernel; one without its parts ends the connection."""
        if isinstance(incoming_msg, str) or not _has_parts(incoming_msg):
            self.log.warning("A page sent no message; its connection is closed.")
            self.websocket_handler.close(1002)
            return
        super().handle_incoming_message(incoming_msg)  # type: ignore[arg-type]


def _has_parts(message: bytes) -> bool:
    count = int.from_bytes(message[:8], "little")
    if count not in _PARTS:
        return False
    places = struct.unpack_from(f"<{count}Q", message.ljust(8 * (count + 1)), 8)
    return list(places) == sorted(places) and places[-1] <= len(message)
