"""The galaxy shown as a file, and as the code that makes it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from galflowlab.tables import check_extension

_LONGEST = 120  # bytes of a file's name


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


def target(name: str) -> Path:
    """Return the path of a new file in the working directory.

    Raises
    ------
    ValueError
        For a format that is unknown, a name that is too long or cannot be printed, a path that
        leads out of the working directory, or a file that is there already: a page must not
        replace what others have written.
    """
    name = name.strip()
    if not name.isprintable() or len(Path(name).name.encode(errors="replace")) > _LONGEST:
        raise ValueError(f"expected a name of at most {_LONGEST} ordinary characters")
    check_extension(name)
    here = Path.cwd().resolve()
    path = (here / name).resolve()
    if not path.is_relative_to(here):
        raise ValueError(f"{name}: expected a file in the working directory")
    if not path.parent.is_dir():
        raise ValueError(f"{name}: there is no folder {path.parent.relative_to(here)}")
    if path.exists():
        raise ValueError(f"{name} is there already; choose another name")
    return path
