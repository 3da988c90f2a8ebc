"""Command line: ``galflowlab {lab,app,mock,fetch,data,prepare,train,convert,sample,…}``."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from galflowlab._version import __version__
from galflowlab.commands import (
    basic,
    convert,
    crossval,
    data,
    evaluate,
    export,
    population,
    prepare,
    sample,
    servers,
    train,
)
from galflowlab.commands.inputs import count
from galflowlab.flow.architectures import PRESETS


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; errors end in one line on stderr and exit status 2."""
    words = list(sys.argv[1:] if argv is None else argv)
    own, passed_on = words, []
    if "--" in words:
        own, passed_on = words[: words.index("--")], words[words.index("--") + 1 :]
    parser = _parser()
    arguments = parser.parse_args(own)
    if passed_on and arguments.run not in (servers.lab, servers.app):
        parser.error(f"{arguments.command} passes nothing on: {' '.join(passed_on)}")
    arguments.passed_on, arguments.words = passed_on, words
    usual, warnings.formatwarning = warnings.formatwarning, _warned
    try:
        code = arguments.run(arguments) or 0
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever read, such as head, has enough
        # Python flushes once more at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, OSError, ImportError, FloatingPointError) as error:
        print(f"galflowlab {arguments.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    finally:
        warnings.formatwarning = usual


def _warned(message: Warning | str, *_: Any, **__: Any) -> str:
    """One line, without the place in our source."""
    return f"warning: {message}\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="galflowlab", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    sub = parser.add_subparsers(dest="command", required=True, metavar="command")
    servers.add_to(sub)
    _add_mock(sub)
    data.add_to(sub)
    prepare.add_to(sub)
    train.add_to(sub)
    convert.add_to(sub)
    sample.add_to(sub)
    population.add_to(sub)
    export.add_to(sub)
    _add_evaluate(sub)
    _add_crossval(sub)
    p = sub.add_parser("info", help="what is installed, or what a model is")
    p.add_argument("model", nargs="?", help="embedded name or file")
    p.set_defaults(run=basic.info)
    return parser


def _add_suite(p: argparse.ArgumentParser, *, galaxies: int, stars: int, seed: int) -> None:
    p.add_argument("--galaxies", type=count, default=galaxies, help=f"default {galaxies}")
    p.add_argument("--stars", type=count, default=stars, help=f"per galaxy, default {stars}")
    p.add_argument("--seed", type=int, default=seed, help=f"default {seed}")
    p.add_argument(
        "--scatter", type=float, default=0.0, help="intrinsic scatter of all relations, 0 to 1"
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
    p.add_argument("--workers", type=count, default=1, help="processes, default 1")


def _add_mock(sub: argparse._SubParsersAction) -> None:
    p = sub.add_parser("mock", help="write mock galaxies with an exactly known eDF")
    _add_suite(p, galaxies=40, stars=20_000, seed=1)
    p.add_argument("-o", "--output", type=Path, required=True, help="folder, one file per galaxy")
    p.set_defaults(run=basic.mock)


def _add_evaluate(sub: argparse._SubParsersAction) -> None:
    p = sub.add_parser(
        "evaluate",
        help="judge a model by galaxies it has not seen: quality, speed, cost",
        description="Judge a model by galaxies that it has not seen. Prints the error in nats per "
        "star, which takes seconds; with -o it also measures all metrics, speed and cost, draws "
        "figures and writes a page, which takes minutes.",
    )
    p.add_argument("model", nargs="?", default="mock", help="embedded name or file, default mock")
    p.add_argument("data", nargs="*", type=Path, help="galaxy files or folders, default mocks")
    p.add_argument("-o", "--output", type=Path, help="report.html, and report.json beside it")
    p.add_argument("--json", type=Path, help="write the numbers here")
    p.add_argument("--prepare", action="store_true", help="centre, align and clean DATA first")
    p.add_argument("--size", type=count, default=2000, help="stars of a metric, default 2000")
    p.add_argument("--resamples", type=count, default=200, help="of each null, default 200")
    p.add_argument("--examined", type=count, default=4, help="galaxies in detail, default 4")
    _add_suite(p, galaxies=24, stars=10_000, seed=20_000)
    p.set_defaults(run=evaluate.evaluate)


def _add_crossval(sub: argparse._SubParsersAction) -> None:
    p = sub.add_parser(
        "crossval", help="leave galaxies out of the training, all in turn; run again to resume"
    )
    p.add_argument("data", nargs="*", type=Path, help="galaxy files or folders, default mocks")
    p.add_argument("-o", "--output", type=Path, required=True, help="folder")
    p.add_argument("--leave-out", type=count, default=5, help="galaxies at a time, default 5")
    p.add_argument(
        "--fraction",
        type=float,
        default=1.0,
        help="of the stars and of the budget, as a pilot that extrapolates; default 1",
    )
    p.add_argument("--preset", choices=sorted(PRESETS), default="live")
    p.add_argument("--stars-seen", type=count, help="budget of a fold of the whole run")
    p.add_argument("--prepare", action="store_true", help="centre, align and clean DATA first")
    p.add_argument("--quiet", action="store_true", help="no progress bars")
    _add_suite(p, galaxies=24, stars=10_000, seed=1)
    p.set_defaults(run=crossval.crossval)


if __name__ == "__main__":
    sys.exit(main())
