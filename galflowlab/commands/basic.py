"""What `galflowlab mock` and `galflowlab info` do."""

from __future__ import annotations

import argparse
import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import galflowlab
from galflowlab.commands.inputs import suite
from galflowlab.commands.options import add_suite
from galflowlab.schema import COLUMNS


def add_mock(sub: argparse._SubParsersAction) -> None:
    """Add `mock` to the command line."""
    p = sub.add_parser("mock", help="write mock galaxies with an exactly known eDF")
    add_suite(p, galaxies=40, stars=20_000, seed=1)
    p.add_argument("-o", "--output", type=Path, required=True, help="folder, one file per galaxy")
    p.set_defaults(run=mock)


def add_info(sub: argparse._SubParsersAction) -> None:
    """Add `info` to the command line."""
    p = sub.add_parser("info", help="what is installed, or what a model is")
    p.add_argument("model", nargs="?", help="embedded name or file")
    p.set_defaults(run=info)


def mock(arguments: argparse.Namespace) -> None:
    """Write a suite of mock galaxies, one HDF5 file each."""
    arguments.output.mkdir(parents=True, exist_ok=True)
    for galaxy in suite(arguments):
        path = galaxy.write(arguments.output / f"{galaxy.name}.hdf5")
        print(f"{path}  {context_text(galaxy.context)}")


def info(arguments: argparse.Namespace) -> None:
    """Print versions and embedded models, or the card of one model."""
    if arguments.model is None:
        print(f"galflowlab {galflowlab.__version__}, Python {platform.python_version()}")
        for package in ("torch", "normflows", "numpy", "astropy"):
            print(f"  {package} {version(package)}")
        print(f"embedded models: {', '.join(sorted(galflowlab.loading.embedded_models()))}")
        return
    edf = galflowlab.load(arguments.model)
    print(f"{arguments.model}: preset {edf.preset}, {edf.n_parameters} parameters")
    print("columns: " + ", ".join(f"{c} [{COLUMNS[c].unit_text or '-'}]" for c in edf.columns))
    print(f"context: {edf.population.describe()}")
    print(json.dumps(_without_history(edf.card), indent=1))


def _without_history(card: dict[str, Any]) -> dict[str, Any]:
    training = {k: v for k, v in card.get("training", {}).items() if not k.startswith("history")}
    return {**card, "training": training}


def context_text(context: dict[str, float]) -> str:
    """A context as part of a line."""
    return "  ".join(f"{name}={value:.4g}" for name, value in context.items())
