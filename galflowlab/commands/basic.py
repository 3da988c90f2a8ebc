"""What the commands do; `cli` only parses."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

import galflowlab
from galflowlab.commands.inputs import suite
from galflowlab.schema import COLUMNS

_REPOSITORY = Path(__file__).resolve().parents[2]


def lab(arguments: argparse.Namespace) -> NoReturn:
    """Open JupyterLab; it prints its URL, and opens a browser where there is one."""
    target = arguments.notebook or _in_repository("notebooks/01_explore.ipynb")
    if not target.exists():
        raise FileNotFoundError(f"{target}: no such notebook")
    root = _root_for(target)
    page = "/lab/tree/" + quote(target.resolve().relative_to(root).as_posix())
    # The page is part of the printed URL this way, so it opens there without a browser too.
    options = ["--ServerApp.root_dir", str(root), "--LabApp.default_url", page]
    _serve("jupyterlab", *options, *arguments.passed_on)


def app(arguments: argparse.Namespace) -> NoReturn:
    """Serve the explorer with Voila."""
    _serve("voila", str(_in_repository("widgets/explorer.ipynb")), *arguments.passed_on)


def _root_for(target: Path) -> Path:
    inside = target.resolve().is_relative_to(_REPOSITORY)
    return _REPOSITORY if inside else target.resolve().parent


def _in_repository(relative: str) -> Path:
    path = _REPOSITORY / relative
    if not path.is_file():
        raise FileNotFoundError(f"{relative} is part of the repository; name a notebook instead")
    return path


def _serve(module: str, *rest: str) -> NoReturn:
    """Become the server, so that signals reach it."""
    command = [sys.executable, "-m", module, *rest]
    if not _has_browser():
        command.append("--no-browser")
    if module == "jupyterlab" and hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    # Kernels and terminals must find this environment first, activated or not.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    os.execve(sys.executable, command, os.environ | {"PATH": path})


def _has_browser() -> bool:
    if platform.system() == "Linux":
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True


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
