"""What `galflowlab population` does."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import galflowlab
from galflowlab.commands.inputs import require_folder
from galflowlab.commands.options import count
from galflowlab.commands.workers import add_workers, cluster


def add_to(sub: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    p = sub.add_parser(
        "population",
        help="draw many galaxies and write a file for each, and a table of them",
        description="Draw galaxies like those that the model was trained on, or with masses of "
        "a published mass function, and write a file for each, and a table of them. Interrupted "
        "or killed, the same command goes on.",
    )
    p.add_argument("--model", default="mock", help="embedded name or file, default %(default)s")
    p.add_argument("--n-galaxies", type=count, required=True, help="number of galaxies")
    size = p.add_mutually_exclusive_group()
    size.add_argument(
        "--stars", type=count, default=10_000, help="of each galaxy, default %(default)s"
    )
    size.add_argument("--star-mass", type=float, help="of a star particle [Msun], instead")
    p.add_argument(
        "--mass-function",
        type=_mass_function,
        metavar="NAME",
        help="published one that masses are drawn from: baldry12; default: as in the training "
        "population",
    )
    p.add_argument("--seed", type=int, required=True, help="of all random numbers")
    p.add_argument("-o", "--output", type=Path, required=True, help="folder, made or gone on with")
    add_workers(p)
    p.set_defaults(run=population)


def _mass_function(text: str) -> galflowlab.catalogues.MassFunction:
    known = galflowlab.catalogues.MASS_FUNCTIONS
    if text not in known:
        raise argparse.ArgumentTypeError(f"expected one of {', '.join(known)}, got {text!r}")
    return known[text]


def population(arguments: argparse.Namespace) -> None:
    """Draw contexts, and a galaxy for each."""
    require_folder(arguments.output)
    edf = galflowlab.load(arguments.model)
    contexts = galflowlab.catalogues.draw_contexts(
        edf.population,
        arguments.n_galaxies,
        seed=arguments.seed,
        mass_function=arguments.mass_function,
    )
    stars, mass = arguments.stars, arguments.star_mass
    if mass is not None:
        stars = galflowlab.catalogues.star_counts(contexts, mass)
    with cluster(arguments.scheduler) as client:
        made = galflowlab.catalogues.write_galaxies(
            edf,
            contexts,
            stars,
            arguments.output,
            seed=arguments.seed,
            workers=arguments.workers,
            client=client,
            progress=not arguments.quiet,
        )
    kept = f" ({made.kept} were there)" if made.kept else ""
    rows = np.array([list(context.values()) for context in contexts])
    outside = len(rows) - int(edf.population.inside_many(rows).sum())
    note = f", {outside} outside the training population" if outside else ""
    print(f"{arguments.output}: {len(made.files)} galaxies{kept}, {made.stars} stars{note}")
