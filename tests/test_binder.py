"""What Binder would build, without building it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def dockerfile(tmp_path_factory):
    """The Dockerfile that repo2docker makes of the files that Binder would see."""
    program = Path(sys.executable).with_name("jupyter-repo2docker")
    if not program.is_file():
        pytest.skip("repo2docker is not installed: pip install jupyter-repo2docker")
    clone = tmp_path_factory.mktemp("binder") / "galflowlab"
    clone.mkdir()
    for name in ("pyproject.toml", "constraints.txt", "README.md"):
        shutil.copy(REPOSITORY / name, clone)
    shutil.copytree(REPOSITORY / "binder", clone / "binder")
    command = [program, "--debug", "--no-build", "--user-id", "1000", "--user-name", "jovyan", "."]
    done = subprocess.run(command, cwd=clone, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_dry_run_installs_and_starts(dockerfile):
    assert "RUN ./binder/postBuild" in dockerfile
    assert "R2D_ENTRYPOINT" in dockerfile
    assert "binder/start" in dockerfile
    assert "3.11" in dockerfile


def test_scripts_are_executable_and_pinned():
    for name in ("postBuild", "start"):
        assert os.access(REPOSITORY / "binder" / name, os.X_OK)
    assert '--constraint constraints.txt ".[lab]"' in (REPOSITORY / "binder/postBuild").read_text()
    assert "OMP_NUM_THREADS=1" in (REPOSITORY / "binder/start").read_text()


@pytest.mark.parametrize("path", ["notebooks/01_explore.ipynb", "widgets/explorer.ipynb"])
def test_links_of_the_readme_lead_somewhere(path):
    assert (REPOSITORY / path).is_file()
    assert path in (REPOSITORY / "README.md").read_text()
