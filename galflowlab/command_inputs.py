"""What several commands read: galaxies from files, or a mock suite."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

import galflowlab
from galflowlab import mocks
from galflowlab.galaxy import Galaxy
from galflowlab.schema import column_values

_SAME = 1e-3  # relative difference; files may hold single precision


def suite(arguments: argparse.Namespace) -> list[Galaxy]:
    """The mock suite that the arguments describe."""
    return mocks.make_suite(
        arguments.galaxies,
        arguments.stars,
        seed=arguments.seed,
        scatter=arguments.scatter,
        context_scatter=arguments.context_scatter,
        log10_mstar=tuple(arguments.log10_mstar),
        workers=arguments.workers,
    )


def require_folder(output: Path) -> None:
    """Refuse before the work, not after it, if the result could not be written."""
    if not output.parent.is_dir():
        raise FileNotFoundError(f"{output.parent}: no such folder")


def galaxy_files(paths: Sequence[Path]) -> Iterator[Path]:
    """Files as they are, and all files of folders."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        inside = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
        if not inside:
            raise FileNotFoundError(f"{path}: no galaxy files in this folder")
        yield from inside


def galaxies_to_judge_by(arguments: argparse.Namespace) -> list[Galaxy]:
    """Galaxies of the files named, or of the mock suite that is described instead."""
    if not arguments.data:
        return suite(arguments)
    galaxies = [galflowlab.read(path) for path in galaxy_files(arguments.data)]
    if arguments.prepare:
        return [galflowlab.prepare(galaxy) for galaxy in galaxies]
    return [with_truth(galaxy) for galaxy in galaxies]


def with_truth(galaxy: Galaxy) -> Galaxy:
    """Give a mock that was read from a file its truth again, which files do not hold.

    Only if its stars are those of the mock of that name; other galaxies are returned as they
    are.
    """
    if not mocks.is_mock_name(galaxy.name):
        return galaxy
    try:
        made = mocks.remake(galaxy.name, galaxy.context["log10_mstar"], len(galaxy))
    except (KeyError, ValueError):  # a name like that of a mock, but no mock
        return galaxy
    same = all(
        np.allclose(column_values(galaxy.stars, c), column_values(made.stars, c), rtol=_SAME)
        for c in galaxy.columns
    )
    return replace(galaxy, truth=made.truth) if same and galaxy.columns == made.columns else galaxy
