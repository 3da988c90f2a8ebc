"""`galflowlab prepare` where there is nothing to prepare."""

import sys

import pytest

from galflowlab import mocks
from galflowlab.cli import main
from galflowlab.store import write_store


@pytest.mark.parametrize("words", [["prepare", "-o", "new", "--quiet"], ["evaluate", "mock"]])
def test_a_store_has_its_command(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_store(mocks.make_suite(1, 60, seed=1), "store", seed=1)
    assert main([*words, "store"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"galflowlab {words[0]}: store: is a store; galflowlab train takes it")
    assert not (tmp_path / "new").exists()


def test_what_is_left_out_is_told_even_if_it_is_everything(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pynbody", None)
    for name in ("a.00128", "b.00128"):
        (tmp_path / name).write_bytes(b"x")
    words = ["prepare", str(tmp_path), "-o", str(tmp_path / "store"), "--keep-going", "--quiet"]
    assert main(words) == 2
    out = capsys.readouterr().out
    assert out.count("left out: ") == out.count("need pynbody") == 2
