"""Weights on disk: lossless, atomic, and never executed."""

import json
import pickle
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import save_file

from galflowlab.checkpoint import read_tensors, write_tensors

TENSORS = {"a": torch.arange(6.0).view(2, 3).T, "b": torch.tensor([1, 2])}
HEADER = {"name": "x", "values": [1, 2.5]}


def test_round_trip(tmp_path):
    path = write_tensors(tmp_path / "m.safetensors", "edf", TENSORS, HEADER)
    tensors, header = read_tensors(path, "edf")
    assert header == HEADER
    assert set(tensors) == set(TENSORS)
    assert all(torch.equal(tensors[k], TENSORS[k]) for k in TENSORS)
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]


def test_failed_write_leaves_the_old_file(tmp_path):
    path = write_tensors(tmp_path / "m.safetensors", "edf", TENSORS, HEADER)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="JSON compliant"):
        write_tensors(path, "edf", TENSORS, {"bad": float("nan")})
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


class Bomb:
    def __reduce__(self):
        return (open, ("exploded", "w"))


def test_pickle_is_refused_and_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bomb = tmp_path / "m.safetensors"
    bomb.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ValueError, match="not a safetensors file"):
        read_tensors(bomb, "edf")
    assert not (tmp_path / "exploded").exists()


def test_other_files_are_refused(tmp_path):
    path = write_tensors(tmp_path / "m.safetensors", "training", TENSORS, HEADER)
    with pytest.raises(ValueError, match="expected a file of kind 'edf', got 'training'"):
        read_tensors(path, "edf")
    save_file({"a": torch.ones(2)}, tmp_path / "plain.safetensors")
    with pytest.raises(ValueError, match="without a galflowlab header"):
        read_tensors(tmp_path / "plain.safetensors", "edf")
    for text in ("[1]", "{", json.dumps({"no": "kind"})):
        save_file({"a": torch.ones(2)}, tmp_path / "odd.safetensors", {"galflowlab": text})
        with pytest.raises(ValueError, match=r"odd\.safetensors"):
            read_tensors(tmp_path / "odd.safetensors", "edf")
    data = path.read_bytes()
    for cut in (0, 4, 60, len(data) - 3):
        (tmp_path / "cut.safetensors").write_bytes(data[:cut])
        with pytest.raises(ValueError, match="not a safetensors file"):
            read_tensors(tmp_path / "cut.safetensors", "edf")
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_tensors(tmp_path / "absent.safetensors", "edf")


def test_a_changed_bit_is_noticed(tmp_path):
    path = write_tensors(tmp_path / "m.safetensors", "edf", TENSORS, HEADER)
    whole = path.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    for place in (8 + length + 3, whole.index(b"2.5"), len(whole) - 1):
        flipped = bytearray(whole)
        flipped[place] ^= 1
        path.write_bytes(bytes(flipped))
        with pytest.raises(ValueError, match="not those that were written"):
            read_tensors(path, "edf")


def test_the_same_content_is_the_same_file(tmp_path):
    files = [
        write_tensors(tmp_path / f"{i}.safetensors", "edf", TENSORS, HEADER) for i in range(20)
    ]
    assert len({path.read_bytes() for path in files}) == 1


def test_files_without_a_hash_are_read(tmp_path):
    """As they were written before there was one."""
    path = tmp_path / "m.safetensors"
    tensors = {name: tensor.contiguous() for name, tensor in TENSORS.items()}
    save_file(tensors, path, {"galflowlab": json.dumps({"kind": "edf", **HEADER})})
    assert read_tensors(path, "edf")[1] == HEADER


REPLACE = """
import sys, torch
from galflowlab.checkpoint import write_tensors
torch.set_num_threads(1)
ones, value = torch.ones(100_000), 0
while True:
    value += 1
    write_tensors(sys.argv[1], "edf", {"a": value * ones}, {"value": value})
"""


def test_reading_while_it_is_replaced_gives_one_or_the_other(tmp_path):
    path = tmp_path / "m.safetensors"
    writer = subprocess.Popen([sys.executable, "-c", REPLACE, str(path)])
    try:
        while not path.exists():
            assert writer.poll() is None
            time.sleep(0.05)
        seen = set()
        for _ in range(500):
            tensors, header = read_tensors(path, "edf")
            assert (tensors["a"] == header["value"]).all()
            seen.add(header["value"])
    finally:
        writer.kill()
        writer.wait()
    assert len(seen) > 2
