"""CONTRIBUTING.md: its worked examples work, and its picture shows the layers of today."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
COPIED = ("galflowlab", "widgets", "tests", "data_manifests", "pyproject.toml")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "results", "screenshots", "browser", "*.ipynb")


def new_files():
    """Content of each file that the examples add, by path."""
    found = re.findall(r"^```python (\S+)\n(.*?)^```", TEXT, flags=re.DOTALL | re.MULTILINE)
    return dict(found)


def edits():
    """(path, old lines, new lines) of every place that the examples change."""
    places = []
    for block in re.findall(r"^```diff\n(.*?)^```", TEXT, flags=re.DOTALL | re.MULTILINE):
        for path, text in re.findall(r"^--- (\S+)\n((?:(?!--- ).*\n)+)", block, re.MULTILINE):
            for hunk in text.split("@@\n"):
                old, new = (
                    "".join(line[1:] for line in hunk.splitlines(True) if line[0] in kept)
                    for kept in (" -", " +")
                )
                places.append((path, old, new))
    return places


def apply(folder):
    """Change a copy of the repository as the examples say."""
    for path, old, new in edits():
        text = (folder / path).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{path} has no single place with\n{old}"
        (folder / path).write_text(text.replace(old, new), encoding="utf-8")
    for path, text in new_files().items():
        assert not (folder / path).exists(), path
        if path.endswith(".ipynb"):
            cells = [nbformat.v4.new_markdown_cell("# Title"), nbformat.v4.new_code_cell(text)]
            nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / path)
        else:
            (folder / path).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    """A copy of the repository with all examples applied."""
    folder = tmp_path_factory.mktemp("contribution")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=LEFT_OUT)
        else:
            shutil.copy(ROOT / name, folder / name)
    apply(folder)
    return folder


def run(folder, *command):
    paths = os.pathsep.join([str(folder), str(folder / "widgets")])
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_examples_pass_their_tests(changed):
    """Those that they bring, and those that every preset, metric and notebook has to pass."""
    written = [path for path in new_files() if path.startswith("tests/")]
    assert len(written) == 2
    # Integral, samples, round trip and folding of the preset; calibration of the metric, where
    # tails are heavy too, and three shifts that it sees; the app, run as a notebook.
    out = run(
        changed,
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval-lax", "--nbval-current-env"),
        *written,
        *("tests/test_flow_layers.py", "tests/test_metrics_calibration.py"),
        *("tests/test_metrics_power.py", "widgets/age_profile.ipynb"),
        *("-k", "quick or energy or skirt or metallicity or draw_it or age_profile"),
    )
    assert int(re.search(r"(\d+) passed", out)[1]) >= 4 + 5 + 4 + 4 + 1, out


@pytest.mark.slow
def test_examples_keep_the_style(changed):
    for words in (("check",), ("format", "--check")):
        run(changed, "-m", "ruff", *words, *(p for p in new_files() if p.endswith(".py")))


def test_the_edits_are_noticed_when_the_code_has_moved_on(tmp_path):
    path, old, _ = edits()[0]
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text((ROOT / path).read_text().replace(old, "# gone\n"))
    with pytest.raises(AssertionError, match="has no single place with"):
        apply(tmp_path)


def test_the_picture_of_the_layers_is_that_of_the_contract(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "notebooks" / "site")
    import layers

    drawn = layers.PICTURE.read_text(encoding="utf-8")
    assert drawn == layers.picture(), "run `python notebooks/site/layers.py`"
    names = re.findall(r'class="name"[^>]*>(\w+)<', drawn)
    contract = [name for row in layers.layers() for name in row]
    assert names == [name.removeprefix("galflowlab.") for name in contract]
    assert "notebooks/site/layers.svg" in TEXT


def test_the_files_that_it_names_are_there():
    folders = ("galflowlab", "widgets", "tests", "notebooks", "data_manifests")
    there = [f"/{path.name}" for path in ROOT.iterdir()]
    there += [path.as_posix() for folder in folders for path in (ROOT / folder).rglob("*")]
    added = [f"/{path}" for path in new_files()]
    named = re.findall(r"`((?:[\w.]+/)*\w+\.(?:py|js|html|toml|md))`", TEXT)
    assert len(named) > 20
    for name in named:
        if "NAME" not in name:
            assert any(path.endswith(f"/{name}") for path in there + added), name
