"""Files that appear whole or not at all, and errors about them."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

_LONGEST = 500  # characters


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a file to write beside `path`, which takes its place if the block succeeds.

    If the block raises, `path` is left as it was and nothing else remains. The file to write
    has the same extension.
    """
    path = Path(path)
    # Hidden, so that folders are not read with it should this process be killed.
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        partial.chmod(0o666 & ~_umask())  # as an ordinary new file, not as a temporary one
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def one_line(error: BaseException) -> str:
    """What an error of another library says, as part of a sentence."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
