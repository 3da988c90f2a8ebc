"""What several commands read: galaxies from files, or a mock suite."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

import galflowlab
from galflowlab.schema import column_values

_SAME = 1e-3  # relative difference; files may hold single precision


def suite(arguments: argparse.Namespace) -> list[galflowlab.Galaxy]:
    """The mock suite that the arguments describe."""
    return galflowlab.mocks.make_suite(
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


def galaxies_to_judge_by(arguments: argparse.Namespace) -> list[galflowlab.Galaxy]:
    """Galaxies of the files named, or of the mock suite that is described instead."""
    if not arguments.data:
        return suite(arguments)
    read_all = galflowlab.data.read_all
    if arguments.prepare:
        return list(read_all(arguments.data, prepare=galflowlab.prepare, workers=arguments.workers))
    return [with_truth(galaxy) for galaxy in read_all(arguments.data)]


def with_truth(galaxy: galflowlab.Galaxy) -> galflowlab.Galaxy:
    """Give a mock that was read from a file its truth again, which files do not hold.

    Only if its stars are those of the mock of that name; other galaxies are returned as they
    are.
    """
    if not galflowlab.mocks.is_mock_name(galaxy.name):
        return galaxy
    try:
        mass = galaxy.context["log10_mstar"]
        made = galflowlab.mocks.remake(galaxy.name, mass, len(galaxy))
    except (KeyError, ValueError):  # a name like that of a mock, but no mock
        return galaxy
    same = all(
        np.allclose(column_values(galaxy.stars, c), column_values(made.stars, c), rtol=_SAME)
        for c in galaxy.columns
    )
    return replace(galaxy, truth=made.truth) if same and galaxy.columns == made.columns else galaxy
