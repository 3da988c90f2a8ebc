"""``galflowlab evaluate`` on galaxies from files, and with a page."""

import json
from dataclasses import replace

import pytest

import galflowlab
from galflowlab import cli, mocks
from galflowlab.commands.inputs import with_truth


def run(*arguments):
    return cli.main([str(a) for a in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A mock, and a galaxy that looks like one."""
    folder = tmp_path_factory.mktemp("galaxies")
    for i, galaxy in enumerate(mocks.make_suite(2, 400, seed=9, scatter=0.0)):
        name = galaxy.name if i else "real"
        replace(galaxy, name=name).write(folder / f"{i}.hdf5")
    return folder


def test_galaxies_from_files(folder, tmp_path, capsys):
    result = tmp_path / "r.json"
    assert run("evaluate", "mock", folder, "--json", result) == 0
    data = json.loads(result.read_text())
    assert data["data"] == [str(folder)]
    by_name = {row["name"]: row for row in data["galaxies"]}
    assert by_name["real"]["kl"] is None
    (mock,) = (row for name, row in by_name.items() if name != "real")
    assert data["kl"] == mock["kl"] > 0
    text = capsys.readouterr().out
    assert f"{by_name['real']['nll']:.4f}" in text
    assert f"mean KL(truth‖model) {data['kl']:.4f} over 1 galaxies" in text
    assert run("evaluate", "mock", folder / "1.hdf5") == 0
    assert f"{mock['entropy']:.3f}" in capsys.readouterr().out


def test_truth_comes_back_only_to_the_stars_it_made(folder):
    galaxy = galflowlab.read(folder / "1.hdf5")
    assert galaxy.truth is None
    assert with_truth(galaxy).truth is not None
    impostor = replace(galflowlab.read(folder / "0.hdf5"), name=galaxy.name)
    assert with_truth(impostor).truth is None
    assert with_truth(galaxy.with_stars(galaxy.stars[:300])).truth is None
    assert with_truth(replace(galaxy, name="mock_m9.000_s1_x7")).truth is None


@pytest.mark.slow
def test_page_and_json(folder, tmp_path, capsys):
    page = tmp_path / "r.html"
    command = ("evaluate", "mock", folder / "1.hdf5", "-o", page, "--seed", 3)
    assert run(*command, "--size", 100, "--resamples", 5, "--examined", 1) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["r.html", "r.json"]
    record = json.loads((tmp_path / "r.json").read_text())["record"]
    assert record["command"].startswith("galflowlab evaluate mock ")
    assert record["command"].endswith("--seed 3 --size 100 --resamples 5 --examined 1")
    assert record["seed"] == 3
    assert record["model"]["source"] == "mock"
    assert len(record["model"]["sha256"]) == 64
    text = capsys.readouterr().out
    assert "Error: " in text
    assert f"{page}, {tmp_path / 'r.json'}: written" in text
    assert "<h1>mock</h1>" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "r.pdf"), "written as .html"),
        (("-o", "no/such/r.html"), "no such folder"),
        (("--json", "no/such/r.json"), "no such folder"),
        (("-o", "r.html", "--json", "r.html"), "different files"),
        (("absent.hdf5",), "absent.hdf5"),
    ],
)
def test_errors_come_before_the_work(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert run("evaluate", "mock", *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())
