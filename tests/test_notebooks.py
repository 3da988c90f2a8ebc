"""Notebooks are well kept, and nbval does fail when one of them is wrong."""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

REPOSITORY = Path(__file__).parents[1]
TUTORIALS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
APPS = sorted((REPOSITORY / "widgets").glob("*.ipynb"))


@pytest.mark.parametrize("path", TUTORIALS + APPS, ids=lambda p: p.name)
def test_notebook_is_well_kept(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells) <= 25
    for cell in notebook.cells:
        if cell.cell_type == "code" and "nbval-check-output" not in cell.metadata.get("tags", []):
            assert cell.outputs == []
            assert cell.execution_count is None


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda p: p.name)
def test_tutorial_checks_itself(path):
    code = [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    assert sum(source.count("assert ") for source in code) >= 2


@pytest.mark.slow
def test_notebooks_can_fail(tmp_path):
    """Ask for a galaxy of another mass than the first tutorial asserts."""
    source = (REPOSITORY / "notebooks/01_explore.ipynb").read_text()
    request = json.dumps('complete({"log10_mstar": 10.5})')[1:-1]
    assert source.count(request) == 1
    broken = tmp_path / "broken.ipynb"
    broken.write_text(source.replace(request, request.replace("10.5", "10.1")))
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval-lax", "--nbval-current-env"]
    done = subprocess.run(
        [sys.executable, *command, str(broken)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 1, done.stdout
    assert "1 failed" in done.stdout
    assert "AssertionError" in done.stdout
