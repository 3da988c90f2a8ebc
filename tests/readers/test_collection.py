"""Folders of galaxies: which files count, in which order, by which names, and how many at once."""

import gc
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import weakref
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from galflowlab.data import galaxy_files, prepare, read, read_all
from galflowlab.store import write_store
from galflowlab.store.layout import DESCRIPTION
from tests.readers.simulated import tng_stars, write, write_chunks

prepared = partial(prepare, min_stars=10)


def nihao(path, seed=0, n=60):
    rng = np.random.default_rng(seed)
    array = np.vstack([rng.normal(size=(6, n)), rng.uniform(0.01, 0.02, (5, n))])
    array[10] = rng.uniform(1, 10, n)
    np.save(path, array)
    return path


def same(a, b):
    assert a.name == b.name
    assert a.provenance == b.provenance
    for name in a.stars.colnames:
        np.testing.assert_array_equal(a.stars[name].value, b.stars[name].value)


@pytest.fixture
def folder(tmp_path):
    """A folder as real ones are: galaxies of several kinds and much else."""
    for i in (3, 1, 2):
        nihao(tmp_path / f"g{i}.npy", seed=i)
    write(tmp_path / "cutout_7.hdf5", tng_stars(n=60))
    write_chunks(tmp_path, n=60)
    write(tmp_path / "other.4.hdf5", tng_stars(seed=4, n=60))  # a file of its own
    for name in (
        *(".hidden.npy", "g1.json", "columns.toml.md", "run.param", "README.md", "SHA256SUMS.txt"),
        *("g1.npy.partial", "notes.pdf", "model.pth", "flow.pt", "m.safetensors"),
        *("all.zip", "all.tar", "all.tar.gz", "all.tgz"),
    ):
        (tmp_path / name).write_text("{}")
    (tmp_path / "deeper").mkdir()
    nihao(tmp_path / "deeper" / "g9.npy")
    return tmp_path


NAMES = ["cutout_7.hdf5", "g9.npy", "g1.npy", "g2.npy", "g3.npy", "other.4.hdf5", "snap_099.0.hdf5"]


# --- which files ------------------------------------------------------------------------


def test_folder(folder):
    assert [path.name for path in galaxy_files(folder)] == NAMES
    assert len(list(read_all(folder))) == len(NAMES)


def test_auxiliary_arrays_of_a_snapshot_are_part_of_it(tmp_path):
    for name in ("g.00001", "g.00001.iord", "g.00001.amiga.grp", "hydro", "hydro.FeMassFrac"):
        (tmp_path / name).write_bytes(b"x")
    nihao(tmp_path / "hydro.npy")
    names = [path.name for path in galaxy_files(tmp_path)]
    assert names == ["g.00001", "hydro", "hydro.npy"]


def test_patterns_files_and_folders_in_their_order_and_each_once(folder):
    paths = [folder / "d*" / "*", folder / "g3.npy", str(folder / "g[12].npy"), folder]
    names = [path.name for path in galaxy_files(paths)]
    first = ["g9.npy", "g3.npy", "g1.npy", "g2.npy"]
    assert names == [*first, *(name for name in NAMES if name not in first)]
    assert galaxy_files(folder / "g1.json") == [folder / "g1.json"]  # named, so it counts


def test_listing_order_does_not_matter(folder, monkeypatch):
    straight, listed = [g.name for g in read_all(folder)], Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda self: sorted(listed(self), reverse=True))
    assert [g.name for g in read_all(folder)] == straight


@pytest.mark.parametrize("missing", ["none.npy", "none*.npy", "empty"])
def test_nothing_there(tmp_path, missing):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"none|empty"):
        read_all(tmp_path / missing)


def test_folders_inside_count_but_not_hidden_ones_stores_and_links_back(tmp_path):
    names = ("a/b/g1.npy", "c/g2.npy", ".git/g3.npy", "c/.g.unpacking-1/g4.npy", "store/g5.npy")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        nihao(tmp_path / name)
    (tmp_path / "store" / DESCRIPTION).write_text("{}")
    (tmp_path / "a" / "b" / "back").symlink_to(tmp_path)
    (tmp_path / "d").symlink_to(tmp_path / "c")
    assert galaxy_files(tmp_path) == [tmp_path / "a" / "b" / "g1.npy", tmp_path / "c" / "g2.npy"]


def test_snapshots_in_folders_of_their_own(tmp_path):
    for simulation in ("m12f_res7100", "m12i_res7100"):
        folder = tmp_path / simulation / "output" / "snapdir_600"
        folder.mkdir(parents=True)
        write_chunks(folder, f"{simulation}_600", n=60)
    (tmp_path / "m12f_res7100" / "snapshot_times.txt").write_text("1 0 0")
    assert [len(galaxy) for galaxy in read_all(tmp_path)] == [60, 60]
    assert [path.name for path in galaxy_files(tmp_path)] == [
        *("m12f_res7100_600.0.hdf5", "m12i_res7100_600.0.hdf5")
    ]


def test_a_store_is_not_galaxies(folder):
    write_store(read_all(folder / "g*.npy"), folder / "store", seed=1)
    with pytest.raises(ValueError, match=r"store: is a store; galflowlab train takes it"):
        read_all([folder / "g1.npy", folder / "store"])
    assert [path.name for path in galaxy_files(folder)] == NAMES


def test_damaged_first_file_of_a_snapshot_hides_nothing(tmp_path):
    paths = write_chunks(tmp_path, n=60)
    paths[0].write_bytes(b"damaged")
    assert galaxy_files(tmp_path) == paths


# --- names ------------------------------------------------------------------------------


def test_names_are_those_of_content_or_file_whatever_the_folder(folder):
    before = [galaxy.name for galaxy in read_all(folder)]
    assert before == ["cutout_7", "g9", "g1", "g2", "g3", "other.4", "snap_099"]
    moved = folder.rename(folder.with_name("elsewhere"))
    assert [galaxy.name for galaxy in read_all(moved)] == before
    assert [galaxy.name for galaxy in read_all(sorted(moved.glob("g*.npy"))[::-1])] == [
        *("g3", "g2", "g1")
    ]


def test_two_galaxies_of_one_name_are_refused(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        nihao(tmp_path / name / "g1.npy", seed=ord(name))
    galaxies = read_all([tmp_path / "a", tmp_path / "b"], on_error=print)
    assert next(galaxies).name == "g1"
    with pytest.raises(ValueError, match=r"b/g1\.npy: .*a/g1\.npy are both called 'g1'"):
        next(galaxies)


# --- errors -----------------------------------------------------------------------------


def test_error_names_the_file(folder):
    (folder / "g2.npy").write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"g2\.npy: not a whole"):
        list(read_all(folder))
    with pytest.raises(ValueError, match=r"cutout_7\.hdf5: galaxy 'cutout_7' has \d+ star"):
        next(read_all(folder, prepare=prepare))


def test_errors_are_told_and_the_rest_is_read(folder):
    (folder / "g2.npy").write_bytes(b"damaged")
    (folder / "g3.npy").unlink()
    (folder / "g3.npy").symlink_to("g2.npy")
    told = []
    names = [g.name for g in read_all(folder, on_error=lambda p, e: told.append((p.name, str(e))))]
    assert names == ["cutout_7", "g9", "g1", "other.4", "snap_099"]
    assert [name for name, _ in told] == ["g2.npy"]  # g3 is the same file
    assert "g2.npy" in told[0][1]


def test_a_library_that_is_not_there_is_a_failure_of_its_files(folder, monkeypatch):
    (folder / "tipsy.00128").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "pynbody", None)
    told = []
    names = [g.name for g in read_all(folder, on_error=lambda p, e: told.append((p.name, str(e))))]
    assert len(names) == len(NAMES)
    assert [name for name, _ in told] == ["tipsy.00128"]
    assert "need pynbody" in told[0][1]
    with pytest.raises(ImportError, match=r"tipsy\.00128: simulation snapshots need pynbody"):
        list(read_all(folder))


def test_own_mistakes_are_not_taken_for_bad_files(folder):
    def broken(galaxy):
        raise TypeError("a mistake")

    with pytest.raises(TypeError, match="a mistake"):
        list(read_all(folder, prepare=broken, on_error=print))


@pytest.mark.parametrize("workers", [0, -1, 1.5, True, "2"])
def test_workers_are_a_positive_number(folder, workers):
    with pytest.raises(ValueError, match="workers should be a positive whole number"):
        read_all(folder, workers=workers)


# --- lazily and in parallel -------------------------------------------------------------


def test_galaxies_are_read_when_asked_for_and_not_kept(folder, monkeypatch):
    alive = []

    def watched(galaxy):
        gc.collect()
        assert sum(reference() is not None for reference in alive) <= 1  # that of the caller
        alive.append(weakref.ref(galaxy))
        return galaxy

    galaxies = read_all(folder, prepare=watched)
    assert not alive
    for number, _ in enumerate(galaxies, start=1):
        assert len(alive) == number
    assert number == len(NAMES)


@pytest.mark.slow
def test_workers_change_nothing(folder):
    (folder / "g2.npy").write_bytes(b"damaged")
    told: list[tuple[str, str]] = []
    note = lambda path, error: told.append((path.name, str(error)))  # noqa: E731
    alone = list(read_all(folder, prepare=prepared, on_error=note))
    together = list(read_all(folder, prepare=prepared, on_error=note, workers=2))
    assert len(alone) == len(together) == len(NAMES) - 1
    for a, b in zip(alone, together, strict=True):
        same(a, b)
    assert told[0] == told[1]


def mark(galaxy, folder):
    (folder / galaxy.name).touch()
    return galaxy


@pytest.mark.slow
def test_workers_read_no_further_ahead_than_their_number_and_stop_with_the_reader(tmp_path):
    (tmp_path / "done").mkdir()
    for i in range(8):
        nihao(tmp_path / f"g{i}.npy", seed=i)
    done = tmp_path / "done"
    galaxies = read_all(tmp_path, workers=2, prepare=partial(mark, folder=done))
    for number in range(1, 4):
        next(galaxies)
        deadline = time.monotonic() + 30
        while len(list(done.iterdir())) < number + 1 and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.2)
        assert len(list(done.iterdir())) == number + 1  # the caller's, and two less one asked for
    galaxies.close()
    assert not multiprocessing.active_children()


def die(galaxy):
    os._exit(1)


@pytest.mark.slow
def test_death_of_a_worker_is_no_failure_of_a_file(folder):
    told = []
    with pytest.raises(ChildProcessError, match=r"cutout_7\.hdf5: a process .* has died"):
        list(read_all(folder, workers=2, prepare=die, on_error=lambda *what: told.append(what)))
    assert not told


@pytest.mark.slow
def test_a_script_without_a_guard_is_told_of_it(folder, tmp_path_factory):
    script = tmp_path_factory.mktemp("script") / "script.py"
    lines = ["import sys", "from galflowlab.data import read_all"]
    script.write_text("\n".join([*lines, "list(read_all(sys.argv[1], workers=2))"]))
    done = subprocess.run(
        [sys.executable, script, folder], capture_output=True, text=True, check=False
    )
    assert done.returncode
    assert 'put it under if __name__ == "__main__"' in done.stderr.splitlines()[-1]


PROGRAM = """
import sys, time
from galflowlab.data import read_all

if __name__ == "__main__":
    for galaxy in read_all(sys.argv[1], workers=2):
        print(galaxy.name, flush=True)
        time.sleep(60)
"""


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_workers_do_not_survive_their_reader(tmp_path, sign):
    (tmp_path / "data").mkdir()
    for i in range(4):
        nihao(tmp_path / "data" / f"g{i}.npy", seed=i)
    (tmp_path / "program.py").write_text(PROGRAM)
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "program.py"), str(tmp_path / "data")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Also if these tests are run in the background, where interrupts are ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "g0\n"
    group = os.getpgid(process.pid)
    # As a terminal does, to all of them; but a kill goes to the reader alone.
    os.killpg(group, sign) if sign == signal.SIGINT else process.kill()
    process.wait(timeout=30)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            break
        time.sleep(0.05)
    else:
        os.killpg(group, signal.SIGKILL)
        pytest.fail("workers survive")
    if sign == signal.SIGINT:
        errors = process.stderr.read() if process.stderr else ""
        assert errors.count("Traceback") == 1


def test_map_reaches_the_readers(tmp_path):
    rows = ["a,b,c,d,e,f,m,t", *(f"{i},0,0,{i},0,0,1,1" for i in range(5))]
    (tmp_path / "g.csv").write_text("\n".join(rows) + "\n")
    units = dict.fromkeys("xyz", "kpc") | dict.fromkeys(("vx", "vy", "vz"), "km / s")
    units |= {"mass": "solMass", "age": "Gyr"}
    lines = [
        f'{ours} = {{ name = "{theirs}", unit = "{unit}" }}'
        for (ours, unit), theirs in zip(units.items(), "abcdefmt", strict=True)
    ]
    (tmp_path / "map.toml").write_text("\n".join(["[columns]", *lines]))
    (galaxy,) = read_all(tmp_path, columns=tmp_path / "map.toml")
    np.testing.assert_array_equal(galaxy.stars["x"].value, np.arange(5))


def test_npz_is_called_what_its_record_says(tmp_path):
    galaxy = read(nihao(tmp_path / "g1.npy"))
    arrays = {name: galaxy.stars[name].value for name in galaxy.stars.colnames}
    arrays["Z"] = arrays.pop("metallicity")
    np.savez(tmp_path / "file.npz", **arrays)
    (tmp_path / "file.json").write_text(json.dumps({"name": "halo 3"}))
    assert [g.name for g in read_all(tmp_path / "*.npz")] == ["halo 3"]
