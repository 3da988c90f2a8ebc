"""Figures of curves and points: profiles, all galaxies at a glance, the course of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from galflowlab.galaxy_checks import ProfileCheck, ProfileChecks, Relation, ScalingRelations
from galflowlab.report.style import DATA, FONT, MODEL, mathtext, tidy
from galflowlab.report.wording import RELATIONS

_COLUMNS = 5
_RESIDUAL_LIMIT = 4.5  # standard errors


def profile_figure(profiles: ProfileChecks) -> Figure:
    """Draw each profile of data and model, and below it the difference in units of its error."""
    checks = list(profiles.checks.values())
    rows = -(-len(checks) // _COLUMNS)
    figure = Figure(figsize=(12.4, 3.1 * rows))
    # By hand: measuring the labels of twenty panels takes longer than all the rest.
    margins = {"left": 0.05, "right": 0.99, "bottom": 0.16 / rows, "top": 1 - 0.1 / rows}
    grid = figure.add_gridspec(rows, _COLUMNS, wspace=0.3, hspace=0.26, **margins)
    for i, check in enumerate(checks):
        row, column = divmod(i, _COLUMNS)
        cells = grid[row, column].subgridspec(2, 1, height_ratios=[3, 1], hspace=0.1)
        upper, lower = (figure.add_subplot(cells[k]) for k in (0, 1))
        _profile(upper, lower, check)
        if i == 0:
            upper.legend(fontsize=FONT - 1, frameon=False)
        if column == 0:
            lower.set_ylabel("Δ / error", fontsize=FONT)
        if i + _COLUMNS >= len(checks):
            lower.set_xlabel("R [kpc]", fontsize=FONT)
    return figure


def _profile(upper: Axes, lower: Axes, check: ProfileCheck) -> None:
    radius = check.centres
    upper.errorbar(
        radius, check.real, check.real_error, fmt="o", ms=3.2, lw=1, color=DATA, label="data"
    )
    upper.plot(radius, check.generated, color=MODEL, lw=1.3, label="model")
    low, high = (check.generated + sign * check.generated_error for sign in (-1, 1))
    upper.fill_between(radius, low, high, color=MODEL, alpha=0.25, lw=0)
    if check.quantity.name == "surface_density" and check.real.count():
        upper.set_yscale("log")
    agreement = "" if check.chi2 is None else f"   χ²/ring {check.chi2:.1f}"
    upper.set_title(f"{mathtext(check.quantity.axis_label)}{agreement}", fontsize=FONT, loc="left")
    lower.axhspan(-1, 1, color="#e4e4e4", lw=0)
    lower.axhline(0, color=DATA, lw=0.6)
    shown = check.residuals.clip(-_RESIDUAL_LIMIT, _RESIDUAL_LIMIT)
    lower.plot(radius, shown, "o", ms=3, color=MODEL)
    lower.set_ylim(-_RESIDUAL_LIMIT - 0.5, _RESIDUAL_LIMIT + 0.5)
    lower.set_yticks([-3, 0, 3])
    for axes in (upper, lower):
        tidy(axes)
        axes.tick_params(labelbottom=axes is lower)


def error_figure(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the error of each galaxy against its stellar mass.

    Parameters
    ----------
    rows
        Galaxies of `against_galaxies`: KL(truth‖model) where the truth of all is known, else the
        surprise at the data beyond that at the model's own stars.
    """
    known = all(row["kl"] is not None for row in rows)
    value, error = ("kl", "kl_error") if known else ("surprise", "surprise_error")
    figure = Figure(figsize=(6.1, 3.4), layout="constrained")
    axes = figure.subplots()
    kinds = ((True, "o", MODEL, "inside the training population"), (False, "s", "white", "outside"))
    for inside, marker, face, label in kinds:
        chosen = [
            (row["context"]["log10_mstar"], row[value], row[error])
            for row in rows
            if row["inside_population"] is inside and row[value] is not None
        ]
        if chosen:
            mass, y, dy = np.array(chosen).T
            axes.errorbar(mass, y, dy, fmt=marker, label=label, ms=5, mfc=face, color=MODEL, lw=1)
    axes.axhline(0, color=DATA, lw=0.8)
    name = "KL(truth‖model)" if known else "NLL of the galaxy − of the model's own stars"
    axes.set_ylabel(f"{name}\n[nats per star]", fontsize=FONT)
    axes.set_xlabel("log₁₀ M★ [dex(M☉)]", fontsize=FONT)
    if not all(row["inside_population"] for row in rows):
        axes.legend(fontsize=FONT - 1, frameon=False)
    tidy(axes)
    return figure


def scaling_figure(scaling: ScalingRelations) -> Figure:
    """Draw size, rotation and metallicity of all galaxies against their mass."""
    figure = Figure(figsize=(12.4, 3.4), layout="constrained")
    panels = figure.subplots(1, len(scaling.relations), squeeze=False)[0]
    for axes, (name, relation) in zip(panels, scaling.relations.items(), strict=True):
        _relation(axes, relation)
        axes.set_title(RELATIONS.get(name, name), fontsize=FONT, loc="left")
    panels[0].legend(fontsize=FONT - 1, frameon=False)
    return figure


def _relation(axes: Axes, relation: Relation) -> None:
    mass = relation.log10_mstar
    for x, data, model in zip(mass, relation.data, relation.model, strict=True):
        if not (np.ma.is_masked(data) or np.ma.is_masked(model)):
            axes.plot([x, x], [data, model], color="#999999", lw=0.8, zorder=1)
    axes.plot(mass, relation.data, "o", ms=6, mfc="none", mec=DATA, label="data")
    axes.plot(mass, relation.model, "o", ms=3.2, color=MODEL, label="model")
    axes.set_xlabel("log₁₀ M★ [dex(M☉)]", fontsize=FONT)
    axes.set_ylabel(f"log₁₀ {mathtext(relation.quantity.axis_label)}", fontsize=FONT)
    tidy(axes)


def history_figure(stars_seen: Sequence[float], held_out_nll: Sequence[float]) -> Figure:
    """Draw the likelihood of held-out stars during training."""
    values = np.asarray(held_out_nll, float)
    figure = Figure(figsize=(6.1, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.plot(stars_seen, values, color=MODEL, lw=1.3, marker="o", ms=3)
    low = float(values.min())
    reach = max(float(np.quantile(values, 0.8)) - low, 1e-2)  # the start would hide the rest
    axes.set_ylim(low - 0.15 * reach, low + 2.5 * reach)
    axes.set_xlabel("stars seen", fontsize=FONT)
    axes.set_ylabel("held-out NLL [nats per star]", fontsize=FONT)
    tidy(axes)
    return figure
