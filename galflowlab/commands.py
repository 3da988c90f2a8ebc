"""What the commands do; `cli` only parses."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

import galflowlab
from galflowlab import mocks
from galflowlab.galaxy import Galaxy, Provenance
from galflowlab.schema import COLUMNS, CONTEXT
from galflowlab.tables import check_extension

_REPOSITORY = Path(__file__).resolve().parents[1]


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
    for galaxy in _suite(arguments):
        path = galaxy.write(arguments.output / f"{galaxy.name}.hdf5")
        print(f"{path}  {_context_text(galaxy.context)}")


def _suite(arguments: argparse.Namespace) -> list[Galaxy]:
    return mocks.make_suite(
        arguments.galaxies,
        arguments.stars,
        seed=arguments.seed,
        scatter=arguments.scatter,
        context_scatter=arguments.context_scatter,
        log10_mstar=tuple(arguments.log10_mstar),
        workers=arguments.workers,
    )


def train(arguments: argparse.Namespace) -> None:
    """Train on galaxy files; an interrupted training resumes when run again."""
    output = arguments.output
    if output.suffix != ".safetensors":
        raise ValueError(f"{output}: a model is written as .safetensors")
    _require_folder(output)
    galaxies = [galflowlab.read(path) for path in _galaxy_files(arguments.data)]
    if arguments.prepare:
        galaxies = [galflowlab.prepare(galaxy) for galaxy in galaxies]
    checkpoint = output.with_suffix(".partial.safetensors")
    edf = galflowlab.fit(
        galaxies,
        preset=arguments.preset,
        seed=arguments.seed,
        stars_seen=arguments.stars_seen,
        batch=arguments.batch,
        learning_rate=arguments.learning_rate,
        weight_decay=arguments.weight_decay,
        symmetric=arguments.symmetric,
        checkpoint=checkpoint,
        progress=not arguments.quiet,
        compiled=arguments.compiled,
    )
    edf.save(output)
    checkpoint.unlink(missing_ok=True)
    training = edf.card["training"]
    print(
        f"{output}: {training['galaxies']} galaxies, {training['stars_seen']:.3g} stars seen, "
        f"held-out NLL {training['held_out_nll']:.3f} nats per star"
    )


def _require_folder(output: Path) -> None:
    """Refuse before the work, not after it, if the result could not be written."""
    if not output.parent.is_dir():
        raise FileNotFoundError(f"{output.parent}: no such folder")


def _galaxy_files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        inside = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
        if not inside:
            raise FileNotFoundError(f"{path}: no galaxy files in this folder")
        yield from inside


def sample(arguments: argparse.Namespace) -> None:
    """Draw a galaxy and write its stars in the format of the extension."""
    check_extension(arguments.output)
    _require_folder(arguments.output)
    edf = galflowlab.load(arguments.model)
    given = {name: getattr(arguments, name) for name in CONTEXT}
    context = {name: value for name, value in given.items() if value is not None}
    frozen = edf.freeze(context, n=arguments.n, seed=arguments.seed)
    stars, full = frozen.stars(), frozen.context
    galaxy = Galaxy(
        name=f"{Path(arguments.model).stem}_s{arguments.seed}",
        stars=stars,
        provenance=Provenance(
            source=f"galflowlab sample --model {arguments.model} --seed {arguments.seed}",
            simulation="generated by an eDF",
            notes=f"context asked for: {json.dumps(full)}",
        ),
    )
    galaxy.write(arguments.output)
    note = "" if edf.population.inside(full) else "  (outside the training population)"
    print(f"{arguments.output}: {len(stars)} stars, {_context_text(full)}{note}")


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


def _context_text(context: dict[str, float]) -> str:
    return "  ".join(f"{name}={value:.4g}" for name, value in context.items())
