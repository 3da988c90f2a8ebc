"""The error of a model on each of many galaxies, in nats per star."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from galflowlab.edf import EDF
from galflowlab.galaxy import Galaxy
from galflowlab.metrics import Estimate, kl_divergence, negative_log_likelihood

_MOST_DRAWN = 20_000  # of the model's own stars, whose mean log density they estimate


def check_galaxies(edf: EDF, galaxies: Sequence[Galaxy]) -> None:
    """Refuse galaxies that a model cannot be judged by, before any work.

    Raises
    ------
    ValueError
        If there is none, or one has fewer than two stars, or lacks a column or a context entry
        of the model.
    """
    if not galaxies:
        raise ValueError("expected at least one galaxy to compare with")
    for galaxy in galaxies:
        if missing := [name for name in edf.columns if name not in galaxy.columns]:
            raise ValueError(
                f"galaxy {galaxy.name!r} lacks the columns {missing} of the model; "
                f"it has {list(galaxy.columns)}"
            )
        if missing := [name for name in edf.context_names if name not in galaxy.context]:
            raise ValueError(f"galaxy {galaxy.name!r} has no context {missing}")
        if len(galaxy) < 2:
            raise ValueError(f"galaxy {galaxy.name!r} has one star only; at least 2 are needed")


def against_galaxies(
    edf: EDF, galaxies: Sequence[Galaxy], *, seed: int | np.random.Generator
) -> dict[str, Any]:
    """Judge a model by the stars of galaxies that it has not seen.

    Parameters
    ----------
    edf
        The model.
    galaxies
        At least one. Those with a ``truth`` get KL(truth‖model) too.
    seed
        Of the stars that the model draws.

    Returns
    -------
    dict
        ``nll``, the negative log-likelihood of the stars; ``surprise``, how far that is above
        the same of the model's own stars, which is zero for the truth; and ``kl``, over the
        galaxies whose truth is known. Nats per star, means over galaxies; with ``_error``, the
        standard error from galaxy to galaxy. ``galaxies`` has one entry each: ``name``,
        ``stars``, ``context``, ``support`` (see `EDF.support`), ``inside_population``, the
        ``entropy`` of a known truth, the number of ``impossible`` stars, to which the model
        gives no density, and the three quantities with their standard errors. None is what
        is infinite or not known. JSON-serialisable.

    Raises
    ------
    ValueError
        As `check_galaxies`, and for stars that are not finite.
    """
    check_galaxies(edf, galaxies)
    rngs = np.random.default_rng(seed).spawn(len(galaxies))
    rows = [_row(edf, galaxy, rng) for galaxy, rng in zip(galaxies, rngs, strict=True)]
    means: dict[str, float | None] = {}
    for name in ("kl", "nll", "surprise"):
        chosen = [row for row in rows if name != "kl" or row["entropy"] is not None]
        means[name], means[f"{name}_error"] = _mean([row[name] for row in chosen])
    return {**means, "galaxies": rows}


def _row(edf: EDF, galaxy: Galaxy, rng: np.random.Generator) -> dict[str, Any]:
    context = {name: galaxy.context[name] for name in edf.context_names}
    model = edf.log_prob(galaxy.stars, context)
    drawn = edf.freeze(context, n=min(len(galaxy), _MOST_DRAWN), seed=rng).arrays()
    nll = negative_log_likelihood(model)
    expected = edf.log_prob(drawn, context)
    # Rounding may put a star of the model's own on the edge of the support.
    own = negative_log_likelihood(expected[np.isfinite(expected)])
    surprise = Estimate(nll.value - own.value, math.hypot(nll.error, own.error))
    row = {
        "name": galaxy.name,
        "stars": len(galaxy),
        "context": context,
        "support": edf.support(context),
        "inside_population": edf.population.inside(context),
        "impossible": int(np.count_nonzero(np.isneginf(model))),
        **_named("nll", nll),
        **_named("surprise", surprise),
        **dict.fromkeys(("entropy", "kl", "kl_error")),
    }
    if galaxy.truth is not None:
        truth = galaxy.truth.log_prob(galaxy.stars)
        row["entropy"] = negative_log_likelihood(truth).value
        row |= _named("kl", kl_divergence(truth, model))
    return row


def _named(name: str, estimate: Estimate) -> dict[str, float | None]:
    finite = math.isfinite(estimate.value) and math.isfinite(estimate.error)
    value, error = (estimate.value, estimate.error) if finite else (None, None)
    return {name: value, f"{name}_error": error}


def _mean(values: Sequence[float | None]) -> tuple[float | None, float | None]:
    """Mean and standard error; both None without values or if one is."""
    numbers = [value for value in values if value is not None]
    if not numbers or len(numbers) < len(values):
        return None, None
    n = len(numbers)
    return float(np.mean(numbers)), float(np.std(numbers, ddof=1) / n**0.5) if n > 1 else None
