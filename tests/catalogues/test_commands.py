"""`galflowlab sample` into a folder, and `galflowlab population`."""

import socket

import numpy as np
import pytest
from astropy.table import QTable

import galflowlab
from galflowlab import cli
from galflowlab.commands import workers


def run(*arguments):
    return cli.main([str(a) for a in arguments])


SAMPLE = ("sample", "--log10-mstar", 9.3, "--seed", 1, "--quiet")


def test_sample_writes_a_folder_and_goes_on(mock, tmp_path, capsys):
    folder = tmp_path / "stars"
    command = (*SAMPLE, "-n", "1e4", "--format", "parquet", "--partition-stars", 4096, "-o", folder)
    assert run(*command, "--columns", "x", "age") == 0
    text = capsys.readouterr().out
    assert f"{folder}: 10000 stars in 3 files, log10_mstar=9.3" in text
    assert "outside" not in text
    stars = QTable.read(folder / "part-00000.parquet")
    expected = mock.freeze({"log10_mstar": 9.3}, n=10_000, seed=1).arrays(columns=("x", "age"))
    for name, values in expected.items():
        np.testing.assert_array_equal(stars[name].value, values[:4096])
    (folder / "part-00001.parquet").unlink()
    assert run(*command, "--columns", "x", "age") == 0
    assert "10000 stars in 3 files (2 were there)" in capsys.readouterr().out
    assert run(*command) == 2
    assert "holds another catalogue" in capsys.readouterr().err


def test_sample_says_when_it_extrapolates(tmp_path, capsys):
    command = ("sample", "--log10-mstar", 13, "--seed", 1, "--quiet", "-n", 10)
    assert run(*command, "--format", "parquet", "-o", tmp_path / "stars") == 0
    streams = capsys.readouterr()
    assert "(outside the training population)" in streams.out
    assert streams.err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "folder"), "or --format parquet for a folder"),
        (("-o", "x.fits", "--workers", 2), "--workers: only for a folder"),
        (("-o", "x.fits", "--columns", "x", "--partition-stars", 9), "--columns, --partition-st"),
        (("-o", "x.parquet", "--format", "parquet"), "expected the name of a folder"),
        (("-o", "no/such", "--format", "parquet"), "no such folder"),
        (("-o", "f", "--format", "parquet", "--columns", "colour"), "unknown columns ['colour']"),
        (("-o", "f", "--format", "parquet", "--scheduler", "nonsense://x"), "nonsense://x: expect"),
    ],
)
def test_errors_of_sample_are_one_line(tmp_path, monkeypatch, capsys, arguments, message):
    if "--scheduler" in arguments:
        pytest.importorskip("distributed", reason="the cluster extra is not installed")
    monkeypatch.chdir(tmp_path)
    assert run(*SAMPLE, *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("galflowlab sample: ")
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_scheduler_that_does_not_answer(tmp_path, monkeypatch, capsys):
    pytest.importorskip("distributed", reason="the cluster extra is not installed")
    monkeypatch.setattr(workers, "_TIMEOUT", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        command = (*SAMPLE, "--format", "parquet", "-o", tmp_path / "f", "--scheduler", address)
        assert run(*command) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert f"galflowlab sample: {address}: no Dask scheduler answers" in last
    assert list(tmp_path.iterdir()) == []


def test_population(mock, tmp_path, capsys):
    folder = tmp_path / "galaxies"
    command = ("population", "--n-galaxies", 3, "--seed", 2, "--quiet", "-o", folder)
    options = ("--star-mass", "1e8", "--mass-function", "baldry12")
    assert run(*command, *options) == 0
    index = QTable.read(folder / "_index.parquet")
    stars = int(index["stars"].sum())
    assert f"{folder}: 3 galaxies, {stars} stars" in capsys.readouterr().out
    for row in index:
        mass = galflowlab.read(folder / row["file"]).stars["mass"].value
        assert mass.sum(dtype=float) == pytest.approx(10 ** row["log10_mstar"].value, rel=1e-4)
        assert len(mass) == max(1, round(10 ** row["log10_mstar"].value / 1e8))
    assert run(*command, *options) == 0
    assert "3 galaxies (3 were there)" in capsys.readouterr().out
    assert run(*command) == 2
    assert "holds another catalogue" in capsys.readouterr().err
