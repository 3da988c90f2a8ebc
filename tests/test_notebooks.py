"""Every notebook is clean, and a wrong one fails: nbval compares no outputs that are not stored."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
TUTORIALS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LAUNCHERS = sorted((ROOT / "widgets").glob("*.ipynb"))
MAX_CELLS = 25


def name_of(path):
    return str(path.relative_to(ROOT))


def test_there_are_notebooks():
    assert TUTORIALS
    assert LAUNCHERS


@pytest.mark.parametrize("path", TUTORIALS + LAUNCHERS, ids=name_of)
def test_clean(path):
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}
    assert len(notebook.cells) <= MAX_CELLS
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    for cell in notebook.cells:
        assert cell.source.strip(), f"cell {cell.id} is empty"
        if cell.cell_type != "code":
            continue
        kept = "nbval-check-output" in cell.metadata.get("tags", [])
        assert kept or not cell.outputs, f"cell {cell.id} has stored outputs"
        assert kept or cell.execution_count is None, f"cell {cell.id} has an execution count"


@pytest.mark.parametrize("path", TUTORIALS, ids=name_of)
def test_asserts_something(path):
    code = [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    assert any(line.startswith("assert ") for source in code for line in source.splitlines())


@pytest.mark.slow
def test_a_wrong_notebook_fails(tmp_path):
    """The beginning of the second tutorial passes, and fails with one assert turned around."""
    notebook = nbformat.read(ROOT / "notebooks" / "02_real_galaxy.ipynb", as_version=4)
    ids = [cell.id for cell in notebook.cells]
    notebook.cells = notebook.cells[: ids.index("cuts") + 1]
    nbformat.write(notebook, tmp_path / "right.ipynb")
    true = "assert spin.mean() > 0"
    assert true in notebook.cells[-1].source
    notebook.cells[-1].source = notebook.cells[-1].source.replace(true, "assert spin.mean() < 0")
    nbformat.write(notebook, tmp_path / "wrong.ipynb")

    command = [sys.executable, "-m", "pytest", "-rA", "--nbval-lax", "--nbval-current-env"]
    result = subprocess.run(
        [*command, "-p", "no:cacheprovider", "right.ipynb", "wrong.ipynb"],
        cwd=tmp_path,
        env=os.environ | {"GALFLOWLAB_DATA": str(tmp_path)},  # so a mock galaxy stands in
        capture_output=True,
        text=True,
    )
    out = result.stdout
    assert result.returncode == 1, out + result.stderr
    assert out.count("PASSED right.ipynb") == 3, out
    assert out.count("PASSED wrong.ipynb") == 2, out
    assert out.count("FAILED wrong.ipynb") == 1, out
    assert "AssertionError" in out
