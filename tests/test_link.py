"""The slow line of the benchmarks. Times are only bounded from below: a busy machine is slower."""

import contextlib
import socket
import threading
import time

import numpy as np
import pytest

from tests.benchmarks.link import Link


def receive(connection, size=None):
    """Read so many bytes, or all."""
    data = bytearray()
    while (size is None or len(data) < size) and (part := connection.recv(1 << 16)):
        data += part
    return bytes(data)


def send(connection, data):
    connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def serving(answer):
    """A port where each connection is given to `answer`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=handle, args=listener.accept()[:1], daemon=True).start()

        def handle(connection):
            with connection, contextlib.suppress(OSError):
                answer(connection)

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def connect():
    """Connections through a link to a server, and the link."""
    with contextlib.ExitStack() as stack:

        def start(answer, connections=1):
            link = stack.enter_context(Link(stack.enter_context(serving(answer))))
            address = ("127.0.0.1", link.port)
            return link, [
                stack.enter_context(contextlib.closing(socket.create_connection(address, 20)))
                for _ in range(connections)
            ]

        yield start


def echo(connection):
    while data := connection.recv(1 << 16):
        connection.sendall(data)


def test_bytes_arrive_in_order(connect):
    link, (client,) = connect(echo)
    link.limit(round_trip=0.02, rate=1e8)
    data = np.random.default_rng(1).bytes(1_000_000)
    threading.Thread(target=send, args=[client, data]).start()
    assert receive(client) == data


def test_answer_takes_the_round_trip(connect):
    link, (client,) = connect(echo)
    link.limit(round_trip=0.2)
    for _ in range(2):
        start = time.monotonic()
        client.sendall(b"?")
        assert receive(client, 1) == b"?"
        assert time.monotonic() - start >= 0.2


def test_connections_share_the_rate(connect):
    size = 50_000
    link, clients = connect(lambda c: send(c, receive(c, 1) * size), connections=2)
    link.limit(rate=8 * 250_000)
    start = time.monotonic()
    for client in clients:
        client.sendall(b"x")
    for client in clients:
        assert receive(client) == b"x" * size
    assert time.monotonic() - start >= 2 * size / 250_000


def test_sender_is_held_back(connect):
    done = threading.Event()
    link, (client,) = connect(lambda c: done.wait())
    link.limit(rate=8 * 1e4)  # too slow to matter: what is accepted lies in buffers
    client.settimeout(2)
    most = 50_000_000  # far more than these hold
    accepted, part = 0, bytes(1 << 16)
    with contextlib.suppress(TimeoutError):
        while accepted < most:
            accepted += client.send(part)
    done.set()
    assert accepted < most


def test_end_of_a_connection_is_passed_on(connect):
    _, (client,) = connect(lambda c: c.close())
    assert receive(client) == b""
