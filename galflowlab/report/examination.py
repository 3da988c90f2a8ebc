"""One galaxy under the lens: metrics with their nulls, maps, profiles, corner plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import t as student_t

from galflowlab import metrics
from galflowlab.edf import EDF
from galflowlab.galaxy import Galaxy
from galflowlab.galaxy_checks import profile_checks
from galflowlab.metrics import Comparison
from galflowlab.report.coordinates import PHASE_SPACE_VIEW, POPULATION_VIEW, coordinates
from galflowlab.report.corner import corner
from galflowlab.report.figures import profile_figure
from galflowlab.report.map_figure import map_figure
from galflowlab.report.physics import measure
from galflowlab.report.physics_figure import physics_figure
from galflowlab.report.views import map_pairs
from galflowlab.schema import Stars

LEVEL = 0.01
"""Of significance: a value less likely than this rejects the model."""

MIN_STARS = 200
"""Fewer tell nothing: metrics compare halves of them."""

_MOST_DRAWN = 200_000
_PROFILE_RESAMPLES = 100
_C2ST_RESAMPLES = 20  # each of them trains trees


@dataclass(frozen=True)
class Examination:
    """What is found out about one galaxy.

    Parameters
    ----------
    entry
        Plain data: ``name``, ``context``, ``stars``, ``size`` of the samples of the metrics,
        ``two_samples`` and ``densities`` (metrics by name, as of `Comparison.as_dict`, with
        ``rejected`` where that makes sense, see `rejects`), ``profiles``, ``maps`` and
        ``physics``, see `physics.measure`, or ``failed`` therein, the reason why there is none.
    figures
        ``maps``, ``profiles``, ``phase_space`` and ``populations``, as far as the columns go,
        and ``physics``.
    """

    entry: dict[str, Any]
    figures: dict[str, Figure]


def spread_in_mass(galaxies: Sequence[Galaxy], count: int) -> list[Galaxy]:
    """Up to `count` galaxies with enough stars, spread evenly in log10_mstar, lightest first."""
    enough = [galaxy for galaxy in galaxies if len(galaxy) >= MIN_STARS]
    enough.sort(key=lambda galaxy: galaxy.context["log10_mstar"])
    mass = np.array([galaxy.context["log10_mstar"] for galaxy in enough])
    chosen: list[int] = []
    for target in np.linspace(mass[0], mass[-1], count) if len(mass) else ():
        order = [int(i) for i in np.argsort(np.abs(mass - target)) if int(i) not in chosen]
        chosen += order[:1]
    return [enough[i] for i in sorted(chosen)]


def examine(
    edf: EDF,
    galaxy: Galaxy,
    *,
    size: int,
    resamples: int,
    seed: int | np.random.Generator,
) -> Examination:
    """Compare a galaxy with stars that the model draws at its context.

    Parameters
    ----------
    edf
        The model.
    galaxy
        With the columns and context of the model, and at least `MIN_STARS` stars.
    size
        Stars in each sample of the metrics, if the galaxy has twice as many; else half of it.
    resamples
        Draws from the null of each metric.
    seed
        Of the stars drawn and of the resamples.

    Raises
    ------
    ValueError
        As `metrics.compare`.
    """
    drawing, comparing, profiling, weighing = np.random.default_rng(seed).spawn(4)
    context = {name: galaxy.context[name] for name in edf.context_names}
    drawn = edf.freeze(context, n=min(len(galaxy), _MOST_DRAWN), seed=drawing).stars()
    data, model = (coordinates(stars, edf.columns) for stars in (galaxy.stars, drawn))
    size = min(size, len(galaxy) // 2, len(drawn))
    try:
        found = metrics.compare(
            np.column_stack(list(data.values())),
            np.column_stack(list(model.values())),
            columns=list(data),
            size=size,
            resamples=resamples,
            c2st_resamples=min(_C2ST_RESAMPLES, resamples),
            seed=comparing,
        )
    except ValueError as error:
        raise ValueError(f"galaxy {galaxy.name!r}: {error}") from error
    profiles = profile_checks(galaxy.stars, drawn, seed=profiling, resamples=_PROFILE_RESAMPLES)
    pairs = map_pairs(galaxy.stars, drawn, edf.columns)
    entry = {
        "name": galaxy.name,
        "context": context,
        "stars": len(galaxy),
        "size": size,
        "two_samples": {
            name: {**one.as_dict(), "rejected": rejects(one)} for name, one in found.items()
        },
        "densities": _densities(edf, galaxy, drawn, context, resamples, comparing),
        "profiles": profiles.as_dict(),
        "maps": [
            {"quantity": p.view.quantity, "seen": p.view.title, "residual_rms": p.rms}
            for p in pairs
        ],
    }
    figures = {"maps": map_figure(pairs), "profiles": profile_figure(profiles)}
    for name, view in (("phase_space", PHASE_SPACE_VIEW), ("populations", POPULATION_VIEW)):
        figures[name] = corner(data, model, [axis for axis in view if axis in data])
    try:
        physics = measure(edf, context, galaxy, seed=weighing)
    except ValueError as error:  # a density without a gradient is still a density
        entry["physics"] = {"failed": str(error)}
    else:
        entry["physics"], figures["physics"] = physics.entry, physics_figure(physics)
    return Examination(entry, figures)


def _densities(
    edf: EDF,
    galaxy: Galaxy,
    drawn: Stars,
    context: Mapping[str, float],
    resamples: int,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Log densities against those of the model's own stars, and of the truth if known."""
    settings: Any = {"resamples": resamples, "seed": rng}
    log_model, own = (edf.log_prob(stars, context) for stars in (galaxy.stars, drawn))
    own = own[np.isfinite(own)]  # rounding may put a star of its own on the edge of the support
    nll = metrics.held_out_nll(log_model, own, **settings)
    found = {nll.name: {**nll.as_dict(), "rejected": rejects(nll)}}
    if galaxy.truth is not None:
        log_truth = galaxy.truth.log_prob(galaxy.stars)
        # Its p tells whether an error is seen, not whether it is large: it rejects nothing.
        kl = metrics.kl_to_truth(log_truth, log_model, **settings)
        found[kl.name] = kl.as_dict()
    return found


def rejects(comparison: Comparison) -> bool:
    """Whether the value would be larger than it is with a chance below `LEVEL`.

    By the p-value; where the null has too few values for a p so small, by Student's t of z.
    """
    count = len(comparison.null)
    if (1 + count) * LEVEL > 1:
        return comparison.p_value < LEVEL
    t = comparison.z / np.sqrt(1 + 1 / count)  # mean and spread of the null are estimates too
    return bool(student_t.sf(t, count - 1) < LEVEL)
