"""Files that are no GalacticFlow model, or would run code: refused with the reason, unrun."""

import collections
import io
import pickle
import struct
import warnings
import zipfile

import numpy as np
import pytest
import torch

import galflowlab
from galflowlab.galacticflow.torch_file import read_torch_file
from tests import published

OTHER = torch.nn.Linear(2, 2)


class Bomb:
    def __reduce__(self):
        return (open, ("exploded", "w"))


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model.pth"
    torch.save(published.checkpoint(), path)
    return path


def repacked(path, to, change, method=zipfile.ZIP_STORED):
    """The same archive with the members that `change`, from {name: bytes}, returns."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(to, "w", method) as archive:
        for name, data in change(members).items():
            archive.writestr(name, data)
    return to


def refused(path, match):
    with pytest.raises((ValueError, OSError), match=match) as caught:
        galflowlab.load(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert len(message) < 600


# -- files that would run code, or fill the memory


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickle_that_would_run_code_is_refused_before_it_runs(tmp_path, monkeypatch, protocol):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.pth"
    torch.save({**published.checkpoint(), "subset_params": Bomb()}, path, pickle_protocol=protocol)
    refused(path, r"could run code" if protocol == 2 else "STACK_GLOBAL")
    path.write_bytes(pickle.dumps(Bomb()))
    refused(path, "older files are pickles as a whole, which can run code, and are not read")
    torch.save(published.checkpoint(), path, _use_new_zipfile_serialization=False)
    refused(path, "expected the zip archive that torch.save writes since version 1.6")
    assert not (tmp_path / "exploded").exists()
    pickle.loads(pickle.dumps(Bomb())).close()  # as it would have done
    assert (tmp_path / "exploded").exists()


def test_whole_modules_and_scripts_are_refused(tmp_path):
    path = tmp_path / "model.pth"
    torch.save(OTHER, path)
    refused(path, r"its pickle names torch\.nn\.modules\.linear\.Linear")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(OTHER), path)
    refused(path, r"its pickle names __torch__|neither packs")


def test_functions_that_torch_allows_but_models_do_not_need_are_refused(saved, tmp_path):
    """`bytearray(10**15)` is no danger to torch's own check, only to the memory."""
    bomb = b"\x80\x02cbuiltins\nbytearray\n\x8a\x07\x00\x80\xc6\xa4\x7e\x8d\x03\x85R."
    path = repacked(saved, tmp_path / "bomb.pth", lambda m: m | {"model/data.pkl": bomb})
    refused(path, r"its pickle names builtins\.bytearray")


def test_tensors_larger_than_the_file_are_refused(tmp_path):
    path = tmp_path / "model.pth"
    torch.save({"flow_dict": torch.zeros(1).expand(10**6, 10**6)}, path)
    assert path.stat().st_size < 10_000
    refused(path, "bytes that promise tensors of 4000000000000")


def test_zip_bombs_are_refused(saved, tmp_path):
    bomb = tmp_path / "bomb.pth"
    grown = lambda members: members | {"model/data/99": bytes(50 << 20)}  # noqa: E731
    repacked(saved, bomb, grown, zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 1 << 20
    refused(bomb, "neither packs nor encrypts")
    data = bytearray(repacked(saved, bomb, lambda members: members).read_bytes())
    end = data.rindex(b"PK\x05\x06")  # of the directory, which names one member a thousand times
    start = int.from_bytes(data[end + 16 : end + 20], "little")
    entry = data[start : data.index(b"PK\x01\x02", start + 4)]
    data[end + 8 : end + 16] = struct.pack("<HHI", 1000, 1000, 1000 * len(entry))
    bomb.write_bytes(data[:start] + 1000 * entry + data[end:])
    refused(bomb, "bytes that would unpack to")


def test_nested_and_repeated_lists_do_no_harm(saved, tmp_path):
    inner = [1] * 100
    for _ in range(5):
        inner = [inner] * 100  # 10^12 numbers, if followed
    path = tmp_path / "model.pth"
    torch.save({**published.checkpoint(), "subset_params": {"deep": inner}}, path)
    card = galflowlab.load(path).card
    assert len(str(card["checkpoint"]["subset_params"])) < 100_000
    deep = b"\x80\x02" + b"(" * 20_000 + b"l" * 20_000 + b"."  # a list in a list in a list ...
    refused(
        repacked(saved, path, lambda m: m | {"model/data.pkl": deep}), r"model\.pth: not a readable"
    )


# -- damaged files


def test_truncated_files_are_refused(saved, tmp_path):
    data, cut = saved.read_bytes(), tmp_path / "cut.pth"
    for size in (0, 3, 4, 100, len(data) // 2, len(data) - 1):
        cut.write_bytes(data[:size])
        refused(cut, r"cut\.pth: (not a readable file|expected the zip archive)")


def test_damaged_files_are_refused_or_the_same(saved, tmp_path):
    """Checksums stand over every byte that matters."""
    data, path = saved.read_bytes(), tmp_path / "damaged.pth"
    expected = galflowlab.load(saved).freeze({}, n=20, seed=1).arrays()
    rng = np.random.default_rng(1)
    loaded = 0
    for place in rng.integers(len(data), size=150):
        damaged = bytearray(data)
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            found = galflowlab.load(path).freeze({}, n=20, seed=1).arrays()
        except (ValueError, OSError) as error:
            assert str(path) in str(error)  # noqa: PT017
        else:
            loaded += 1
            assert all(np.array_equal(found[c], expected[c]) for c in expected)
    assert loaded < 75  # most bytes matter; the rest is padding and dates


def test_files_of_other_kinds_are_refused(tmp_path):
    path = tmp_path / "model.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    refused(path, r"a zip archive, but not one of torch\.save")
    path.write_text("hello")
    refused(path, "expected the zip archive")
    with pytest.raises(FileNotFoundError, match="neither a file nor one of the embedded models"):
        galflowlab.load(tmp_path / "absent.pth")
    torch.save([1, 2], path)
    refused(path, "expected a dictionary, got list")
    torch.save(OTHER.state_dict(), path)
    refused(path, r"not a checkpoint of GalacticFlow, it lacks \['flow_hyper', ")


def test_it_is_the_content_that_counts(saved):
    other = saved.rename(saved.with_suffix(".bin"))
    assert galflowlab.load(other).preset == "galacticflow"
    assert isinstance(read_torch_file(other), dict)


# -- files that are no model, or one that has no meaning here


def change(path, value):
    """Set `a/b/c` in a checkpoint, or drop it if the value is None."""

    def of(saved):
        *groups, key = path.split("/")
        for group in groups:
            saved = saved[group]
        if value is None:
            del saved[key]
        else:
            saved[key] = value(saved[key]) if callable(value) else value

    return of


def element(index, value):
    def of(tensor):
        tensor = tensor.clone()
        tensor[index] = value
        return tensor

    return of


W = "flow_dict/layers.1.net1.network.0.weight"
LATENT = ["M_stars", "tau50", "tau10", "lv1"]
WRONG = {
    "no scales": (change("std_vals", None), r"lacks \['std_vals'\]"),
    "weights missing": (
        change("flow_dict/layers.0.S", None),
        "missing or too many, such as layers.0.S",
    ),
    "weights too many": (change("flow_dict/extra", 0), "such as extra"),
    "shape": (change(W, lambda w: w[:-1]), r"expected weights of shape \(8, 5\), .*, got \(7, 5\)"),
    "no tensor": (change(W, 3), "got int"),
    "half precision": (change(W, lambda w: w.half()), "precision, got .* of torch.float16"),
    "two precisions": (change(W, lambda w: w.double()), "one floating type"),
    "NaN": (change(W, element((0, 0), torch.nan)), "not finite"),
    "infinite": (change("flow_dict/layers.2.L", element((0, 0), torch.inf)), "not finite"),
    "singular": (change("flow_dict/layers.2.S", element(3, 0.0)), "no inverse"),
    "almost singular": (change("flow_dict/layers.2.S", element(3, 1e-38)), "stars drawn are not"),
    "spread huge": (change("std_vals", element(3, 1e300)), "stars drawn are not finite"),
    "no permutation": (change("flow_dict/layers.0.P", element(0, 0.0)), "permutation matrix"),
    "spread zero": (change("std_vals", element(4, 0.0)), "std_vals above zero"),
    "spread NaN": (change("std_vals", element(4, torch.nan)), "std_vals above zero"),
    "mean NaN": (change("mu_vals", element(4, torch.nan)), "finite mu_vals"),
    "scales short": (change("mu_vals", lambda m: m[:-1]), "14 numbers, one for each name"),
    "scales unnamed": (change("mu_names", lambda n: ["w", *n[1:]]), r"lack \['x'\]"),
    "impossible mean": (change("mu_vals", element(11, 20.0)), "mean age_p50 of 0 to 14"),
    "hidden": (
        change("flow_hyper/network_args", torch.tensor([9, 3, 0.2])),
        r"expected weights of shape \(9, 5\), .*, got \(8, 5\)",
    ),
    "hidden huge": (change("flow_hyper/network_args", torch.tensor([1e9, 3, 0.2])), "hidden"),
    "layers huge": (change("flow_hyper/n_layers", 10**9), "n_layers of 1 to 1000"),
    "layers without end": (change("flow_hyper/n_layers", 10**400), "n_layers of at most"),
    "layers half": (change("flow_hyper/n_layers", 2.5), "whole number"),
    "more layers": (change("flow_hyper/n_layers", 3), "do not fit flow_hyper"),
    "bound": (change("flow_hyper/B", 0), "bound of 0.001 to 1000, got 0"),
    "bound tiny": (change("flow_hyper/B", 1e-250), "bound of 0.001 to 1000"),
    "bins": (change("flow_hyper/K", 1), "bins of 2 to 1000"),
    "coupling": (change("flow_hyper/CL", "Affine"), "kind 'NSF_CL' or 'NSF_CL2', got 'Affine'"),
    "other coupling": (change("flow_hyper/CL", "NSF_CL"), "do not fit flow_hyper"),
    "network": (change("flow_hyper/network", "ResNet"), "kind 'MLP', got 'ResNet'"),
    "unknown hyper": (change("flow_hyper", lambda h: h | {"trick": 1}), "unknown hyper-param"),
    "processor": (change("processor", "Processor"), "kind 'Processor_cond', got 'Processor'"),
    "features": (change("flow_hyper/dim_notcond", 9), "dim_notcond of 10"),
    "column": (change("component_names/stars", lambda n: [*n[:-1], "mass"]), r"column \['mass'\]"),
    "column twice": (change("component_names/stars", lambda n: [*n[:-1], "x"]), "none twice"),
    "context": (change("cond_names/galaxy", LATENT), r"unknown context \['lv1'\]; known are"),
    "given columns": (change("cond_names/stars", ["x"]), "density of all columns"),
    "linear mass": (
        change("data_prep_args/transformation_components", ([],)),
        "np.log10.*M_stars.*as our names have it",
    ),
    "log age": (
        change("data_prep_args/transformation_components", (["M_stars", "age"],)),
        "np.log10.*M_stars.*as our names have it",
    ),
    "other transformation": (
        change("data_prep_args/transformation_functions", ("np.sqrt",)),
        "got .'np.sqrt'",
    ),
    "ordered, with list": (change("flow_hyper", lambda h: [h]), "flow_hyper as a dictionary"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_said(wrong, tmp_path):
    saved = published.checkpoint()
    alter, match = WRONG[wrong]
    alter(saved)
    torch.save(saved, tmp_path / "model.pth")
    refused(tmp_path / "model.pth", match)


def test_an_uneven_number_of_columns_is_refused_where_the_published_code_cannot_split_it(tmp_path):
    torch.save(published.checkpoint(columns=published.COLUMNS[:7]), tmp_path / "model.pth")
    refused(tmp_path / "model.pth", "NSF_CL2 splits an even number of columns, got 7")


def test_other_dictionaries_serve_as_well(saved):
    content = read_torch_file(saved)
    content["flow_dict"] = collections.OrderedDict(
        (name, torch.nn.Parameter(value)) for name, value in content["flow_dict"].items()
    )
    buffer = io.BytesIO()
    torch.save(content, buffer)
    saved.write_bytes(buffer.getvalue())
    assert galflowlab.load(saved).sample(5, {}, seed=1)["age"].shape == (5,)
