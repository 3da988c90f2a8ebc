"""From a DOI to a trained model, as a user types it."""

import io
import zipfile

import numpy as np
import pytest

import galflowlab
from galflowlab import mocks
from galflowlab.cli import main
from galflowlab.data.readers.nihao import ROWS
from galflowlab.store import StarStore


def as_nihao(galaxy):
    """A galaxy in the format of the record."""
    buffer = io.BytesIO()
    np.save(buffer, np.array([galaxy.stars[row].value for row in ROWS], np.float32))
    return buffer.getvalue()


def zipped(galaxies):
    """An archive with galaxies in a folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in galaxies.items():
            archive.writestr(f"inside/{name}", content)
    return buffer.getvalue()


@pytest.fixture
def names(server):
    """A record with galaxies, more of them in an archive, and a model."""
    galaxies = mocks.make_suite(12, 800, seed=4, scatter=0.0)
    files = {}
    for i, galaxy in enumerate(galaxies):
        mass = 50 * 10 ** galaxy.context["log10_mstar"]
        files[f"nihao_g{i + 1}.00e10_{mass:.5f}.npy"] = as_nihao(galaxy)
    packed = {name: files.pop(name) for name in list(files)[:3]}
    server.files = {**files, "more.zip": zipped(packed), "flow_model.pth": b"a model"}
    return [f"g{i + 1}.00e10" for i in range(12)]


def test_from_a_doi_to_a_model(server, names, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(server.text())

    def run(line):
        code = main(line.split())
        said = capsys.readouterr()
        assert code == 0, said.err
        return said.out

    assert "cite" in run("fetch mine.toml --to files --quiet")
    assert f"{len(names)} galaxies" in run("prepare files -o store --quiet")
    assert sorted(StarStore("store").names) == sorted(names)
    run("train store -o model.safetensors --stars-seen 4000 --batch 250 --quiet")
    edf = galflowlab.load("model.safetensors")
    assert set(edf.card["training"]["names"]) < set(names)
    assert "nats per star" in run("evaluate model.safetensors files --prepare")
    run("sample --model model.safetensors --log10-mstar 9.5 -n 1000 --seed 1 -o new.fits")
    assert len(galflowlab.read("new.fits")) == 1000
