"""Manifests of data sets: what ships is valid, what is not valid says why."""

import pytest

from galflowlab.data import Manifest, manifest, manifests, read_all
from galflowlab.data import readers as readers_package
from galflowlab.data.addresses import checked, shown
from galflowlab.data.manifests import READERS, match_file_name, parse
from galflowlab.data.readers.nihao import ROWS
from tests.readers.simulated import HEADER, write_gizmo

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
units = "u"
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
    assert manifests() == ("auriga", "eagle", "fire2", "gamma", "mock", "nihao", "tng")
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
    with pytest.raises(ValueError, match=r"no data set 'simba'; there are auriga, eagle"):
        manifest("simba")
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
        ('title = "t"', f"title = {5000 * '['}", "is not TOML"),
        ('title = "t"', "", r"\['title'\] are missing"),
        ('title = "t"', 'title = " "', r"\['title'\] should not be empty"),
        ('title = "t"', "title = 3", "'title' should be a text"),
        ('title = "t"', 'title = "t"\nname = "other"', r"\['name'\] are unknown"),
        ('["c"]', '"c"', "'citation' should be a list of texts"),
        ('["c"]', "[]", r"\['citation'\] should not be empty"),
        ('["k"]', "[1]", "'know_before_use' should be a list of texts"),
        ('units = "u"', "", r"\['units'\] are missing"),
        ('"zenodo"', '"ftp"', "origin 'ftp' should be one of"),
        ('"nihao"', '"eval"', "reader 'eval' should be one of"),
        ('doi = "10.5281/zenodo.1"', "", "needs 'doi'"),
        ("10.5281/zenodo.1", "zenodo.1", "should be a DOI"),
        ("10.5281/zenodo.1", "10.1000/1", "should be a DOI of Zenodo"),
        ('"zenodo"', '"url"', "origin 'url' needs 'url'"),
        ('"zenodo"', '"tng"', "origin 'tng' needs 'url'"),
        ('"zenodo"', '"generated"', "origin 'generated' needs 'how'"),
        ('"zenodo"', '"by hand"', "origin 'by hand' needs 'page'"),
        ("files =", 'page = "http://example.org"\nfiles =', "'page'.*should begin with https"),
        ("files =", 'api = "https://a:b@c.org"\nfiles =', "'api'.*a user name or a password"),
        ("files =", 'url = "https://a.org/{x}"\nfiles =', "different placeholders"),
        ("files =", 'listed = ["../a"]\nfiles =', "listed file '../a' should look like"),
        ('reader = "nihao"', "", "has columns but no reader"),
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


URL = """
url = "https://example.org/{run}/snap_{number}/{run}.bin"
file_name = "{run}/{number}.bin"
listed = ["m12_i/600.bin"]
"""


def with_url(more="", text=URL):
    text = GOOD.replace('origin = "zenodo"', f'origin = "url"{text}')
    return parse("bad", text + more)


def test_pattern():
    assert with_url().listed == ("m12_i/600.bin",)
    good = f"md5:{32 * '0'}"
    assert with_url(f'[hashes]\n"m12_i/600.bin" = "{good}"\n').hashes == {"m12_i/600.bin": good}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("m12_i/600.bin", "m12_i/600.npy", "listed file 'm12_i/600.npy' should look like"),
        ("m12_i/600.bin", "../600.bin", "listed file"),
        ("m12_i/600.bin", "m 12/600.bin", "listed file"),
        ('file_name = "{run}/', 'file_name = "', "different placeholders"),
        ("https:", "http:", "'url'.*should begin with https"),
        ("{run}/snap", "{run} /snap", "'url'.*is not an address"),
    ],
)
def test_bad_pattern(old, new, message):
    with pytest.raises(ValueError, match=message):
        with_url(text=URL.replace(old, new, 1))


@pytest.mark.parametrize("line", ['"m12_i/600.bin" = "md5:12"', f'"x" = "md5:{32 * "0"}"'])
def test_hash_that_is_none(line):
    with pytest.raises(ValueError, match=r"expected md5:… of a listed file"):
        with_url(f"[hashes]\n{line}\n")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("a_1_b.x", {"p": "a", "q": "b"}),
        ("a_1_b/c.x", None),
        (".._1_b.x", None),
        ("a_1_.x", None),
        ("a_1_b?x", None),
        ("a_1_b.x\n", None),
    ],
)
def test_match_file_name(name, values):
    assert match_file_name("{p}_1_{q}.x", name) == values


def test_the_same_placeholder_has_the_same_value():
    assert match_file_name("{p}/{p}.x", "a/a.x") == {"p": "a"}
    assert match_file_name("{p}/{p}.x", "a/b.x") is None


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://example.org/a?b=c", ""),
        ("http://localhost:80/a", ""),
        ("http://127.0.0.1/a", ""),
        ("http://[::1]/a", ""),
        ("http://example.org", "should begin with https://"),
        ("http://127.0.0.1.example.org", "should begin with https://"),
        ("ftp://example.org", "should begin with https://"),
        ("file:///etc/passwd", "is not an address"),
        ("https://a:b@example.org", "a user name or a password"),
        ("https://example.org:x/", "is not an address"),
        ("https://[/", "is not an address"),
        ("https://example.org/a b", "is not an address"),
        ("", "is not an address"),
    ],
)
def test_addresses(url, message):
    if not message:
        assert checked(url) == url
        return
    with pytest.raises(ValueError, match=message):
        checked(url)


def test_secrets_of_an_address_are_not_shown():
    assert shown("https://a:b@example.org:1/c?key=secret#d") == "https://example.org:1/c"


def test_your_own_manifest(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    assert manifest(path).name == manifest(str(path)).name == "mine"
    path.rename(tmp_path / "nihao.toml")
    with pytest.raises(ValueError, match="'nihao' comes with the package"):
        manifest(tmp_path / "nihao.toml")
    with pytest.raises(FileNotFoundError):
        manifest(path)
    path.write_bytes(b"\xff")
    with pytest.raises(ValueError, match=r"mine.toml is not TOML"):
        manifest(path)
    (tmp_path / "A b.toml").write_text(GOOD)
    with pytest.raises(ValueError, match="the name should be made of a-z"):
        manifest(tmp_path / "A b.toml")


def test_gamma_says_that_it_cannot_train():
    gamma = manifest("gamma")
    assert not gamma.reader
    assert not gamma.columns
    assert "cannot train" in gamma.know_before_use[0]


def test_shipped_manifests_say_what_to_do():
    for name in manifests():
        known = manifest(name)
        assert known.origin == "zenodo" or known.how
        assert known.origin == "generated" or known.page


def test_tng_asks_for_all_fields_of_the_reader():
    for field in ("Coordinates", "Velocities", "Masses", "GFM_StellarFormationTime"):
        assert field in manifest("tng").url
    assert match_file_name(manifest("tng").file_name, "TNG50-1_99_0.hdf5") == {
        "simulation": "TNG50-1",
        "snapshot": "99",
        "subhalo": "0",
    }


def test_snapshots_of_fire_are_galaxies_of_different_names(tmp_path):
    fire = manifest("fire2")
    for seed, simulation in enumerate(("m12i_res7100", "m11d_r7100")):
        values = {"simulation": simulation, "snapshot": "600"}
        for chunk in ("0", "1"):
            name = fire.file_name.format(**values, chunk=chunk)
            assert match_file_name(fire.file_name, name) == {**values, "chunk": chunk}
            (tmp_path / name).parent.mkdir(exist_ok=True)
            header = HEADER | {"NumFilesPerSnapshot": 2, "NumPart_Total": [0, 0, 0, 0, 80, 0]}
            write_gizmo(tmp_path / name, {}, header, seed=seed, n=40)
    assert [(galaxy.name, len(galaxy)) for galaxy in read_all(tmp_path)] == [
        ("m11d_r7100_snapshot_600", 80),
        ("m12i_res7100_snapshot_600", 80),
    ]


def test_installed_manifests_come_first(tmp_path, monkeypatch):
    (tmp_path / "_manifests").mkdir()
    (tmp_path / "_manifests" / "other.toml").write_text(GOOD)
    monkeypatch.setattr("importlib.resources.files", lambda package: tmp_path)
    assert manifests() == ("other",)
    assert manifest("other").title == "t"
