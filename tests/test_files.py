"""Files appear whole or not at all."""

import os
import time

import pytest

from galflowlab.files import replacing


def test_a_file_is_replaced_when_the_block_succeeds(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with replacing(target) as partial:
        assert partial.suffix == ".txt"
        partial.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.txt"]


def write_half(target):
    with replacing(target) as partial:
        partial.write_text("ne")
        raise RuntimeError("half-way")


def test_a_failure_leaves_everything_as_it_was(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError, match="half-way"):
        write_half(target)
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_the_file_has_the_rights_of_any_new_file(tmp_path):
    plain = tmp_path / "plain"
    plain.touch()
    with replacing(tmp_path / "ours") as partial:
        partial.touch()
    assert (tmp_path / "ours").stat().st_mode == plain.stat().st_mode


def test_rights_are_not_asked_for_while_threads_may_make_files(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "umask")
    with replacing(tmp_path / "ours") as partial:
        partial.touch()


def test_relative_names_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with replacing("a.txt") as partial:
        partial.write_text("x")
    assert (tmp_path / "a.txt").read_text() == "x"


def test_what_is_being_written_is_hidden(tmp_path):
    """Should the process be killed, nobody takes what is left for a galaxy."""
    with replacing(tmp_path / "galaxy.hdf5") as partial:
        assert partial.parent == tmp_path
        assert partial.name.startswith(".galaxy")
        assert partial.suffix == ".hdf5"


def test_what_killed_processes_left_long_ago_is_removed(tmp_path):
    long_ago = time.time() - 2 * 86_400
    old = (".a[1]-abcd_123.txt", ".a[1]-b-abcd_123.txt", ".a[1]-abcd_123.csv", ".a1-abcd_123.txt")
    for name in (*old, ".a[1]-notes.txt", "a[1]-abcd_124.txt", ".a[1]-efgh5678.txt"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (long_ago, long_ago))
    os.utime(tmp_path / ".a[1]-efgh5678.txt")  # somebody may be writing it
    (tmp_path / ".a[1]-folder12.txt").mkdir()
    (tmp_path / ".a[1]-linked12.txt").symlink_to(tmp_path / "absent")
    for name in (".a[1]-folder12.txt", ".a[1]-linked12.txt"):
        os.utime(tmp_path / name, (long_ago, long_ago), follow_symlinks=False)
    before = {path.name for path in tmp_path.iterdir()}
    with replacing(tmp_path / "a[1].txt") as partial:
        partial.write_text("new")
    assert {path.name for path in tmp_path.iterdir()} == before - {old[0]} | {"a[1].txt"}


def test_a_folder_that_is_not_there_is_the_error(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "absent" / "a.txt"):
        pass
