"""What `galflowlab prepare` does."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

from tqdm.auto import tqdm

import galflowlab


def add_to(sub: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    p = sub.add_parser(
        "prepare",
        help="turn galaxies into a store, from which training streams stars",
        description="Read, centre, align and clean galaxies, and write their stars in one random "
        "order. A store may be larger than memory; train takes it in the place of files.",
    )
    p.add_argument("data", nargs="+", help="galaxy files, folders or patterns of them")
    p.add_argument("-o", "--output", type=Path, required=True, help="folder to make")
    p.add_argument(
        "--seed", type=int, default=1, help="of the order of the stars, default %(default)s"
    )
    how = p.add_mutually_exclusive_group()
    how.add_argument("--as-given", action="store_true", help="do not centre, align or clean")
    how.add_argument("--galacticflow", action="store_true", help="clean as Wolf & Buck (2023)")
    p.add_argument("--columns", type=Path, help="map of the columns of tables, a TOML file")
    p.add_argument(
        "--workers", type=int, default=1, help="processes that read, default %(default)s"
    )
    p.add_argument(
        "--keep-going", action="store_true", help="leave out galaxies that cannot be used"
    )
    p.add_argument("--quiet", action="store_true", help="no progress bar")
    p.set_defaults(run=prepare)


def prepare(arguments: argparse.Namespace) -> None:
    """Write a store, and say what is in it and what is not."""
    left_out: list[tuple[Path, Exception]] = []
    galaxies = galflowlab.data.read_all(
        arguments.data,
        workers=arguments.workers,
        prepare=_step(arguments),
        columns=arguments.columns,
        on_error=(lambda *what: left_out.append(what)) if arguments.keep_going else None,
    )
    count = len(galflowlab.data.galaxy_files(arguments.data))
    try:
        store = galflowlab.store.write_store(
            _shown(galaxies, count, quiet=arguments.quiet),
            arguments.output,
            seed=arguments.seed,
            notes=_notes(arguments),
        )
    finally:  # they may be why there is no store
        for path, error in left_out:
            text = str(error)
            print(f"left out: {text if str(path) in text else f'{path}: {text}'}")
    print(f"{arguments.output}: {len(store)} galaxies, {store.n_stars} stars")
    print(f"columns: {', '.join(store.columns)}")


def _step(arguments: argparse.Namespace) -> Callable[[galflowlab.Galaxy], galflowlab.Galaxy] | None:
    if arguments.as_given:
        return None
    return galflowlab.data.galacticflow if arguments.galacticflow else galflowlab.prepare


def _notes(arguments: argparse.Namespace) -> str:
    if arguments.as_given:
        return "stars as they are in the files"
    step = "galacticflow" if arguments.galacticflow else "prepare"
    return f"galflowlab.data.{step} of every galaxy"


def _shown(
    galaxies: Iterator[galflowlab.Galaxy], count: int, *, quiet: bool
) -> Iterator[galflowlab.Galaxy]:
    with tqdm(galaxies, total=count, unit="galaxy", desc="prepare", disable=quiet) as bar:
        yield from bar
