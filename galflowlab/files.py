"""Files that appear whole or not at all, and errors about them."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_LONGEST = 500  # characters
_STALE = 86_400.0  # s without a change, after which nobody writes a file any more


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


_UMASK = _umask()  # now, before there are threads that would make files without one


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a file to write beside `path`, which takes its place if the block succeeds.

    If the block raises, `path` is left as it was and nothing else remains. The file to write
    has the same extension. What killed processes have left of the same file is removed once it
    is a day old.
    """
    path = Path(path)
    _remove_left_overs(path)
    # Hidden, so that folders are not read with it should this process be killed.
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        partial.chmod(0o666 & ~_UMASK)  # as an ordinary new file, not as a temporary one
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def one_line(error: BaseException) -> str:
    """What an error of another library says, as part of a sentence."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _remove_left_overs(path: Path) -> None:
    """Remove stale files that were to take the place of `path`."""
    random = "[a-z0-9_]{8}"  # as tempfile names them
    name = re.compile(f"{re.escape(f'.{path.stem}-')}{random}{re.escape(path.suffix)}")
    with contextlib.suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            if not name.fullmatch(entry.name):
                continue
            with contextlib.suppress(OSError):  # another process may be faster
                found = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(found.st_mode) and time.time() - found.st_mtime > _STALE:
                    os.unlink(entry.path)
