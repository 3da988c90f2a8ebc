"""What `galflowlab evaluate` does."""

from __future__ import annotations

import argparse
import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import galflowlab
from galflowlab import mocks, report
from galflowlab.commands import _galaxy_files, _require_folder, _suite
from galflowlab.files import replacing
from galflowlab.galaxy import Galaxy
from galflowlab.schema import column_values

_SUITE = ("galaxies", "stars", "seed", "scatter", "context_scatter", "log10_mstar")
_SAME = 1e-3  # relative difference; files may hold single precision


def evaluate(arguments: argparse.Namespace) -> None:
    """Print the error per galaxy and on average; write page and JSON if asked."""
    page, record = _outputs(arguments)
    edf, galaxies = galflowlab.load(arguments.model), _galaxies(arguments)
    if page is not None:
        found = report.evaluate(
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
        result = report.against_galaxies(edf, galaxies, seed=arguments.seed)
        origin = {"data": [str(path) for path in arguments.data], "seed": arguments.seed}
    else:
        result = report.against_truth(edf, galaxies)
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
            _require_folder(path)
    if page is not None and record is not None and page.resolve() == record.resolve():
        raise ValueError(f"{page}: page and JSON need different files")
    return page, record


def _galaxies(arguments: argparse.Namespace) -> list[Galaxy]:
    if not arguments.data:
        return _suite(arguments)
    galaxies = [galflowlab.read(path) for path in _galaxy_files(arguments.data)]
    if arguments.prepare:
        return [galflowlab.prepare(galaxy) for galaxy in galaxies]
    return [with_truth(galaxy) for galaxy in galaxies]


def with_truth(galaxy: Galaxy) -> Galaxy:
    """Give a mock that was read from a file its truth again, which files do not hold.

    Only if its stars are those of the mock of that name; other galaxies are returned as they
    are.
    """
    if not mocks.is_mock_name(galaxy.name):
        return galaxy
    try:
        made = mocks.remake(galaxy.name, galaxy.context["log10_mstar"], len(galaxy))
    except (KeyError, ValueError):  # a name like that of a mock, but no mock
        return galaxy
    same = all(
        np.allclose(column_values(galaxy.stars, c), column_values(made.stars, c), rtol=_SAME)
        for c in galaxy.columns
    )
    return replace(galaxy, truth=made.truth) if same and galaxy.columns == made.columns else galaxy


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
        count = sum(row["kl"] is not None for row in rows)
        print(f"mean KL(truth‖model) {result['kl']:.4f}{error} over {count} galaxies")
