"""What `galflowlab crossval` does."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import galflowlab
from galflowlab.commands.inputs import galaxies_to_judge_by
from galflowlab.commands.options import add_preset, add_suite, count
from galflowlab.files import replacing

_DPI = 150


def add_to(sub: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    p = sub.add_parser(
        "crossval", help="leave galaxies out of the training, all in turn; run again to resume"
    )
    p.add_argument("data", nargs="*", type=Path, help="galaxy files or folders, default mocks")
    p.add_argument("-o", "--output", type=Path, required=True, help="folder, made or gone on with")
    p.add_argument(
        "--leave-out", type=count, default=5, help="galaxies at a time, default %(default)s"
    )
    p.add_argument(
        "--fraction",
        type=float,
        default=1.0,
        help="of the stars and of the budget, as a pilot that extrapolates; default %(default)g",
    )
    add_preset(p)
    p.add_argument(
        "--stars-seen",
        type=count,
        help="budget of a fold of the whole run; default 4e6, 3e8 for paper",
    )
    p.add_argument("--prepare", action="store_true", help="centre, align and clean DATA first")
    p.add_argument("--quiet", action="store_true", help="no progress bars")
    add_suite(p, galaxies=24, stars=10_000, seed=1)
    p.set_defaults(run=crossval)


def crossval(arguments: argparse.Namespace) -> None:
    """Cross-validate over galaxies, write the result and its figure, and print a summary."""
    galaxies, folder = galaxies_to_judge_by(arguments), arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    result = galflowlab.crossvalidation.crossvalidate(
        galaxies,
        output=folder,
        seed=arguments.seed,
        leave_out=arguments.leave_out,
        preset=arguments.preset,
        stars_seen=arguments.stars_seen,
        fraction=arguments.fraction,
        progress=not arguments.quiet,
    )
    with replacing(folder / "crossval.json") as partial:
        partial.write_text(json.dumps(result.as_dict(), allow_nan=False) + "\n")
    figure = galflowlab.crossvalidation.draw(result)
    for extension in ("png", "pdf"):
        with replacing(folder / f"crossval.{extension}") as partial:
            figure.savefig(partial, dpi=_DPI)
    _tell(result)
    print(f"written to {folder}: crossval.json, crossval.png, crossval.pdf and a model per fold")


def _tell(result: galflowlab.crossvalidation.CrossValidation) -> None:
    summary, settings = result.summary(), result.settings
    share = "" if settings.fraction == 1 else f", on {settings.fraction:.3g} of their stars"
    print(
        f"{len(result.names)} galaxies in {len(result.folds)} folds{share}, "
        f"{result.cpu_seconds:.0f} CPU-seconds"
    )
    for name, label in (("nll", "held-out NLL"), ("kl", "KL(truth‖model)")):
        if summary[name] is not None:
            print(
                f"{label} {summary[f'{name}_median']:.3f} nats per star, median over galaxies "
                f"(mean {summary[name]:.4g} ± {summary[f'{name}_error']:.2g})"
            )
    for name, fault in (("impossible_stars", "have no density"), ("broken_stars", "are infinite")):
        if summary[name]:
            print(f"{summary[name]} stars {fault} and are not in these numbers")
    for metric, of in summary["metrics"].items():
        print(
            f"{metric}: {of['own_is_nearest']:.0%} of the models are nearest to their own galaxy, "
            f"{of['own_over_noise']:.1f} times as far as two draws of one galaxy"
        )
    if (whole := result.extrapolation) is not None:
        print(
            f"whole run: {_between(whole.cpu_seconds, '.0f')} CPU-seconds, held-out NLL "
            f"{_between(whole.nll, '.3f')} nats per star"
        )


def _between(expected: galflowlab.crossvalidation.Range, form: str) -> str:
    return f"{expected.value:{form}} ({expected.low:{form}} to {expected.high:{form}})"
