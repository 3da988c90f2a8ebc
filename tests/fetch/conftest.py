"""A server and an empty cache for every test."""

import numpy as np
import pytest

from galflowlab.data.fetching.client import Patience
from galflowlab.data.fetching.data_sets import fetch_from
from tests.fetch.server import Server, serve

QUICK = Patience(connect=2.0, read=0.3, attempts=4, first_wait=0.01, longest_wait=2.0)


@pytest.fixture
def new_server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    running = []

    def start():
        server = Server()
        running.append((server, serve(server)))
        return server

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def server(new_server):
    server = new_server()
    rng = np.random.default_rng(5)
    server.files = {
        "a.bin": rng.bytes(300_000),
        "b.bin": rng.bytes(10),
        "notes.txt": b"hello",
    }
    return server


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("GALFLOWLAB_CACHE", str(folder))
    return folder


@pytest.fixture
def get(server, tmp_path):
    """Fetch from the server to a folder `data`; keywords of the manifest are passed on."""

    def get(files=None, *, origin="zenodo", offline=False, **more):
        return fetch_from(
            server.manifest(origin, **more),
            files,
            tmp_path / "data",
            offline=offline,
            progress=False,
            patience=QUICK,
        )

    return get


@pytest.fixture
def here(tmp_path):
    """Names of all files in the folder `data`, hidden ones too."""

    def here():
        found = (tmp_path / "data").rglob("*")
        return sorted(p.relative_to(tmp_path / "data").as_posix() for p in found if p.is_file())

    return here
