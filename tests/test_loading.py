"""Models whose weights are whole and whose other content is not."""

import pytest
import torch

import galflowlab
from galflowlab import mocks
from galflowlab.checkpoint import read_tensors, write_tensors
from galflowlab.edf import KIND


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """Tensors and header of a model."""
    galaxies = mocks.make_suite(2, 80, seed=2)
    edf = galflowlab.fit(galaxies, seed=1, stars_seen=64, batch=32, progress=False)
    return read_tensors(edf.save(tmp_path_factory.mktemp("model") / "m.safetensors"), KIND)


def test_as_it_is(content, tmp_path):
    tensors, header = content
    assert galflowlab.load(write_tensors(tmp_path / "m.safetensors", KIND, tensors, header))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda known: known.to(torch.bfloat16), "BFloat16"),
        (lambda known: known.log(), "expected finite contexts"),
        (lambda known: known * torch.nan, "expected finite contexts"),
        (lambda known: known[:, :2], r"expected contexts of shape \(galaxy, 4\)"),
        (lambda known: known[:0], r"expected contexts of shape \(galaxy, 4\)"),
    ],
)
def test_bad_population(content, tmp_path, change, message):
    tensors, header = content
    bad = tensors | {"population": change(tensors["population"])}
    path = write_tensors(tmp_path / "m.safetensors", KIND, bad, header)
    with pytest.raises(ValueError, match=rf"m\.safetensors: .*{message}"):
        galflowlab.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"card": "text"}, "not that of an eDF"), ({"columns": 1}, "not that of an eDF")],
)
def test_bad_header(content, tmp_path, change, message):
    tensors, header = content
    path = write_tensors(tmp_path / "m.safetensors", KIND, tensors, header | change)
    with pytest.raises(ValueError, match=rf"m\.safetensors: .*{message}"):
        galflowlab.load(path)


def test_what_is_missing_is_named(content, tmp_path):
    tensors, header = content
    few = {name: tensor for name, tensor in tensors.items() if name != "population"}
    path = write_tensors(tmp_path / "m.safetensors", KIND, few, header)
    with pytest.raises(ValueError, match=r"m\.safetensors: the file lacks 'population'"):
        galflowlab.load(path)
