"""The same catalogues from a Dask cluster on this machine, also when it loses a worker."""

import os
import signal
import threading
import time

import pytest

from galflowlab import cli
from galflowlab.catalogues import draw_contexts, running, write_catalogue, write_galaxies

CONTEXT = {"log10_mstar": 10.0}

pytestmark = pytest.mark.slow
distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def client():
    """Two workers, each a process of its own, on this machine only."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


def test_a_killed_worker_changes_nothing(mock, client, tmp_path, hashes):
    options = {"seed": 3, "partition": 4096, "progress": False}
    n = 24 * 4096
    alone = write_catalogue(mock, n, CONTEXT, tmp_path / "alone", **options)
    folder, victim = tmp_path / "cluster", min(client.run(os.getpid).values())
    killed_with = []

    def kill():
        while len(made := list(folder.glob("part-*"))) < 4:
            time.sleep(0.001)
        os.kill(victim, signal.SIGKILL)
        (folder / ".part-00003-abcd1234.parquet").write_bytes(b"half")  # as it may have been left
        killed_with.append(len(made))

    thread = threading.Thread(target=kill)
    thread.start()
    made = write_catalogue(mock, n, CONTEXT, folder, client=client, **options)
    thread.join()
    assert killed_with[0] < 24
    assert made.kept == 0
    assert victim not in client.run(os.getpid).values()
    assert hashes(folder) == hashes(alone.folder)
    made.files[1].unlink()  # and the cluster makes what is missing, though it has done so before
    assert write_catalogue(mock, n, CONTEXT, folder, client=client, **options).kept == 23
    assert hashes(folder) == hashes(alone.folder)


def test_galaxies(mock, client, tmp_path, hashes):
    contexts = draw_contexts(mock.population, 6, seed=1)
    options = {"seed": 3, "progress": False}
    alone = write_galaxies(mock, contexts, 500, tmp_path / "alone", **options)
    many = write_galaxies(mock, contexts, 500, tmp_path / "many", client=client, **options)
    assert hashes(many.folder) == hashes(alone.folder)


def test_the_commands_find_the_scheduler(client, tmp_path, capsys, hashes):
    command = ("sample", "--seed", "1", "-n", "2e4", "--format", "parquet", "--quiet", "-o")
    assert cli.main([*command, str(tmp_path / "alone")]) == 0
    address = client.scheduler_info()["address"]
    assert cli.main([*command, str(tmp_path / "far"), "--scheduler", address]) == 0
    assert "20000 stars in 1 files" in capsys.readouterr().out
    assert hashes(tmp_path / "far") == hashes(tmp_path / "alone")


def test_what_workers_cannot_write_is_said_here(mock, client, tmp_path):
    """The error of the worker, in one sentence, and no catalogue that looks whole."""
    folder = tmp_path / "full"
    (folder / "part-00002.parquet").mkdir(parents=True)  # nothing can take its place
    (folder / "part-00002.parquet").rename(folder / ".kept")
    write_catalogue(mock, 10, CONTEXT, folder, seed=3, partition=4096, progress=False)
    (folder / "part-00000.parquet").unlink()
    (folder / ".kept").rename(folder / "part-00000.parquet")
    with pytest.raises(OSError, match=r"part-00000\.parquet: cannot be written"):
        write_catalogue(
            mock, 10, CONTEXT, folder, seed=3, partition=4096, client=client, progress=False
        )


def test_a_folder_of_the_workers_that_is_not_ours(mock, client, tmp_path, monkeypatch):
    """Workers that say they have made files, which are not here."""
    monkeypatch.setattr(running, "_PATIENCE", 0.3)
    monkeypatch.setattr(running, "make_far", elsewhere)
    with pytest.raises(
        OSError, match=r"part-00000\.parquet: not here, though a worker has made it"
    ):
        write_catalogue(mock, 10, CONTEXT, tmp_path / "f", seed=3, client=client, progress=False)


def elsewhere(part, model, work):
    """As a worker whose folder of this name is another one."""


def test_an_asynchronous_client_is_refused(mock, client, tmp_path):
    class Asynchronous:
        asynchronous = True

    with pytest.raises(ValueError, match="expected a synchronous Dask client"):
        write_catalogue(mock, 10, CONTEXT, tmp_path / "f", seed=1, client=Asynchronous())
    assert list(tmp_path.iterdir()) == []
