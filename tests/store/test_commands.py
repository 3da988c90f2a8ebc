"""`galflowlab prepare` and `galflowlab train`: from files to a store to a model."""

import csv

import numpy as np
import pytest

import galflowlab
from galflowlab.cli import main
from galflowlab.data import prepare
from galflowlab.store import StarStore


@pytest.fixture
def folder(galaxies, tmp_path):
    files = tmp_path / "files"
    files.mkdir()
    for galaxy in galaxies:
        galaxy.write(files / f"{galaxy.name}.hdf5")
    (files / "notes.txt").write_text("not a galaxy")
    return files


def test_galaxies_are_prepared_stored_and_learned(folder, galaxies, tmp_path, capsys):
    store, model, log = tmp_path / "store", tmp_path / "model.safetensors", tmp_path / "log.csv"
    assert main(["prepare", str(folder), "-o", str(store), "--quiet"]) == 0
    assert "12 galaxies" in capsys.readouterr().out
    stored = StarStore(store)
    expected = {g.name: prepare(g) for g in galaxies}
    assert set(stored.names) == set(expected)
    assert stored.counts.tolist() == [len(expected[name]) for name in stored.names]
    cuts = stored.provenance[0]["cuts"]
    assert [c["name"] for c in cuts] == [c.name for c in expected[stored.names[0]].provenance.cuts]
    budget = ["--stars-seen", "2000", "--batch", "250", "--quiet", "--log", str(log)]
    assert main(["train", str(store), "-o", str(model), *budget]) == 0
    edf = galflowlab.load(model)
    assert set(edf.card["training"]["names"]) < set(stored.names)
    assert not list(tmp_path.glob("*.partial.safetensors"))
    before = model.read_bytes()
    capsys.readouterr()
    assert main(["train", str(store), "-o", str(model), *budget]) == 2
    assert "trained already" in capsys.readouterr().err
    assert model.read_bytes() == before
    with log.open(newline="") as file:
        assert [int(row["stars_seen"]) for row in csv.DictReader(file)][-1] == 2000


def test_stars_may_be_taken_as_they_are(folder, galaxies, tmp_path):
    store = tmp_path / "store"
    assert main(["prepare", f"{folder}/*.hdf5", "-o", str(store), "--as-given", "--quiet"]) == 0
    assert StarStore(store).n_stars == sum(map(len, galaxies))


def test_the_order_of_the_files_does_not_matter(folder, tmp_path):
    names = sorted(str(path) for path in folder.glob("*.hdf5"))
    for name, workers in (("a", "1"), ("b", "2")):
        options = ["--as-given", "--quiet", "--workers", workers]
        assert main(["prepare", str(folder), "-o", str(tmp_path / name), *options]) == 0
    a, b = StarStore(tmp_path / "a"), StarStore(tmp_path / "b")
    assert a.fingerprint() == b.fingerprint()
    assert [f"{name}.hdf5" for name in a.names] == [n.rsplit("/", 1)[1] for n in names]


def test_one_bad_galaxy_stops_or_is_left_out(folder, galaxies, tmp_path, capsys):
    few = galaxies[0].with_stars(galaxies[0].stars[:100])
    few.write(folder / f"{galaxies[0].name}.hdf5")
    store = tmp_path / "store"
    command = ["prepare", str(folder), "-o", str(store), "--quiet"]
    assert main(command) == 2
    assert "star particles" in capsys.readouterr().err
    assert not store.exists()
    assert main([*command, "--keep-going"]) == 0
    said = capsys.readouterr().out
    assert f"left out: {folder}" in said
    assert len(StarStore(store)) == 11


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["prepare", "{files}", "-o", "{files}"], "exists"),
        (["prepare", "{files}/none", "-o", "{out}"], "no such file or folder"),
        (["train", "{store}", "--prepare", "-o", "{model}"], "prepared as it is"),
        (["train", "{store}", "{files}", "-o", "{model}"], "trained on alone"),
        (["train", "{store}", "-o", "{model}", "--log", "{out}/no/log.csv"], "no such folder"),
    ],
)
def test_what_cannot_be_is_said(folder, store, tmp_path, capsys, words, message):
    places = {
        "files": folder,
        "store": store.path,
        "out": tmp_path / "out",
        "model": tmp_path / "model.safetensors",
    }
    assert main([word.format(**places) for word in words]) == 2
    assert message in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["files"]


def test_a_trained_store_is_the_same_as_its_stars_say(folder, tmp_path):
    """The sample that transforms are fitted to is of every galaxy."""
    store = tmp_path / "store"
    assert main(["prepare", str(folder), "-o", str(store), "--as-given", "--quiet"]) == 0
    training, held = StarStore(store).split(0.1, np.random.default_rng(1))
    assert [len(stars) for stars in training.sample().stars] == [700] * 11
    assert [len(stars) for stars in held.stars] == [700]
