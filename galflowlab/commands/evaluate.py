"""What `galflowlab evaluate` does."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path
from typing import Any

import galflowlab
from galflowlab.commands.inputs import galaxies_to_judge_by, require_folder
from galflowlab.commands.options import add_suite, count
from galflowlab.files import replacing

_SUITE = ("galaxies", "stars", "seed", "scatter", "context_scatter", "log10_mstar")


def add_to(sub: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    p = sub.add_parser(
        "evaluate",
        help="judge a model by galaxies it has not seen: quality, speed, cost",
        description="Judge a model by galaxies that it has not seen. Prints the error in nats per "
        "star, which takes seconds; with -o it also measures all metrics, speed and cost, draws "
        "figures and writes a page, which takes minutes.",
    )
    p.add_argument(
        "model", nargs="?", default="mock", help="embedded name or file, default %(default)s"
    )
    p.add_argument("data", nargs="*", type=Path, help="galaxy files or folders, default mocks")
    p.add_argument("-o", "--output", type=Path, help="report.html, and report.json beside it")
    p.add_argument("--json", type=Path, help="write the numbers here")
    p.add_argument("--prepare", action="store_true", help="centre, align and clean DATA first")
    p.add_argument(
        "--size", type=count, default=2000, help="stars of a metric, default %(default)s"
    )
    p.add_argument("--resamples", type=count, default=200, help="of each null, default %(default)s")
    p.add_argument(
        "--examined", type=count, default=4, help="galaxies in detail, default %(default)s"
    )
    add_suite(p, galaxies=24, stars=10_000, seed=20_000)
    p.set_defaults(run=evaluate)


def evaluate(arguments: argparse.Namespace) -> None:
    """Print the error per galaxy and on average; write page and JSON if asked."""
    page, record = _outputs(arguments)
    edf, galaxies = galflowlab.load(arguments.model), galaxies_to_judge_by(arguments)
    if page is not None:
        found = galflowlab.report.evaluate(
            edf,
            galaxies,
            seed=arguments.seed,
            size=arguments.size,
            resamples=arguments.resamples,
            examined=arguments.examined,
            command=shlex.join(["galflowlab", *arguments.words]),
        )
        found.write(html=page, json=record)
        _print_galaxies(found.quality)
        for finding in found.summary:
            print(f"{finding['topic']}: {finding['text']}")
        print(f"{page}, {record}: written")
        return
    if arguments.data:
        result = galflowlab.report.against_galaxies(edf, galaxies, seed=arguments.seed)
        origin = {"data": [str(path) for path in arguments.data], "seed": arguments.seed}
    else:
        result = galflowlab.report.against_truth(edf, galaxies)
        origin = {"suite": {name: getattr(arguments, name) for name in _SUITE}}
    _print_galaxies(result)
    if record is not None:
        with replacing(record) as partial:
            partial.write_text(json.dumps({**origin, **result}, indent=1) + "\n")


def _outputs(arguments: argparse.Namespace) -> tuple[Path | None, Path | None]:
    """Files of page and JSON; refused before the work if they could not be written."""
    page, record = arguments.output, arguments.json
    if page is not None:
        if page.suffix not in (".html", ".htm"):
            raise ValueError(f"{page}: a report is written as .html")
        record = record or page.with_suffix(".json")
    for path in (page, record):
        if path is not None:
            require_folder(path)
    if page is not None and record is not None and page.resolve() == record.resolve():
        raise ValueError(f"{page}: page and JSON need different files")
    return page, record


def _print_galaxies(result: dict[str, Any]) -> None:
    rows = sorted(result["galaxies"], key=lambda row: row["context"]["log10_mstar"])
    known = all(row["entropy"] is not None for row in rows)
    value, entropy, head = ("kl", "entropy", "KL(truth‖model)") if known else ("nll", "", "NLL")
    print(f"{'log10 M*':>9} {entropy:>8} {head:>16}  nats per star")
    for row in rows:
        inside = "" if row["inside_population"] else "  outside the training population"
        truth = f"{row['entropy']:.3f}" if known else ""
        error = (
            f"{row[value]:8.4f} ± {row[f'{value}_error']:.4f}"
            if row[value] is not None
            else "infinite"
        )
        print(f"{row['context']['log10_mstar']:9.3f} {truth:>8} {error}{inside}")
    if result["kl"] is not None:
        error = f" ± {result['kl_error']:.4f}" if result["kl_error"] is not None else ""
        judged = sum(row["kl"] is not None for row in rows)
        print(f"mean KL(truth‖model) {result['kl']:.4f}{error} over {judged} galaxies")
