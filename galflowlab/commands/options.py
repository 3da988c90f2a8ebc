"""Options that several commands have, and how their values are read."""

from __future__ import annotations

import argparse


def add_suite(p: argparse.ArgumentParser, *, galaxies: int, stars: int, seed: int) -> None:
    """Add the options that describe a mock suite to a command."""
    p.add_argument(
        "--galaxies", type=count, default=galaxies, help="number of mocks, default %(default)s"
    )
    p.add_argument("--stars", type=count, default=stars, help="of each mock, default %(default)s")
    p.add_argument(
        "--seed", type=int, default=seed, help="of all random numbers, default %(default)s"
    )
    p.add_argument(
        "--scatter",
        type=float,
        default=0.0,
        help="intrinsic scatter of all relations, 0 to 1, default %(default)g",
    )
    p.add_argument(
        "--context-scatter",
        type=float,
        help="scatter of metallicity and age at given mass (default: as --scatter)",
    )
    p.add_argument(
        "--log10-mstar",
        type=float,
        nargs=2,
        default=(7.0, 11.2),
        metavar=("LOW", "HIGH"),
        help="range of log10 of the stellar mass [Msun], default 7 to 11.2",
    )
    p.add_argument("--workers", type=count, default=1, help="processes, default %(default)s")


def add_preset(p: argparse.ArgumentParser) -> None:
    """Add the choice of an architecture to a command."""
    p.add_argument(
        "--preset",
        type=preset,
        default="live",
        metavar="NAME",
        help="network and recipe: live, accurate, density or paper, default %(default)s",
    )


def count(text: str) -> int:
    """A positive whole number, also written as 1e5; raises ArgumentTypeError for others."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not (value >= 1 and value.is_integer()):
        raise argparse.ArgumentTypeError(f"expected a positive whole number, got {text!r}")
    return int(value)


def preset(text: str) -> str:
    """The name of a preset; raises ArgumentTypeError for others."""
    from galflowlab.flow.architectures import PRESETS  # needs torch, which --help should not

    if text not in PRESETS:
        known = ", ".join(PRESETS)
        raise argparse.ArgumentTypeError(f"expected one of {known}, got {text!r}")
    return text
