"""What `galflowlab population` does."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import galflowlab
from galflowlab.catalogues import MASS_FUNCTIONS, draw_contexts, star_counts, write_galaxies
from galflowlab.commands.inputs import count, require_folder
from galflowlab.commands.workers import add_workers, cluster

_STARS = 10_000


def add_to(sub: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    p = sub.add_parser(
        "population",
        help="draw many galaxies and write a file for each, and a table of them",
        description="Draw galaxies like those that the model was trained on, or with masses of "
        "a published mass function, and write a file for each, and a table of them. Interrupted "
        "or killed, the same command goes on.",
    )
    p.add_argument("--model", default="mock", help="embedded name or file, default mock")
    p.add_argument("--n-galaxies", type=count, required=True)
    size = p.add_mutually_exclusive_group()
    size.add_argument("--stars", type=count, default=_STARS, help=f"of each, default {_STARS}")
    size.add_argument("--star-mass", type=float, help="of a star particle [Msun], instead")
    p.add_argument(
        "--mass-function",
        choices=sorted(MASS_FUNCTIONS),
        help="from which masses are drawn; by default from the training population",
    )
    p.add_argument("--seed", type=int, required=True)
    p.add_argument("-o", "--output", type=Path, required=True, help="folder")
    add_workers(p)
    p.set_defaults(run=population)


def population(arguments: argparse.Namespace) -> None:
    """Draw contexts, and a galaxy for each."""
    require_folder(arguments.output)
    edf = galflowlab.load(arguments.model)
    law = MASS_FUNCTIONS[arguments.mass_function] if arguments.mass_function else None
    contexts = draw_contexts(
        edf.population, arguments.n_galaxies, seed=arguments.seed, mass_function=law
    )
    mass = arguments.star_mass
    with cluster(arguments.scheduler) as client:
        made = write_galaxies(
            edf,
            contexts,
            arguments.stars if mass is None else star_counts(contexts, mass),
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
