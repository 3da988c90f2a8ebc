"""The command line, from mock galaxies to a file of generated stars."""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import galflowlab
from galflowlab import cli
from galflowlab.catalogues import MASS_FUNCTIONS, PARTITION
from galflowlab.checkpoint import read_tensors
from galflowlab.commands import servers
from galflowlab.flow.architectures import PRESETS
from galflowlab.galaxy import Galaxy
from galflowlab.recipes import defaults
from galflowlab.schema import as_stars


def run(*arguments):
    return cli.main([str(a) for a in arguments])


def helps():
    """What is said of every argument of every command, and the argument."""
    (commands,) = (a for a in cli.make_parser()._actions if a.dest == "command")
    assert len(commands._choices_actions) == len(commands.choices)
    for command, parser in commands.choices.items():
        for action in parser._actions:
            assert action.help, f"{command} {action.dest}"
            text = parser._get_formatter()._expand_help(action)
            yield f"{command} {(action.option_strings or [action.dest])[-1]}", text, action


def test_every_argument_has_a_help_with_its_default():
    silent = (None, False, argparse.SUPPRESS)
    spoken = {name: (text, a.default) for name, text, a in helps() if a.default not in silent}
    assert len(spoken) > 30
    for name, (text, default) in spoken.items():
        values = default if isinstance(default, tuple) else (default,)
        said = [f"{v:g}" if isinstance(v, float) else str(v) for v in values]
        assert re.search(rf"default:? {re.escape(' to '.join(said))}\b", text), (name, text)


def test_helps_keep_up_with_what_is_decided_elsewhere():
    """Names and numbers that the parser repeats, as it does not import what defines them."""
    from galflowlab_widgets.page import STARS

    from galflowlab.commands.visitors import VisitorKernels

    said = {name: text for name, text, _ in helps()}
    for command in ("train", "crossval"):
        (names,) = re.findall(r"recipe: (.*), default", said[f"{command} --preset"])
        assert re.split(", | or ", names) == list(PRESETS)
    (names,) = re.findall(r"drawn from: (.*); default", said["population --mass-function"])
    assert re.split(", | or ", names) == list(MASS_FUNCTIONS)
    fields = ("stars_seen", "batch", "learning_rate", "weight_decay")
    recipe = {f"train --{field.replace('_', '-')}": field for field in fields}
    for option, field in {**recipe, "crossval --stars-seen": "stars_seen"}.items():
        usual, paper = re.search(r"default ([^\s,;]+)(?:, (\S+) for paper)?", said[option]).groups()
        for name in PRESETS:
            value = float(paper if paper and name == "paper" else usual)
            assert value == getattr(defaults(name), field), (name, option)
    assert said["sample --partition-stars"].endswith(f"default {PARTITION}")
    assert said["export --stars"].endswith(f"default {STARS}")
    assert said["app --visitors"].endswith(f"default {VisitorKernels.most.default_value}")


@pytest.mark.parametrize(
    "words",
    [("train", "suite", "--preset", "live2"), ("population", "--mass-function", "live2")],
)
def test_unknown_names_are_answered_with_the_known(words, capsys):
    with pytest.raises(SystemExit):
        run(*words)
    error = capsys.readouterr().err
    known = PRESETS if words[0] == "train" else MASS_FUNCTIONS
    assert f"expected one of {', '.join(known)}, got 'live2'" in error


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model made by the commands alone."""
    folder = tmp_path_factory.mktemp("cli")
    assert run("mock", "--galaxies", 12, "--stars", 800, "--seed", 4, "-o", folder / "suite") == 0
    assert len(list((folder / "suite").iterdir())) == 12
    path = folder / "model.safetensors"
    command = ("train", folder / "suite", "--stars-seen", "2e4", "--seed", 2, "--quiet")
    assert run(*command, "-o", path) == 0
    assert [p.name for p in folder.glob("*.safetensors")] == ["model.safetensors"]
    return path


@pytest.mark.parametrize("extension", ["fits", "hdf5", "parquet", "csv"])
def test_sample_writes_what_read_returns(model, tmp_path, extension, capsys):
    output = tmp_path / f"galaxy.{extension}"
    assert run(
        "sample", "--model", model, "--log10-mstar", 9.3, "--mean-metallicity", 0.004,
        "-n", "1e3", "--seed", 1, "-o", output,
    ) == 0  # fmt: skip
    assert "1000 stars" in capsys.readouterr().out
    galaxy = galflowlab.read(output)
    context = {"log10_mstar": 9.3, "mean_metallicity": 0.004}
    expected = galflowlab.load(model).sample(1000, context, seed=1)
    assert galaxy.stars.colnames == expected.colnames
    for column in expected.colnames:
        assert galaxy.stars[column].unit == expected[column].unit
        np.testing.assert_array_equal(galaxy.stars[column].value, expected[column].value)
    assert galaxy.context["log10_mstar"] == pytest.approx(9.3, abs=1e-5)
    assert "--seed 1" in galaxy.provenance.source


def test_interrupted_train_resumes(model, tmp_path, monkeypatch, capsys):
    suite, output = model.parent / "suite", tmp_path / "m.safetensors"
    command = ("train", suite, "--stars-seen", "2e4", "--seed", 2, "--quiet", "-o", output)
    real_fit = galflowlab.fit

    def interrupted(*args, **kwargs):
        def stop(progress):
            if progress.stars_seen > 8000:
                raise KeyboardInterrupt

        return real_fit(*args, **kwargs, callbacks=[stop])

    monkeypatch.setattr(galflowlab, "fit", interrupted)
    assert run(*command) == 130
    assert [p.name for p in tmp_path.iterdir()] == ["m.partial.safetensors"]
    monkeypatch.setattr(galflowlab, "fit", real_fit)
    assert run(*command) == 0
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]
    (resumed, _), (whole, _) = read_tensors(output, "edf"), read_tensors(model, "edf")
    assert resumed.keys() == whole.keys()
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


def test_evaluate_prints_the_divergence_and_writes_json(model, tmp_path, capsys):
    result = tmp_path / "result.json"
    assert run("evaluate", model, "--galaxies", 3, "--stars", 500, "--json", result) == 0
    text = capsys.readouterr().out
    data = json.loads(result.read_text())
    assert f"mean KL(truth‖model) {data['kl']:.4f}" in text
    assert len(data["galaxies"]) == 3
    assert data["kl"] == pytest.approx(np.mean([g["kl"] for g in data["galaxies"]]))
    assert data["suite"]["seed"] == 20_000
    assert data["kl"] > 0


def test_train_prepares_on_request(tmp_path, suite):
    values = {c: suite[3].stars[c].value.copy() for c in suite[3].stars.colnames}
    values["x"] += 500
    values["vz"] -= 300
    raw = Galaxy("raw", as_stars(values), suite[3].provenance)
    raw.write(tmp_path / "raw.hdf5")
    output = tmp_path / "m.safetensors"
    assert run("train", tmp_path / "raw.hdf5", "--prepare", "--stars-seen", 5000,
               "--batch", 256, "--quiet", "-o", output) == 0  # fmt: skip
    stars = galflowlab.load(output).sample(2000, {}, seed=1)
    assert abs(np.median(stars["x"].value)) < 5
    assert abs(np.median(stars["vz"].value)) < 50


def test_info(model, capsys):
    assert run("info") == 0
    assert galflowlab.__version__ in capsys.readouterr().out
    assert run("info", model) == 0
    text = capsys.readouterr().out
    assert "log10_mstar" in text
    assert "held_out_nll" in text
    assert "history" not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sample", "--model", "nope", "--seed", 1, "-o", "x.fits"), "neither a file nor one of"),
        (("sample", "--seed", 1, "-o", "x.doc"), "expected one of .fits"),
        (("sample", "--seed", 1, "-o", "no/such/folder/x.fits"), "no such folder"),
        (("train", "absent.hdf5", "-o", "m.safetensors"), "absent.hdf5"),
        (("train", ".", "-o", "m.pt"), "written as .safetensors"),
        (("train", "empty", "-o", "m.safetensors"), "no galaxy files"),
        (("mock", "--galaxies", 2, "--scatter", 2, "-o", "s"), "scatter"),
        (("evaluate", "absent.safetensors"), "absent.safetensors"),
        (("lab", "absent.ipynb"), "no such notebook"),
        (("app", "absent.ipynb"), "no such notebook"),
        (("app", "sun"), "there is no app 'sun'; expected one of"),
    ],
)
def test_errors_are_one_line(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert run(*arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith(f"galflowlab {arguments[0]}: ")
    assert error.count("\n") == 1
    assert not (tmp_path / "x.fits").exists()


@pytest.mark.parametrize("count", ["0", "-1", "1.5", "many", "nan", "inf"])
def test_counts_are_checked(count, capsys):
    with pytest.raises(SystemExit):
        run("sample", "-n", count, "--seed", 1, "-o", "x.fits")
    assert "expected a positive whole number" in capsys.readouterr().err


@pytest.fixture
def started(monkeypatch):
    """Commands that would have become a server, on a machine without a screen."""
    calls = []
    monkeypatch.setattr(servers.os, "execve", lambda *call: calls.append(call))
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(servers.platform, "system", lambda: "Linux")
    return calls


def test_lab_starts_jupyter_on_the_explorer(started, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert run("lab", "--", "--port=8899") == 0
    program, command, env = started[0]
    assert program == sys.executable
    assert command[:3] == [sys.executable, "-m", "jupyterlab"]
    assert "--LabApp.default_url=/lab/tree/notebooks/01_explore.ipynb" in command
    assert {"--port=8899", "--no-browser"} <= set(command)
    assert env["PATH"].startswith(str(Path(sys.executable).parent))
    assert env["OMP_NUM_THREADS"] == "1"


def test_app_serves_the_apps_of_the_repository(started, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    widgets = Path(__file__).resolve().parents[1] / "widgets"
    assert run("app") == 0
    assert run("app", "training", "--visitors", 3) == 0
    for (_, command, _), name in zip(started, ("explorer", "training"), strict=True):
        assert command[2:4] == ["voila", str(widgets / f"{name}.ipynb")]
        assert f"--MappingKernelManager.root_dir={tmp_path}" in command  # where their kernels work
    assert "--VisitorKernels.most=3" in started[1][1]
    assert not [word for word in started[0][1] if "most" in word]


def test_app_serves_a_notebook_where_it_lies(started, tmp_path):
    notebook = tmp_path / "mine.ipynb"
    notebook.write_text("{}")
    own = "--VoilaConfiguration.allow_template_override=YES"
    assert run("app", notebook, "--", own) == 0
    command = started[0][1]
    assert command[3] == str(notebook)
    assert f"--MappingKernelManager.root_dir={tmp_path}" in command
    assert [word for word in command if "allow_template_override" in word] == [own]


def test_servers_without_a_repository(started, tmp_path, monkeypatch, capsys):
    """As from a wheel: apps and notebooks are part of the package, which is not ours to change."""
    package, work = tmp_path / "site-packages" / "galflowlab", tmp_path / "work"
    for folder, name in (("_apps", "explorer"), ("_notebooks", "01_explore")):
        (package / folder).mkdir(parents=True)
        (package / folder / f"{name}.ipynb").write_text("as installed")
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setattr(servers, "_PACKAGE", package)
    monkeypatch.setattr(servers, "_REPOSITORY", package.parent)
    assert run("app") == 0
    assert started[0][1][3] == str(package / "_apps" / "explorer.ipynb")
    assert run("lab") == 0
    copy = work / "galflowlab-notebooks" / "01_explore.ipynb"
    assert copy.read_text() == "as installed"
    assert str(copy.parent) in capsys.readouterr().out
    command = started[1][1]
    assert f"--ServerApp.root_dir={copy.parent}" in command
    assert "--LabApp.default_url=/lab/tree/01_explore.ipynb" in command
    copy.write_text("changed")
    assert run("lab") == 0
    assert copy.read_text() == "changed"
    monkeypatch.setattr(servers, "_PACKAGE", tmp_path)
    assert run("app") == 2
    assert "expected notebooks in" in capsys.readouterr().err


def test_without_jupyter_servers_say_what_to_install(started, monkeypatch, capsys):
    monkeypatch.setattr(servers.importlib.util, "find_spec", lambda name: None)
    assert run("app") == 2
    assert "galflowlab[lab]" in capsys.readouterr().err
    assert started == []


def test_only_servers_pass_options_on(capsys):
    with pytest.raises(SystemExit):
        run("info", "--", "--port=1")
    assert "passes nothing on" in capsys.readouterr().err


def test_module_is_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "galflowlab.cli", "--version"], capture_output=True, text=True
    )
    assert done.stdout.strip() == galflowlab.__version__


def test_a_reader_that_has_enough_ends_it_quietly(capsys, monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        assert run("data") == 1
    assert capsys.readouterr().err == ""


def test_warnings_are_one_line(tmp_path):
    """In a process of its own: pytest has its own way with warnings."""
    assert run("mock", "--galaxies", 4, "--stars", 100, "-o", tmp_path / "suite") == 0
    options = ["--stars-seen", "500", "--batch", "100", "--quiet", "-o", "model.safetensors"]
    command = [sys.executable, "-m", "galflowlab.cli", "train", "suite", *options]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    (line,) = (line for line in result.stderr.splitlines() if "training stars for" in line)
    assert line.startswith("warning: ")
    assert "fit(" not in result.stderr
