"""The galaxy shown as a file, and as the code that makes it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anywidget
from astropy.table import QTable

from galflowlab.tables import check_extension, write_table

_LONGEST = 120  # bytes of a file's name
_LARGEST = 64_000_000  # bytes of a download; a million stars in FITS are 44 MB
_PART = 1_000_000  # bytes at a time, for pictures and signs of life wait behind it


def code(source: str | None, context: Mapping[str, float], n: int, seed: int) -> str:
    """Python that draws exactly these stars.

    Parameters
    ----------
    source
        What `galflowlab.load` takes; None if the model was never loaded from anywhere.
    context
        Whole context of the galaxy.
    n, seed
        Number of stars, and what fixes their noise.
    """
    entries = ", ".join(f'"{name}": {value!r}' for name, value in context.items())
    lines = [
        "import galflowlab",
        "",
        f"edf = galflowlab.load({source!r})" if source else "# edf: the model that was shown",
        f"context = {{{entries}}}",
        f"stars = edf.sample({n}, context, seed={seed})",
    ]
    return "\n".join(lines) + "\n"


class Folder:
    """Takes files to the working directory."""

    place = "the working directory"

    def take(self, name: str, stars: QTable, header: dict[str, Any]) -> str:
        """Write stars as a new file; returns what was done. Raises as `target` and OSError."""
        path = target(name)
        write_table(stars, path, header)
        return f"wrote {path.name}"


class Download(anywidget.AnyWidget):
    """Takes files to the downloads of the browser.

    The page asks for the parts of a file one after the other, so that no more of it is on its way
    than the page reads. There is one file at a time: another takes its place.
    """

    _esm = Path(__file__).parent / "static" / "download.js"
    place = "your downloads"

    def __init__(self) -> None:
        super().__init__(layout={"display": "none"})
        self._number, self._name, self._content = 0, "", b""
        self.on_msg(self._on_message)

    def take(self, name: str, stars: QTable, header: dict[str, Any]) -> str:
        """Begin to send stars as a file; returns what is done.

        Raises
        ------
        ValueError
            For a name that is no plain name of a file of a known format, or a file of more than
            64 MB.
        """
        name = _checked(name)
        if set(name) & set("/\\:"):
            raise ValueError(f"{name}: expected a name without folders")
        with tempfile.TemporaryDirectory() as folder:
            path = write_table(stars, Path(folder) / f"stars{Path(name).suffix}", header)
            size = path.stat().st_size
            if size > _LARGEST:
                raise ValueError(
                    f"expected at most {_LARGEST / 1e6:g} MB, got {size / 1e6:.0f} MB; "
                    "choose fewer stars or a .fits file"
                )
            self._content = path.read_bytes()
        self._name = name
        self._number += 1
        self._send_part(0)
        return f"sending {name}"

    def _send_part(self, start: int) -> None:
        size, end = len(self._content), start + _PART
        part = {"number": self._number, "name": self._name, "start": start, "size": size}
        self.send(part, [self._content[start:end]])
        if end >= size:
            self._content = b""

    def _on_message(self, _: object, message: object, __: object) -> None:
        match message:
            case {"number": self._number, "start": int(start)} if 0 < start < len(self._content):
                self._send_part(start)


def way_out() -> Folder | Download:
    """Where exported files go: those of a page that Voila serves to whoever looks at it."""
    return Download() if "VOILA_BASE_URL" in os.environ else Folder()


def target(name: str) -> Path:
    """Return the path of a new file in the working directory.

    Raises
    ------
    ValueError
        For a format that is unknown, a name that is too long or cannot be printed, a path that
        leads out of the working directory, or a file that is there already: a page must not
        replace what others have written.
    """
    name = _checked(name)
    here = Path.cwd().resolve()
    path = (here / name).resolve()
    if not path.is_relative_to(here):
        raise ValueError(f"{name}: expected a file in the working directory")
    if not path.parent.is_dir():
        raise ValueError(f"{name}: there is no folder {path.parent.relative_to(here)}")
    if path.exists():
        raise ValueError(f"{name} is there already; choose another name")
    return path


def _checked(name: str) -> str:
    name = name.strip()
    if not name.isprintable() or len(Path(name).name.encode(errors="replace")) > _LONGEST:
        raise ValueError(f"expected a name of at most {_LONGEST} ordinary characters")
    check_extension(name)
    return name
