"""A slow line between two programs on one machine: a TCP proxy with a delay and a limited rate.

Every connection through it shares the line. The sender is held back once as much is under way
as the line may hold, as by the window of TCP, so that memory stays bounded.
"""

import asyncio
import contextlib
import socket
import threading

CHUNK = 1 << 14  # bytes: 13 ms at 10 Mbit/s
UNDER_WAY = 64  # chunks in each direction of a connection
_SOCKET_BUFFER = 1 << 16  # else the system alone would swallow megabytes of backlog


class Direction:
    """One way through the line; `delay` [s] and `rate` [bytes/s] may change at any time."""

    def __init__(self):
        self.delay, self.rate = 0.0, float("inf")
        self._free = 0.0  # time from which the line can take more

    def arrival(self, size, now):
        """Book the line for some bytes that are there now; tell when they arrive."""
        self._free = max(self._free, now) + size / self.rate
        return self._free + self.delay

    async def carry(self, reader, writer):
        """Move everything from one end to the other."""
        queue = asyncio.Queue(UNDER_WAY)
        await asyncio.gather(self._take(reader, queue), self._deliver(queue, writer))

    async def _take(self, reader, queue):
        now = asyncio.get_running_loop().time
        while data := await reader.read(CHUNK):
            await queue.put((self.arrival(len(data), now()), data))
        await queue.put((now() + self.delay, b""))

    async def _deliver(self, queue, writer):
        now = asyncio.get_running_loop().time
        while True:
            due, data = await queue.get()
            await asyncio.sleep(due - now())
            if not data:
                writer.write_eof()
                return
            writer.write(data)
            await writer.drain()


class Link:
    """The line to a port of this machine, open while the context lasts.

    Without limits at first, so that a page can be loaded quickly; see `limit`.
    """

    def __init__(self, target):
        self._target = target
        self._up, self._down = Direction(), Direction()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=[self._serve()], daemon=True)

    def limit(self, *, round_trip=0.0, rate=float("inf")):
        """Set the time there and back [s] and the rate of each direction [bit/s]."""
        for direction in (self._up, self._down):
            direction.delay, direction.rate = round_trip / 2, rate / 8

    def __enter__(self):
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *error):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SOCKET_BUFFER)
        listener.bind(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        server = await asyncio.start_server(self._connect, sock=listener, limit=CHUNK)
        self._ready.set()
        await self._stop.wait()
        server.close()  # asyncio.run cancels what is still connected

    async def _connect(self, client_reader, client_writer):
        with (
            contextlib.suppress(OSError, asyncio.CancelledError),
            contextlib.closing(client_writer),
        ):
            near = socket.socket()
            near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SOCKET_BUFFER)
            near.setblocking(False)
            await asyncio.get_running_loop().sock_connect(near, ("127.0.0.1", self._target))
            reader, writer = await asyncio.open_connection(sock=near, limit=CHUNK)
            with contextlib.closing(writer):
                await asyncio.gather(
                    self._up.carry(client_reader, writer),
                    self._down.carry(reader, client_writer),
                )
