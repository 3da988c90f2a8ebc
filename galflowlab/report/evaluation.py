"""Judging a model by all that is to be known of it: quality, speed and cost."""

from __future__ import annotations

import operator
import os
import platform
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from galflowlab._version import __version__
from galflowlab.edf import EDF
from galflowlab.frozen import Seed
from galflowlab.galaxy import Galaxy
from galflowlab.galaxy_checks import relations_over_grid, scaling_relations
from galflowlab.machine import peak_memory
from galflowlab.population import ExtrapolationWarning
from galflowlab.report.cost import cost, model_file, training_history
from galflowlab.report.document import Report, plain
from galflowlab.report.examination import examine, spread_in_mass
from galflowlab.report.figures import error_figure, history_figure, scaling_figure
from galflowlab.report.galaxies import against_galaxies, check_galaxies
from galflowlab.report.relation_figure import relation_figure
from galflowlab.report.speed import speed
from galflowlab.report.summary import summarise

_SCALING_STARS = 10_000  # drawn for each galaxy
_GRID = {"n": 5000, "resamples": 20}  # of each galaxy that is held against published relations
_MASSES = 8
_LONG = ("history", "names")  # entries of a card for programs, not for readers


def evaluate(
    edf: EDF,
    galaxies: Sequence[Galaxy],
    *,
    seed: Seed,
    size: int = 2000,
    resamples: int = 200,
    examined: int = 4,
    command: str | None = None,
) -> Report:
    """Judge a model by galaxies that it has not seen.

    Parameters
    ----------
    edf
        The model.
    galaxies
        With the columns and the context of the model. Those with a ``truth`` give
        KL(truth‖model) too.
    seed
        Of everything that is drawn.
    size
        Stars in each sample of the two-sample metrics; at most half the stars of a galaxy.
    resamples
        Draws from the null of each metric.
    examined
        How many galaxies get metrics and figures: spread evenly in stellar mass, among those
        with at least 200 stars.
    command
        What was typed, for the record.

    Returns
    -------
    Report

    Raises
    ------
    ValueError
        For a number below one (`size`, `resamples`: two), and for a galaxy that the model
        cannot be judged by, such as one that lacks a column; the message names it.
    """
    galaxies = list(galaxies)
    check_galaxies(edf, galaxies)
    _check_count("size", size, 2)
    _check_count("resamples", resamples, 2)
    _check_count("examined", examined, 1)
    for_speed, for_rows, for_scaling, for_lens, for_grid = np.random.default_rng(seed).spawn(5)

    file = model_file(edf)
    rates = speed(edf, _typical(edf, galaxies), seed=for_speed)
    costs = {**cost(edf, file["bytes"]), "process_peak_bytes": peak_memory()}
    errors = against_galaxies(edf, galaxies, seed=for_rows)
    figures = {"error": error_figure(errors["galaxies"])}
    if history := training_history(edf.card):
        figures["history"] = history_figure(*history)
    with warnings.catch_warnings():  # of contexts outside: the report says it of each galaxy
        warnings.simplefilter("ignore", ExtrapolationWarning)
        relations, drawn = _relations(edf, galaxies, for_scaling, for_grid)
        lens = [
            examine(edf, galaxy, size=size, resamples=resamples, seed=for_lens.spawn(1)[0])
            for galaxy in spread_in_mass(galaxies, examined)
        ]
    figures |= drawn
    for i, one in enumerate(lens):
        figures |= {f"{i}/{name}": figure for name, figure in one.figures.items()}
    quality = {
        **errors,
        "trained_on": _trained_on(edf, galaxies),
        "examined": [one.entry for one in lens],
        **relations,
    }
    record = {
        "command": command,
        "seed": None if isinstance(seed, np.random.Generator) else operator.index(seed),
        "size": int(size),
        "resamples": int(resamples),
        **_record(edf, galaxies, file),
    }
    title = edf.source or "a model in memory"
    summary = summarise(quality, rates, costs)
    return Report(title, summary, quality, rates, costs, plain(record), figures)


def _check_count(name: str, value: int, least: int) -> None:
    if operator.index(value) < least:
        raise ValueError(f"expected {name} of at least {least}, got {value}")


def _relations(
    edf: EDF,
    galaxies: Sequence[Galaxy],
    for_scaling: np.random.Generator,
    for_grid: np.random.Generator,
) -> tuple[dict[str, Any], dict[str, Figure]]:
    """Scaling relations of the galaxies, and of typical ones against published relations."""
    found: dict[str, Any] = {"scaling": None, "published": None}
    figures = {}
    if "metallicity" in edf.columns:
        scaling = scaling_relations(edf, galaxies, n=_SCALING_STARS, seed=for_scaling)
        found["scaling"], figures["scaling"] = scaling.as_dict(), scaling_figure(scaling)
    if "log10_mstar" in edf.context_names:
        mass = np.unique(np.linspace(*edf.population.range("log10_mstar"), _MASSES))
        grid = relations_over_grid(edf, mass, **_GRID, seed=for_grid)
        found["published"], figures["published"] = grid.as_dict(), relation_figure({"model": grid})
    return found, figures


def _typical(edf: EDF, galaxies: Sequence[Galaxy]) -> dict[str, float]:
    """Context of the galaxy of median mass."""
    ranked = sorted(galaxies, key=lambda galaxy: galaxy.context["log10_mstar"])
    middle = ranked[len(ranked) // 2]
    return {name: middle.context[name] for name in edf.context_names}


def _trained_on(edf: EDF, galaxies: Sequence[Galaxy]) -> list[str]:
    """Names of galaxies that the card lists as those of the training."""
    training = edf.card.get("training")
    names = training.get("names") if isinstance(training, Mapping) else None
    known = {str(name) for name in names} if isinstance(names, list) else set()
    return [galaxy.name for galaxy in galaxies if galaxy.name in known]


def _record(edf: EDF, galaxies: Sequence[Galaxy], file: Mapping[str, Any]) -> dict[str, Any]:
    """Model, data, versions and machine."""
    card, training = dict(edf.card), edf.card.get("training")
    if isinstance(training, Mapping):
        card["training"] = {k: v for k, v in training.items() if k not in _LONG}
    packages = ("torch", "normflows", "numpy", "scipy", "scikit-learn", "matplotlib")
    return {
        "model": {"preset": edf.preset, "columns": list(edf.columns), **file},
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "galflowlab": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in packages},
        },
        "machine": {
            "system": platform.system(),
            "architecture": platform.machine(),
            "cores": os.cpu_count(),
        },
        "card": card,
        "galaxies": [{"name": g.name, **g.provenance.to_dict()} for g in galaxies],
    }
