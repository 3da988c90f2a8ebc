"""`galflowlab fetch` and `galflowlab data`."""

import argparse

import pytest

from galflowlab.commands import data as commands_data
from galflowlab.data import OfflineError, manifests


@pytest.fixture
def run(capsys):
    """Run a command, return what it prints."""
    parser = argparse.ArgumentParser()
    commands_data.add_to(parser.add_subparsers(required=True))

    def run(*words):
        arguments = parser.parse_args([str(word) for word in words])
        arguments.run(arguments)
        return capsys.readouterr().out

    return run


@pytest.fixture
def mine(server, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(server.text())
    return path


def test_fetch(run, mine, server, cache):
    out = run("fetch", mine, "--quiet").splitlines()
    assert out[:3] == [str(cache / "data" / "mine" / name) for name in server.files]
    assert out[3:] == ["licence: See the record (cc-by-4.0)", "please cite:", "  Author 2024"]


def test_fetch_some_to_a_folder(run, mine, tmp_path):
    folder = tmp_path / "there"
    words = ["fetch", mine, "--file", "a.*", "--file", "b.bin", "--to", folder, "--quiet"]
    run(*words)
    assert sorted(path.name for path in folder.iterdir()) == ["a.bin", "b.bin"]
    assert str(folder / "a.bin") in run(*words, "--offline")


def test_fetch_offline(run, mine):
    with pytest.raises(OfflineError, match="mine: offline, and it has never been fetched"):
        run("fetch", mine, "--offline")


def test_data(run):
    out = run("data")
    for name in manifests():
        assert f"\n{name} " in f"\n{out}"
    assert "Wolf & Buck 2023" in out
    assert out.count("not present") == len(manifests()) - 1  # mocks are made
    assert max(len(line) for line in out.splitlines()[:-1]) < 100


def test_data_about_one(run, mine):
    assert "not present" in run("data", mine)
    run("fetch", mine, "--quiet")
    out = run("data", mine)
    assert "3 files, 300 kB" in out
    assert "See the record (cc-by-4.0)" in out
    assert "none: these are not star particles" in out


def test_data_about_gamma(run):
    out = " ".join(run("data", "gamma").split())
    assert "It cannot train a model here" in out


def test_your_manifest_does_not_take_a_known_name(run, server, tmp_path):
    (tmp_path / "nihao.toml").write_text(server.text())
    with pytest.raises(ValueError, match="'nihao' comes with the package; rename"):
        run("data", tmp_path / "nihao.toml")
