"""Notebooks are clean, keep only outputs that teach, and fail when something in them is wrong."""

import base64
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from galflowlab_widgets.still import chart_as_html
from galflowlab_widgets.training_curves import Row, losses
from nbclient.exceptions import CellExecutionError

from tests.tools.run_notebooks import COMPARED, LOCAL, METADATA, PICTURED, run

ROOT = Path(__file__).resolve().parents[1]
TUTORIALS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LAUNCHERS = sorted((ROOT / "widgets").glob("*.ipynb"))
MAX_CELLS = 25
LARGEST = {COMPARED: 120_000, PICTURED: 300_000}  # bytes of a picture, by the tag of its cell

READABLE_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
RANDOM_ID = re.compile(r"[0-9a-f-]{8,}")


def name_of(path):
    return str(path.relative_to(ROOT))


def code_cells(path):
    cells = nbformat.read(path, as_version=nbformat.NO_CONVERT).cells
    return [cell for cell in cells if cell.cell_type == "code"]


def kept_by(cell):
    """Tag for which the outputs of a cell are kept, if any."""
    return next((tag for tag in LARGEST if tag in cell.metadata.get("tags", [])), None)


def test_all_are_there():
    numbers = [path.name[:3] for path in TUTORIALS]
    assert numbers == sorted(set(numbers))
    assert {f"{number:02}_" for number in range(1, 12)} <= set(numbers)
    assert LAUNCHERS


@pytest.mark.parametrize("path", TUTORIALS + LAUNCHERS, ids=name_of)
def test_clean(path):
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert notebook.metadata == METADATA
    assert len(notebook.cells) <= MAX_CELLS
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    for cell in notebook.cells:
        assert READABLE_ID.fullmatch(cell.id), cell.id
        assert not RANDOM_ID.fullmatch(cell.id), cell.id
        assert set(cell.metadata) <= {"tags"}, f"cell {cell.id} has more metadata than tags"
        assert cell.source.strip(), f"cell {cell.id} is empty"


@pytest.mark.parametrize("path", TUTORIALS + LAUNCHERS, ids=name_of)
def test_kept_outputs(path):
    for cell in code_cells(path):
        tag = kept_by(cell)
        assert cell.outputs or not tag, f"cell {cell.id}: {tag} without outputs"
        assert bool(cell.execution_count) == bool(cell.outputs), f"cell {cell.id}: count"
        for output in cell.outputs:
            assert output.output_type != "error", cell.id
            assert output.get("name") != "stderr", f"cell {cell.id} keeps a warning"
            data = dict(output.get("data", {}))
            picture = base64.b64decode(data.pop("image/png", ""))
            assert len(picture) <= LARGEST.get(tag, 0), (
                f"{cell.id}: picture of {len(picture)} bytes"
            )
            text = json.dumps([data, output.get("text", "")], ensure_ascii=False)
            assert not (found := LOCAL.search(text)), f"cell {cell.id} keeps {found[0]!r}"


@pytest.mark.parametrize("path", TUTORIALS, ids=name_of)
def test_asserts_something(path):
    lines = [line for cell in code_cells(path) for line in cell.source.splitlines()]
    assert any(line.startswith("assert ") for line in lines)


@pytest.mark.parametrize("path", TUTORIALS, ids=name_of)
def test_title_and_links(path):
    """Titles number the tutorials as their files do; files they link to are there."""
    cells = nbformat.read(path, as_version=nbformat.NO_CONVERT).cells
    assert re.match(rf"# {int(path.name[:2])} · \S", cells[0].source)
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert not re.search(r"(?i)(?<!\[)\bnotebook \d", prose), "names a notebook without a link"
    for number, link in re.findall(r"\[[Nn]otebook (\d+)\]\(([^)]*)\)", prose):
        assert link.startswith(f"{int(number):02}_")
        assert (path.parent / link).is_file(), link


def write(path, *cells, **metadata):
    """Write a notebook of (id, tags, source)."""
    made = []
    for name, tags, source in cells:
        cell = nbformat.v4.new_code_cell(source, metadata={"tags": tags} if tags else {})
        cell.id = name
        made.append(cell)
    nbformat.write(nbformat.v4.new_notebook(cells=made, metadata=metadata), path)
    return path


@pytest.mark.slow
def test_a_wrong_notebook_fails(tmp_path):
    """One notebook as it is, with one assert turned around, and with one kept number changed."""
    name = "12_what_was_tried"
    shutil.copy(ROOT / "notebooks" / f"{name}.json", tmp_path)
    right = (ROOT / "notebooks" / f"{name}.ipynb").read_text()
    (tmp_path / "right.ipynb").write_text(right)

    notebook = nbformat.reads(right, as_version=4)
    cells = {cell.id: cell for cell in notebook.cells}
    true = 'by_name["tails"]["kl"] < by_name["before"]["kl"]'
    assert true in cells["best"].source
    cells["best"].source = cells["best"].source.replace(true, true.replace("<", ">"))
    nbformat.write(notebook, tmp_path / "turned.ipynb")

    notebook = nbformat.reads(right, as_version=4)
    (output,) = next(cell for cell in notebook.cells if cell.id == "table").outputs
    table = output.data["text/markdown"]
    output.data["text/markdown"] = re.sub(r"0\.(\d{3})\d", r"0.\g<1>x", table, count=1)
    assert output.data["text/markdown"] != table
    nbformat.write(notebook, tmp_path / "changed.ipynb")

    command = [sys.executable, "-m", "pytest", "-rA", "--nbval-lax", "--nbval-current-env"]
    names = ("right.ipynb", "turned.ipynb", "changed.ipynb")
    result = subprocess.run(
        [*command, "-p", "no:cacheprovider", *names], cwd=tmp_path, capture_output=True, text=True
    )
    out = result.stdout
    cells_of_each = len(code_cells(tmp_path / "right.ipynb"))
    assert result.returncode == 1, out + result.stderr
    assert out.count("PASSED right.ipynb") == cells_of_each, out
    for wrong in names[1:]:
        assert out.count(f"FAILED {wrong}") == 1, out
        assert out.count(f"PASSED {wrong}") == cells_of_each - 1, out
    assert "AssertionError" in out
    assert "mismatch 'text/markdown'" in out


def test_running_keeps_what_teaches(tmp_path):
    """What is printed and what is tagged stays, and a second run changes nothing."""
    rows = [Row(1000 * i, 14.0 - i, 13.0 - i, 1e-3, 0.1 * i) for i in range(1, 4)]
    still = chart_as_html(losses(rows, 3000))
    path = write(
        tmp_path / "tiny.ipynb",
        ("where", [], "import os\nprint(os.getcwd())"),
        ("said", [], "print('two')\ndisplay({'text/html': '<b>no</b>'}, raw=True)\n2"),
        ("sum", [COMPARED], "print('first')\nimport sys\nsys.stdout.flush()\nprint(os.sep)\n1 + 1"),
        ("app", [PICTURED], f"display({{'text/plain': 'app'}}, raw=True)\n"
                            f"display({{'text/html': {still!r}}}, raw=True)"),
        kernelspec={"name": "python3", "display_name": "somebody's", "language": "python"},
        widgets={"state": {}},
    )  # fmt: skip
    assert run(path) > 0
    once = path.read_bytes()
    notebook = nbformat.reads(once.decode(), as_version=4)
    assert notebook.metadata == METADATA
    where, said, total, app = notebook.cells
    assert [cell.id for cell in notebook.cells] == ["where", "said", "sum", "app"]
    assert where.outputs == []
    assert where.execution_count is None
    assert [output.output_type for output in said.outputs] == ["stream", "execute_result"]
    assert total.outputs[0].text == "first\n/\n"
    assert total.outputs[1].data == {"text/plain": "2"}
    (picture,) = app.outputs
    assert app.execution_count == 4  # without one nbval refuses a cell that has outputs
    assert picture.data["image/png"] in still
    assert f'alt="{picture.data["text/plain"]}"' in still
    assert once.endswith(b"}\n")
    run(path)
    assert path.read_bytes() == once


@pytest.mark.parametrize(
    ("tags", "source", "error", "said"),
    [
        ([], "assert 1 + 1 == 3", CellExecutionError, "1 \\+ 1 == 3"),
        ([], "import warnings\nwarnings.warn('careful')", ValueError, "'last' wrote to stderr"),
        ([PICTURED], "print('no picture')", ValueError, "expected it to show a picture"),
    ],
    ids=["assert", "warning", "no picture"],
)
def test_a_notebook_that_fails_stays_as_it_was(tmp_path, tags, source, error, said):
    path = write(tmp_path / "tiny.ipynb", ("first", [COMPARED], "print(1)"), ("last", tags, source))
    before = path.read_bytes()
    with pytest.raises(error, match=said):
        run(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
