"""`galflowlab convert`: a published model becomes a file of ours, or nothing is written."""

import argparse

import numpy as np
import pytest
import torch

import galflowlab
from galflowlab.commands import convert as commands_convert
from tests import published


@pytest.fixture
def convert(tmp_path):
    def run(model, output):
        parser = argparse.ArgumentParser()
        commands_convert.add_to(parser.add_subparsers())
        arguments = parser.parse_args(["convert", str(model), str(output)])
        return arguments.run(arguments)

    return run


@pytest.fixture
def model(tmp_path):
    torch.save(published.checkpoint(), tmp_path / "model.pth")
    return tmp_path / "model.pth"


@pytest.mark.parametrize("kind", ["NSF_CL", "NSF_CL2"])
def test_the_file_holds_the_same_model(model, convert, tmp_path, capsys, kind):
    torch.save(published.checkpoint(kind), model)
    output = tmp_path / "model.safetensors"
    convert(model, output)
    out = capsys.readouterr().out
    assert f"{output}: " in out
    assert "log10_mstar (8.4" in out
    ours, theirs = galflowlab.load(output), galflowlab.load(model)
    context = {"log10_mstar": 9.7}
    for name, values in theirs.freeze(context, n=200, seed=1).arrays().items():
        np.testing.assert_array_equal(ours.freeze(context, n=200, seed=1).arrays()[name], values)
    convert(model, output)  # again, in its place
    assert {path.name for path in tmp_path.iterdir()} == {"model.pth", "model.safetensors"}


def test_what_does_not_come_back_the_same_is_not_kept(model, convert, tmp_path, monkeypatch):
    output = tmp_path / "model.safetensors"
    output.write_text("an older file")
    torch.save(published.checkpoint(seed=5), tmp_path / "other.pth")
    other = galflowlab.load(tmp_path / "other.pth")
    monkeypatch.setattr(galflowlab, "load", lambda path: other)
    with pytest.raises(OSError, match="what was written is not what was read; nothing is kept"):
        convert(model, output)
    assert output.read_text() == "an older file"
    assert len(list(tmp_path.iterdir())) == 3


def test_bad_files_and_places_are_refused(model, convert, tmp_path):
    with pytest.raises(ValueError, match=r"written as \.safetensors"):
        convert(model, tmp_path / "model.pt")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        convert(model, tmp_path / "absent" / "model.safetensors")
    with pytest.raises(FileNotFoundError, match="no such file"):
        convert(tmp_path / "absent.pth", tmp_path / "model.safetensors")
    model.write_bytes(model.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"model\.pth: not a readable"):
        convert(model, tmp_path / "model.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["model.pth"]


def test_a_file_of_ours_needs_no_conversion(model, convert, tmp_path):
    ours, output = tmp_path / "ours.safetensors", tmp_path / "new.safetensors"
    convert(model, ours)
    with pytest.raises(ValueError, match=r"ours\.safetensors: is a file of ours already"):
        convert(ours, output)
    ours.write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"ours\.safetensors: not a safetensors file"):
        convert(ours, output)
    model.rename(tmp_path / "misnamed.safetensors")
    convert(tmp_path / "misnamed.safetensors", output)
    assert galflowlab.load(output).n_parameters
