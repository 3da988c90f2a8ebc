"""A Voila server for many visitors: their kernels, and what may reach them.

Imported by that server alone.
"""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
import uuid
from pathlib import Path
from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.ioloop import IOLoop
from tornado.iostream import StreamBufferFullError
from tornado.web import HTTPError
from traitlets import Float, Integer, default

from galflowlab.parallel import available_cores

_PROTOCOL = "v1.kernel.websocket.jupyter.org"
_PARTS = range(6, 256)  # places where parts begin: channel, four of the message, buffers, the end
_CONNECTIONS = 4  # of a kernel: its page has one, and a few lost ones while it comes back
_UNREAD = 50_000_000  # bytes that wait for a page; pictures and parts of files have 1 MB at most


class VisitorKernels(AsyncMappingKernelManager):
    """A kernel for each page, as many as there is room for, ended once nobody looks at them.

    A kernel ends `patience` after its page has been closed or lost. That of a page that was never
    drawn ends after one to two `cull_interval`, that of one left open untouched after
    `cull_idle_timeout`. Each has a folder for temporary files, which goes with it.
    """

    most = Integer(16, config=True, help="Kernels at once; later pages are asked to come again.")
    patience = Float(15.0, config=True, help="Seconds for a page that lost its connection.")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._coming: set[str] = set()
        self._alone: set[str] = set()
        self._temporary = tempfile.TemporaryDirectory(prefix="galflowlab-")

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
        kernel_id = str(uuid.uuid4())
        own = {"OMP_NUM_THREADS": str(share), "TMPDIR": str(self._folder(kernel_id))}
        environment = {**kwargs.pop("env", os.environ), **own}
        self._coming.add(kernel_id)
        self._folder(kernel_id).mkdir()
        try:
            return await super().start_kernel(kernel_id=kernel_id, env=environment, **kwargs)
        finally:
            self._coming.discard(kernel_id)

    def remove_kernel(self, kernel_id: str) -> Any:
        """Forget a kernel that has ended, however, and what it was writing."""
        shutil.rmtree(self._folder(kernel_id), ignore_errors=True)
        return super().remove_kernel(kernel_id)

    def _folder(self, kernel_id: str) -> Path:
        return Path(self._temporary.name) / kernel_id

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
    for years. Both keep all that a page does not read.
    """

    async def prepare(self) -> None:
        """Wait for the kernel.

        Raises
        ------
        HTTPError
            400 for a page without the newer protocol, 429 for one with too many connections.
        """
        offered = self.websocket_handler.request.headers.get("Sec-WebSocket-Protocol", "")
        if _PROTOCOL not in [name.strip() for name in offered.split(",")]:
            raise HTTPError(400, f"expected the protocol {_PROTOCOL}, got {offered!r}")
        # Jupyter Server 2.21 looks for it in the wrong place, and without it sends nothing more.
        message = self.multi_kernel_manager.traceback_replacement_message
        self.kernel_manager.traceback_replacement_message = message
        await super().prepare()
        if self.multi_kernel_manager._kernel_connections.get(self.kernel_id, 0) >= _CONNECTIONS:
            raise HTTPError(429, f"expected at most {_CONNECTIONS} connections of a page")

    def connect(self) -> Any:
        """Begin to pass messages."""
        self.websocket_handler.ws_connection.stream.max_write_buffer_size = _UNREAD
        return super().connect()

    def handle_outgoing_message(self, stream: Any, outgoing_msg: list[bytes]) -> None:
        """Pass a message on to the page; one that leaves too much unread loses its connection."""
        try:
            super().handle_outgoing_message(stream, outgoing_msg)
        except StreamBufferFullError:
            self.log.warning("A page does not read what it is sent; its connection is closed.")
            self.websocket_handler.ws_connection.stream.close()  # and what it has not read is gone

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
