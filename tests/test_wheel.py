"""What `pip install galflowlab` gives: built, installed into an empty environment, and used."""

import os
import re
import subprocess
import sys
import tarfile
import urllib.request
import zipfile
from email import message_from_bytes
from fnmatch import fnmatch
from pathlib import Path

import pytest

import galflowlab
from tests.browser.servers import free_port, server

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / "constraints.txt"
# A part of the tests that need no data; all of them together take minutes.
SOME_TESTS = ("test_schema.py", "test_context.py", "test_maps.py", "test_loading.py")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with sdist and wheel; the wheel is made from the sdist."""
    pytest.importorskip("build", reason="build is not installed, so nothing is built")
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT]
    made = subprocess.run(command, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    (path,) = built.glob("*.whl")
    return path


@pytest.mark.parametrize(
    "pattern",
    [
        "galflowlab/py.typed",
        "galflowlab/_manifests/*.toml",
        "galflowlab/pretrained/*.safetensors",
        "galflowlab/pretrained/*.md",
        "galflowlab_widgets/py.typed",
        "galflowlab_widgets/static/*.js",
        "galflowlab/_apps/explorer.ipynb",
        "galflowlab/_notebooks/01_explore.ipynb",
        "*.dist-info/licenses/LICENSE",
    ],
)
def test_wheel_contains(wheel, pattern):
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in names if fnmatch(name, pattern)]


def test_wheel_contains_every_app_and_notebook(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in (ROOT / "widgets").glob("*.ipynb"):
        assert f"galflowlab/_apps/{path.name}" in names
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        assert f"galflowlab/_notebooks/{path.name}" in names


def test_wheel_contains_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {
        "galflowlab",
        "galflowlab_widgets",
    }
    for name in names:
        assert not {"tests", "notebooks", "__pycache__"} & set(Path(name).parts), name
        assert ".partial." not in name, name
    assert wheel.stat().st_size <= 5e6


def test_wheel_metadata(wheel):
    archive = zipfile.ZipFile(wheel)
    (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
    metadata = message_from_bytes(archive.read(name))
    assert metadata["Name"] == "galflowlab"
    assert metadata["Version"] == galflowlab.__version__
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert metadata["Requires-Python"] == ">=3.11"
    assert {"lab", "sims", "dev"} <= set(metadata.get_all("Provides-Extra"))
    (name,) = (n for n in archive.namelist() if n.endswith("entry_points.txt"))
    assert b"galflowlab = galflowlab.cli:main" in archive.read(name)


# -- in an empty environment, away from the repository


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Folder of programs of a new environment with the wheel, its apps and pytest."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    programs = folder / "bin"
    options = ["--disable-pip-version-check", "--no-compile", "--constraint", CONSTRAINTS]
    needed = [f"{wheel}[lab]", "pytest", "pytest-timeout", "hypothesis", "psutil"]
    command = [programs / "python", "-m", "pip", "install", *options, *needed]
    made = subprocess.run(command, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    return programs


def run(cwd, *command, **environment):
    """Output of a program that sees nothing of the repository."""
    names = ("PYTHONPATH", "VIRTUAL_ENV", "PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER")
    clean = {name: value for name, value in os.environ.items() if name not in names}
    result = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=clean | environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.slow
def test_the_wheel_draws_stars(installed, tmp_path):
    sample = ["sample", "--log10-mstar", 10.3, "-n", 2000, "--seed", 1, "-o", "galaxy.fits"]
    run(tmp_path, installed / "galflowlab", *sample)
    expected = galflowlab.load("mock").sample(2000, {"log10_mstar": 10.3}, seed=1)
    stars = galflowlab.read(tmp_path / "galaxy.fits").stars
    for name in expected.colnames:
        assert abs(stars[name] - expected[name]).max() <= 1e-4 * abs(expected[name]).max()


@pytest.mark.slow
def test_the_wheel_serves_the_explorer(installed, tmp_path):
    port = free_port()
    options = ["--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1"]
    command = [str(installed / "galflowlab"), "app", "--", *options]
    url = f"http://127.0.0.1:{port}/"
    with (
        server(command, tmp_path, f"{url}voila/static/voila.js"),
        urllib.request.urlopen(url, timeout=90) as answer,
    ):
        page = answer.read().decode()
    assert "application/vnd.jupyter.widget-view+json" in page
    assert "Traceback" not in page
    assert re.search(r'gfl-still\\*" alt=\\*"Maps of the surface density', page)  # it was drawn


@pytest.mark.slow
def test_the_tests_of_the_sdist_pass_on_the_wheel(installed, built, tmp_path):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    # The tests are to find each other, but not the sources beside them.
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "tests").symlink_to(source / "tests")
    tests = [source / "tests" / name for name in SOME_TESTS]
    options = ["-q", "-p", "no:cacheprovider", "-m", "not slow and not browser"]
    python = [installed / "python", "-P", "-m", "pytest"]
    out = run(source, *python, *options, *tests, PYTHONPATH=str(tmp_path / "path"))
    assert " passed" in out
    where = "import galflowlab, galflowlab_widgets as w; print(galflowlab.__file__, w.__file__)"
    found = run(source, installed / "python", "-P", "-c", where, PYTHONPATH=str(tmp_path / "path"))
    assert found.count(str(installed.parent)) == 2
