"""Many galaxies: which files hold them, and reading them ahead of whoever takes them."""

from __future__ import annotations

import contextlib
import glob
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeAlias

from galflowlab.data.ahead import Outcome, ahead
from galflowlab.data.readers import read
from galflowlab.data.readers.parttype4 import CHUNK, snapshot_files
from galflowlab.data.readers.raw_columns import EXTENSIONS
from galflowlab.galaxy import Galaxy

Paths: TypeAlias = str | Path | Iterable[str | Path]

_GALAXIES = (".npy", ".npz", *EXTENSIONS)
_BESIDE = (
    *(".json", ".toml", ".param", ".lock", ".log", ".md5", ".sha256", ".partial"),
    *(".txt", ".md", ".rst", ".pdf", ".png", ".jpg", ".svg", ".html", ".ipynb", ".py"),
    *(".pth", ".pt", ".safetensors", ".zip", ".tar", ".gz", ".tgz"),
)
"""Extensions of what lies beside galaxies in a folder: notes, models, archives."""

_STORE = "store.json"  # what makes a folder a store, as `store.layout` calls it


def galaxy_files(paths: Paths) -> list[Path]:
    """List the files of galaxies, each once.

    Parameters
    ----------
    paths
        Files, folders and glob patterns. Files count as they are. Of folders with all folders
        inside them, except hidden ones and stores, and of the matches of patterns, all files
        count except hidden ones, those whose name begins with an underscore (tables about
        galaxies, as `catalogues.write_galaxies` makes), those with an extension of `_BESIDE`
        (notes, pictures, models, archives), auxiliary arrays (``snapshot.iord`` beside
        ``snapshot``), and all but the first file of a snapshot in several.

    Returns
    -------
    list of Path
        In the order of `paths`, and by name within a folder or pattern.

    Raises
    ------
    FileNotFoundError
        If a path does not exist, or a folder or pattern has no galaxies.
    ValueError
        If a path is a store, which holds stars of galaxies and not galaxies.
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    files: dict[Path, Path] = {}
    for path in given:
        for file in _expand(path):
            files.setdefault(file.resolve(), file)
    return list(files.values())


def read_all(
    paths: Paths,
    *,
    workers: int = 1,
    prepare: Callable[[Galaxy], Galaxy] | None = None,
    columns: str | Path | None = None,
    on_error: Callable[[Path, Exception], None] | None = None,
) -> Iterator[Galaxy]:
    """Read galaxies lazily, in the order of `galaxy_files`.

    At most `workers` + 1 galaxies are in memory, if the caller keeps none.

    Parameters
    ----------
    paths
        Files, folders and glob patterns, as for `galaxy_files`.
    workers
        Processes that read ahead; with one, this process reads when asked. What is read does
        not depend on it.
    prepare
        Applied to each galaxy, by the process that reads it: such as `galflowlab.prepare`. With
        several workers it must be a function of a module.
    columns
        Map of the columns of tables, as for `galflowlab.read`.
    on_error
        Called with the file and the error if a galaxy cannot be read or prepared, which is then
        left out. By default the error is raised.

    Yields
    ------
    Galaxy

    Raises
    ------
    ValueError, OSError, ImportError
        If a galaxy cannot be read or prepared and there is no `on_error`; names the file.
    ChildProcessError
        If a process that reads has died, whatever `on_error`.
    ValueError
        If two files hold galaxies of the same name, whatever `on_error`: names are identities,
        by which galaxies are left out.
    """
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise ValueError(f"workers should be a positive whole number, got {workers!r}")
    task = partial(_read_one, prepare=prepare, columns=columns)
    return _distinct(galaxy_files(paths), task, workers, on_error)


def _read_one(
    path: Path, prepare: Callable[[Galaxy], Galaxy] | None, columns: str | Path | None
) -> Galaxy:
    galaxy = read(path, columns=columns)
    if prepare is None:
        return galaxy
    try:
        return prepare(galaxy)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _distinct(
    files: list[Path],
    task: Callable[[Path], Galaxy],
    workers: int,
    on_error: Callable[[Path, Exception], None] | None,
) -> Iterator[Galaxy]:
    """Yield what can be read; two of one name are an error."""
    seen: dict[str, Path] = {}
    several = workers > 1 and len(files) > 1
    outcomes = ahead(files, task, min(workers, len(files))) if several else _when_asked(files, task)
    with contextlib.closing(outcomes) as results:
        for path, result in results:
            try:
                galaxy = result()
            except (ValueError, OSError, ImportError) as error:
                if on_error is None or isinstance(error, ChildProcessError):
                    raise
                on_error(path, error)
                continue
            other = seen.setdefault(galaxy.name, path)
            if other != path:
                raise ValueError(
                    f"{path}: this galaxy and that of {other} are both called {galaxy.name!r}; "
                    "rename one of the files"
                )
            del result
            yield galaxy
            del galaxy


def _when_asked(
    files: list[Path], task: Callable[[Path], Galaxy]
) -> Generator[Outcome, None, None]:
    for path in files:
        yield path, partial(task, path)


def _expand(path: str | Path) -> list[Path]:
    path = Path(path)
    if path.is_dir():
        if _is_store(path):
            raise ValueError(f"{path}: is a store; galflowlab train takes it, others take galaxies")
        found = _galaxies(_inside(path))
        if not found:
            raise FileNotFoundError(f"{path}: no galaxy files in this folder or those inside it")
        return found
    if path.is_file():
        return [path]
    if not glob.has_magic(str(path)):
        raise FileNotFoundError(f"{path}: no such file or folder")
    found = _galaxies([Path(match) for match in glob.glob(str(path), recursive=True)])
    if not found:
        raise FileNotFoundError(f"{path}: no galaxy files match")
    return found


def _is_store(folder: Path) -> bool:
    return (folder / _STORE).is_file()


def _inside(folder: Path) -> list[Path]:
    """What is in a folder and in those inside it; links that lead back are not followed."""
    found, waiting, seen = [], [folder], {folder.resolve()}
    while waiting:
        for path in sorted(waiting.pop().iterdir()):
            if path.name.startswith(".") or not path.is_dir():
                found.append(path)
            elif path.resolve() not in seen and not _is_store(path):
                seen.add(path.resolve())
                waiting.append(path)
    return found


def _galaxies(candidates: list[Path]) -> list[Path]:
    """Those of the files that hold galaxies, sorted."""
    files = sorted(path for path in candidates if path.is_file() and path.name[0] not in "._")
    files = [path for path in files if path.suffix.lower() not in _BESIDE]
    there = set(files)
    return [path for path in files if not (_is_auxiliary(path, there) or _follows(path, there))]


def _is_auxiliary(path: Path, there: set[Path]) -> bool:
    """Whether this is ``snapshot.name``, or ``snapshot.a.name``, beside ``snapshot``."""
    if path.suffix.lower() in _GALAXIES:
        return False
    while path.suffix:
        path = path.with_suffix("")
        if path in there:
            return True
    return False


def _follows(path: Path, there: set[Path]) -> bool:
    """Whether this is a further file of a snapshot whose first is there."""
    match = CHUNK.fullmatch(path.name)
    if match is None or match["number"] == "0":
        return False
    first = path.with_name(f"{match['stem']}.0{match['suffix']}")
    try:
        return first in there and path in snapshot_files(first)
    except (ValueError, OSError):  # reading it will say what is wrong
        return False
