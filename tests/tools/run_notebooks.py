"""Run notebooks in place and keep what teaches: ``python -m tests.tools.run_notebooks [FILE …]``.

For those who read without a kernel all outputs stay in cells that are tagged `COMPARED`, which
nbval compares; one picture in such as are tagged `PICTURED`; and in all others what they print, as
far as it names no place of this machine. Everything else that a run leaves is removed.
"""

from __future__ import annotations

import argparse
import base64
import re
import time
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from galflowlab.files import replacing

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
COMPARED, PICTURED = "nbval-check-output", "keep-picture"
METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}
# Of one machine or one run only: paths, memory addresses, kernels.
LOCAL = re.compile(
    r"(?<![\w.])/(home|tmp|root|work|Users|var|opt|usr)/|\b0x[0-9a-f]{6,}|ipykernel_"
)
_STILL = re.compile(
    r'<img class="gfl-still" alt="([^"]*)" src="data:image/png;base64,([A-Za-z0-9+/=]+)">'
)
_LONGEST = 600  # seconds for one cell


def run(path: Path) -> float:
    """Run one notebook from its own folder, clean it and write it back.

    Parameters
    ----------
    path
        The notebook. If it fails, it stays as it was.

    Returns
    -------
    float
        How long it took [s].

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell fails.
    ValueError
        If a cell writes to stderr, or one tagged `PICTURED` displays no picture.
    """
    notebook = nbformat.read(path, as_version=4)
    began = time.monotonic()
    NotebookClient(
        notebook,
        timeout=_LONGEST,
        kernel_name="python3",
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    seconds = time.monotonic() - began
    for cell in notebook.cells:
        _refuse_stderr(path, cell)
    clean(notebook)
    with replacing(path) as partial:
        nbformat.write(notebook, partial)
    return seconds


def clean(notebook: nbformat.NotebookNode) -> None:
    """Remove from an executed notebook what is not to be kept; cell ids stay.

    Raises
    ------
    ValueError
        If a cell tagged `PICTURED` has no picture.
    """
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        if cell.cell_type != "code":
            continue
        if PICTURED in tags:
            cell.outputs = [_picture(cell)]
        elif COMPARED not in tags:
            cell.outputs = [text for output in cell.outputs for text in _printed(output)]
        if not cell.outputs:
            cell.execution_count = None  # nbval wants one where there are outputs
        for output in cell.outputs:
            if "metadata" in output:
                output.metadata = nbformat.from_dict({})


def _picture(cell: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The last picture that a cell displays: its own, or the still of an app.

    As an image, since pages that show notebooks drop pictures within HTML.
    """
    for output in reversed(cell.outputs):
        data = output.get("data", {})
        if "image/png" in data:
            return nbformat.v4.new_output("display_data", {"image/png": data["image/png"]})
        if still := _STILL.search(data.get("text/html", "")):
            text, png = still.groups()
            base64.b64decode(png, validate=True)
            return nbformat.v4.new_output("display_data", {"image/png": png, "text/plain": text})
    raise ValueError(f"cell {cell.id!r} is tagged {PICTURED!r}; expected it to show a picture")


def _printed(output: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The text of an output, if it is the same wherever the notebook runs."""
    if output.output_type == "stream":
        text = output.text
    elif output.output_type == "execute_result":
        text = output.data.get("text/plain", "")
        output.data = nbformat.from_dict({"text/plain": text})  # tables as HTML have addresses
    else:
        return []
    return [] if LOCAL.search(text) else [output]


def _refuse_stderr(path: Path, cell: nbformat.NotebookNode) -> None:
    for output in cell.get("outputs", []):
        if output.output_type == "stream" and output.name == "stderr":
            raise ValueError(f"{path}: cell {cell.id!r} wrote to stderr: {output.text.strip()}")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the notebooks named, or all, and print how long each took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all of notebooks/")
    arguments = parser.parse_args(argv)
    for path in arguments.notebooks or sorted(NOTEBOOKS.glob("*.ipynb")):
        print(f"{run(path.resolve()):6.1f} s  {path}", flush=True)


if __name__ == "__main__":
    main()
