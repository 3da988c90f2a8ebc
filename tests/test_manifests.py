"""Manifests of data sets: what ships is valid, what is not valid says why."""

import pytest

from galflowlab.data import Manifest, manifest, manifests
from galflowlab.data import readers as readers_package
from galflowlab.data.manifests import READERS, parse
from galflowlab.data.readers.nihao import ROWS

GOOD = """
title = "t"
description = "d"
origin = "zenodo"
doi = "10.5281/zenodo.1"
files = "f"
licence = "See the record."
citation = ["c"]
reader = "nihao"
cosmology = "c"
know_before_use = ["k"]
[columns]
x = "kpc"
y = "kpc"
z = "kpc"
vx = "km/s"
vy = "km/s"
vz = "km/s"
age = "Gyr"
mass = "Msun"
"""


def test_shipped_manifests():
    assert manifests() == ("mock", "nihao")
    for name in manifests():
        assert isinstance(manifest(name), Manifest)
        assert manifest(name).name == name


def test_nihao_is_what_its_reader_expects():
    nihao = manifest("nihao")
    assert tuple(nihao.columns) == ROWS
    assert nihao.doi == "10.5281/zenodo.8389554"
    assert nihao.licence == "See the record."


def test_readers_exist():
    for name in READERS:
        __import__(f"{readers_package.__name__}.{name}")


def test_unknown_name():
    with pytest.raises(ValueError, match=r"no data set 'tng'; there are mock, nihao"):
        manifest("tng")
    with pytest.raises(ValueError, match="no data set"):
        manifest("../pyproject")


def test_good():
    good = parse("good", GOOD)
    assert good.citation == ("c",)
    assert good.columns["mass"] == "Msun"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "t"', "title = ", "is not TOML"),
        ('title = "t"', "", r"\['title'\] are missing"),
        ('title = "t"', 'title = " "', r"\['title'\] should not be empty"),
        ('title = "t"', "title = 3", "'title' should be a text"),
        ('title = "t"', 'title = "t"\nname = "other"', r"\['name'\] are unknown"),
        ('["c"]', '"c"', "'citation' should be a list of texts"),
        ('["c"]', "[]", r"\['citation'\] should not be empty"),
        ('["k"]', "[1]", "'know_before_use' should be a list of texts"),
        ('"zenodo"', '"ftp"', "origin 'ftp' should be one of"),
        ('"nihao"', '"eval"', "reader 'eval' should be one of"),
        ('doi = "10.5281/zenodo.1"', "", "needs a doi"),
        ("10.5281/zenodo.1", "zenodo.1", "should be a DOI"),
        ('x = "kpc"', "", r"\['x'\] are missing"),
        ('x = "kpc"', 'x = "kpc"\nw = "kpc"', r"\['w'\] are unknown"),
        ('x = "kpc"', 'x = "Mpc"', "'x' is in 'Mpc'; expected kpc"),
        ('x = "kpc"', 'x = "parrots"', "'x' has no unit"),
        ('x = "kpc"', "x = 1", "'columns' should be a table of texts"),
    ],
)
def test_bad(old, new, message):
    assert old in GOOD
    with pytest.raises(ValueError, match=rf"manifest 'bad'.*{message}"):
        parse("bad", GOOD.replace(old, new, 1))


def test_installed_manifests_come_first(tmp_path, monkeypatch):
    (tmp_path / "_manifests").mkdir()
    (tmp_path / "_manifests" / "other.toml").write_text(GOOD)
    monkeypatch.setattr("importlib.resources.files", lambda package: tmp_path)
    assert manifests() == ("other",)
    assert manifest("other").title == "t"
