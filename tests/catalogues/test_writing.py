"""One galaxy as a folder of files: what is in them, going on, and what is refused."""

import errno
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pyarrow.dataset
import pytest
from astropy.table import QTable
from filelock import FileLock
from pyarrow import parquet

import galflowlab
from galflowlab.catalogues import layout, parts, running, write_catalogue
from galflowlab.catalogues.description import DESCRIPTION
from galflowlab.parallel import available_cores
from galflowlab.tables import read_table

CONTEXT = {"log10_mstar": 10.0, "mean_metallicity": 0.009}
N, SIZE = 20_000, 8192
FILES = [DESCRIPTION, *(f"part-0000{i}.parquet" for i in range(3))]


@pytest.fixture
def write(mock, tmp_path):
    """A function that writes a small catalogue."""

    def written(folder="catalogue", **changes):
        options = {"n": N, "context": CONTEXT, "seed": 3, "partition": SIZE, "progress": False}
        return write_catalogue(mock, folder=tmp_path / folder, **(options | changes))

    return written


def test_files_hold_the_stars_of_the_sample(mock, write, tmp_path):
    made = write()
    assert [path.name for path in made.files] == FILES[1:]
    assert (made.stars, made.kept) == (N, 0)
    assert sorted(path.name for path in made.folder.iterdir()) == FILES
    tables = [QTable.read(path) for path in made.files]
    expected = mock.sample(N, CONTEXT, seed=3)
    assert [len(table) for table in tables] == [SIZE, SIZE, N - 2 * SIZE]
    for name in expected.colnames:
        assert {table[name].unit for table in tables} == {expected[name].unit}
        together = np.concatenate([table[name].value for table in tables])
        assert together.dtype == np.float32
        np.testing.assert_array_equal(together, expected[name].value)
    together = pyarrow.dataset.dataset(made.folder).to_table()
    assert together.column_names == expected.colnames
    np.testing.assert_array_equal(together["vx"].to_numpy(), expected["vx"].value)


def test_a_single_file_is_a_galaxy_for_read_and_a_part_is_none(mock, write):
    galaxy = galflowlab.read(write("one", n=SIZE).files[0])
    assert galaxy.context == mock.complete(CONTEXT)
    assert galaxy.name == "s3_part_00000"
    assert "stars 0 to 8192 of 8192" in galaxy.provenance.notes
    made = write()
    for read in (galflowlab.read, lambda path: list(galflowlab.data.read_all(path.parent))):
        with pytest.raises(ValueError, match=r"part-00000\.parquet: a part of a galaxy in several"):
            read(made.files[0])
    with pytest.raises(ValueError, match=r"\[8192, 16384, 20000\]; QTable\.read and pyarrow"):
        galflowlab.read(made.files[1])


def test_headers_are_read_whatever_they_say(mock, tmp_path):
    """The header is put into astropy's YAML as text; it must come back as it was."""
    odd = "Ümlaut \U0001f600 \" \\ : # {x} [y] 'z' | > % @ \t\n---\n" + 2000 * "long "
    schema = layout.schema_of(("x", "mass"), {"name": odd, "context": {"a": 1e-300}})
    layout.write_stars(tmp_path / "f.parquet", schema, [])
    table, header = read_table(tmp_path / "f.parquet")
    assert header == {"name": odd, "context": {"a": 1e-300}}
    assert table["mass"].unit == "Msun"


def test_chosen_columns_in_their_order(mock, write):
    made = write(columns=["age", "mass", "x"])
    table = QTable.read(made.files[2])
    assert table.colnames == ["age", "mass", "x"]
    assert table["mass"].value.sum(dtype=float) / 1e10 == pytest.approx(len(table) / N, rel=1e-5)
    expected = mock.freeze(CONTEXT, n=N, seed=3).arrays(columns=("age",))["age"]
    np.testing.assert_array_equal(table["age"].value, expected[2 * SIZE :])


def test_the_stars_do_not_depend_on_the_files(write):
    names = ["x", "fe_h"]
    one, three = write(columns=names), write("finer", columns=names, partition=4000)
    assert len(three.files) == 5  # rounded up to 4096 stars
    both = [pyarrow.dataset.dataset(made.folder).to_table() for made in (one, three)]
    for name in names:
        np.testing.assert_array_equal(*(table[name].to_numpy() for table in both))


def test_files_that_are_not_whole_are_made_again(write, hashes):
    made = write()
    whole = hashes(made.folder)
    first, second, third = made.files
    kept = third.stat().st_mtime_ns
    first.unlink()
    second.write_bytes(second.read_bytes()[:-200])
    left_over = made.folder / ".part-00000-abcd1234.parquet"
    left_over.write_bytes(b"half")
    assert write().kept == 1
    assert hashes(made.folder) == whole
    assert third.stat().st_mtime_ns == kept
    second.write_bytes(first.read_bytes())  # whole, but another part
    assert write().kept == 2
    assert hashes(made.folder) == whole
    assert write().kept == 3


@pytest.mark.parametrize(
    ("error", "raised"),
    [(KeyboardInterrupt(), KeyboardInterrupt), (OSError(errno.ENOSPC, "No space left"), OSError)],
)
def test_whole_files_survive_what_goes_wrong(write, hashes, monkeypatch, error, raised):
    whole = hashes(write("whole").folder)
    real, count = parquet.ParquetWriter.write_table, iter(range(10))

    def failing(self, *args, **kwargs):
        if next(count) == 2:
            raise error
        return real(self, *args, **kwargs)

    monkeypatch.setattr(parquet.ParquetWriter, "write_table", failing)
    with pytest.raises(raised) as caught:
        write()
    if raised is OSError:
        assert "part-00002.parquet: cannot be written" in str(caught.value)
        assert "No space left" in str(caught.value)
    monkeypatch.setattr(parquet.ParquetWriter, "write_table", real)
    folder = write("whole").folder.with_name("catalogue")
    assert hashes(folder) == {name: whole[name] for name in FILES[:3]}
    assert write().kept == 2
    assert hashes(folder) == whole


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n": N + 1}, "stars 20000 and not 20001"),
        ({"seed": 4}, "seed 3 and not 4"),
        ({"context": {"log10_mstar": 9.0}}, "context.log10_mstar 10.0 and not 9.0"),
        ({"partition": 4096}, "stars_per_file 8192 and not 4096"),
        ({"columns": ["x"]}, "columns.y kpc and not None"),
    ],
)
def test_the_folder_of_another_catalogue_is_refused(write, hashes, changes, message):
    folder = write().folder
    before = hashes(folder)
    with pytest.raises(FileExistsError, match=message) as caught:
        write(**changes)
    assert "\n" not in str(caught.value)
    assert hashes(folder) == before


def test_other_models_and_versions_are_another_catalogue(write, monkeypatch):
    folder = write().folder
    accurate = galflowlab.load("mock_accurate")
    with pytest.raises(FileExistsError, match=r"model\.sha256"):
        write_catalogue(
            accurate, N, accurate.complete(CONTEXT), folder, seed=3, partition=SIZE, progress=False
        )
    description = json.loads((folder / DESCRIPTION).read_text())
    description["versions"]["numpy"] = "1.0"
    (folder / DESCRIPTION).write_text(json.dumps(description))
    with pytest.raises(FileExistsError, match=r"versions\.numpy 1\.0 and not"):
        write()
    for text in ("{", "[" * 10**5, '{"kind":' * 900 + "1" + "}" * 900):
        (folder / DESCRIPTION).write_text(text)
        with pytest.raises(OSError, match=r"_catalogue\.json: d") as caught:
            write()
        assert len(str(caught.value)) < 800
    description |= {"seed": "\x1b[2J\n" + 5000 * "x"}
    (folder / DESCRIPTION).write_text(json.dumps(description))
    with pytest.raises(FileExistsError, match=r"seed '\\x1b\[2J\\nx+… and not 3") as caught:
        write()
    assert len(str(caught.value)) < 400
    for other in ([1, 2], "text", {"kind": "cookbook"}):
        (folder / DESCRIPTION).write_text(json.dumps(other))
        with pytest.raises(FileExistsError, match="does not describe a catalogue"):
            write()


def test_folders_that_are_no_catalogue_are_refused(write, tmp_path):
    (tmp_path / "catalogue").mkdir()
    (tmp_path / "catalogue" / "thesis.tex").write_text("years of work")
    (tmp_path / "catalogue" / ".notes-abcd1234.json").write_text("mine")
    (tmp_path / "catalogue" / ".lock").write_text("of another program")
    with pytest.raises(FileExistsError, match="is not empty and no catalogue"):
        write()
    left = sorted(path.name for path in (tmp_path / "catalogue").iterdir())
    assert left == [".lock", ".notes-abcd1234.json", "thesis.tex"]
    (tmp_path / "catalogue" / "thesis.tex").unlink()
    write()
    assert (tmp_path / "catalogue" / ".lock").read_text() == "of another program"
    assert (tmp_path / "catalogue" / ".notes-abcd1234.json").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError, match="is a file"):
        write("file")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        write("no/such/folder")
    with (
        FileLock(tmp_path / "catalogue" / ".galflowlab-catalogue.lock"),
        pytest.raises(BlockingIOError, match="another process"),
    ):
        write()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n": 0}, "at least one star"),
        ({"partition": 0}, "at least one star"),
        ({"n": 10**12, "partition": 1}, "expected at most 100000 files, got 244140625"),
        ({"columns": ["colour"]}, r"unknown columns \['colour'\]"),
        ({"columns": []}, "expected distinct columns, at least one"),
        ({"columns": "age"}, "a list of columns, got the string 'age'"),
        ({"workers": 1.5}, "a whole number of workers, got 1.5"),
        ({"columns": ["x", "x"]}, "expected distinct columns"),
        ({"context": {"colour": 1}}, "unknown context"),
        ({"seed": -1}, "expected a seed of at least 0"),
        ({"seed": np.random.default_rng(1)}, "expected an integer seed"),
        ({"workers": 0}, "expected at least one worker"),
    ],
)
def test_bad_requests_leave_nothing(write, tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        write(**changes)
    assert list(tmp_path.iterdir()) == []


def test_extrapolation_warns(write):
    with pytest.warns(galflowlab.ExtrapolationWarning, match="log10_mstar"):
        write(n=10, context={"log10_mstar": 13.0})


def test_a_worker_that_is_not_like_the_others_says_so(mock, write, monkeypatch):
    made = write(n=100)
    description = json.loads((made.folder / DESCRIPTION).read_text())
    work = parts.Work(made.folder, ("x",), "0", "cpu", parts.versions(), description)
    part = parts.Part("part-00000.parquet", "p", mock.complete(CONTEXT), 1, 10, 0, 10)
    monkeypatch.setattr(parts, "version", lambda name: "0.1")
    with pytest.raises(ValueError, match=r"has numpy 0\.1, torch 0\.1.*; expected galflowlab"):
        parts.make_far(part, b"", work)
    (made.folder / DESCRIPTION).write_text(json.dumps(description | {"seed": 4}))
    with pytest.raises(
        FileExistsError, match=r"the worker on .* another folder .*seed 4 and not 3"
    ):
        parts.make_far(part, b"", work)
    (made.folder / DESCRIPTION).unlink()
    with pytest.raises(FileNotFoundError, match="does not see this folder"):
        parts.make_far(part, b"", work)


@pytest.mark.slow
def test_a_process_that_dies_is_told_of(mock, tmp_path, capfd):
    work = parts.Work(tmp_path, ("x",), "0", "cpu", parts.versions(), {})
    part = parts.Part("part-00000.parquet", "p", mock.complete(CONTEXT), 1, 10, 0, 10)
    with pytest.raises(ChildProcessError, match=r"a process has died.* run again to go on"):
        list(running.in_processes(b"no model, so that none can begin", work, [part], 2))
    assert "not a safetensors file" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_process_draws_on_one_core(mock, tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    model, context = parts.model_bytes(mock), multiprocessing.get_context("spawn")
    work = parts.Work(tmp_path, ("x",), "0", "cpu", parts.versions(), {})
    initial = (model, work, context.Event())
    with ProcessPoolExecutor(1, context, running._begin, initial) as pool:
        assert pool.submit(available_cores).result() == 1


KILLED = {"seed": 3, "columns": ["x"], "partition": 16_384, "progress": False}
KILLED_STARS, KILLED_FILES = 800_000, 49


@pytest.fixture(scope="module")
def whole(mock, tmp_path_factory, hashes):
    """Hashes of the catalogue that nobody kills."""
    folder = tmp_path_factory.mktemp("whole") / "catalogue"
    write_catalogue(mock, KILLED_STARS, CONTEXT, folder, **KILLED)
    return hashes(folder)


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["command", "both, by control-c"])
def test_a_killed_run_goes_on(mock, whole, tmp_path, hashes, victim):
    """One process ends what two workers began, as if it had done so from the beginning."""
    folder = tmp_path / "killed"
    words = ["sample", "--log10-mstar", 10, "--mean-metallicity", 0.009, "-n", KILLED_STARS]
    words += ["--seed", 3, "--columns", "x", "--quiet", "--format", "parquet"]
    words += ["--partition-stars", 16_384, "--workers", 2, "-o", folder]
    process = subprocess.Popen(
        [sys.executable, "-m", "galflowlab.cli", *map(str, words)],
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    while len(list(folder.glob("part-*"))) < 3:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.001)
    if victim == "command":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=60)
    if victim == "command":
        assert process.returncode == -signal.SIGKILL
    else:
        assert (process.returncode, error) == (130, "interrupted\n")
    made = wait_for_workers(folder)
    assert 3 <= len(made) < KILLED_FILES
    assert {parquet.read_metadata(path).num_rows for path in made} == {16_384}
    again = write_catalogue(mock, KILLED_STARS, CONTEXT, folder, **KILLED)
    assert (again.kept, len(again.files)) == (len(made), KILLED_FILES)
    assert hashes(folder) == whole


def wait_for_workers(folder):
    """Files that are there when workers have noticed that their parent is no more."""
    made = None
    while made != (made := sorted(folder.glob("part-*"))):
        time.sleep(0.5)
    return made
