"""Figure of scaling relations over published ones."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from galflowlab.galaxy_checks import PROPERTIES, PUBLISHED, MeasuredRelations, PublishedRelation
from galflowlab.report.style import DATA, FONT, MODEL, mathtext, tidy

_SHADES = ("#0072b2", "#009e73", "#cc79a7")  # of Okabe & Ito
_MARKERS = ("o", "s", "^", "v", "D")


def relation_figure(measured: Mapping[str, MeasuredRelations]) -> Figure:
    """Draw size, rotation, metallicity and age against stellar mass, over published relations.

    Bands are the published medians and the scatter of galaxies about them, where they hold;
    points and their error bars are measured. A dagger marks relations that are built into the
    mocks: a model trained on them cannot but follow.

    Parameters
    ----------
    measured
        By label, such as ``{"model": relations_over_grid(...), "data": measure_relations(...)}``.

    Raises
    ------
    ValueError
        If nothing is given, or more than five are.
    """
    if not 1 <= len(measured) <= len(_MARKERS):
        raise ValueError(f"expected 1 to {len(_MARKERS)} sets of galaxies, got {len(measured)}")
    names = [name for name in PROPERTIES if any(name in m.values for m in measured.values())]
    figure = Figure(figsize=(2.5 * len(names), 3.9), layout="constrained")
    panels = figure.subplots(1, len(names), squeeze=False)[0]
    masses = np.concatenate([m.log10_mstar for m in measured.values()])
    limits = masses.min() - 0.3, masses.max() + 0.3
    for axes, name in zip(panels, names, strict=True):
        _bands(axes, name, limits)
        for i, (label, relations) in enumerate(measured.items()):
            if name in relations.values:
                _points(axes, name, relations, label, i)
        axes.set_xlim(*limits)
        axes.set_xlabel("log₁₀ M★ [dex(M☉)]", fontsize=FONT)
        axes.set_ylabel(mathtext(PROPERTIES[name].axis_label), fontsize=FONT)
        axes.legend(  # above: inside it would hide points
            fontsize=FONT - 2, frameon=False, loc="lower left", bbox_to_anchor=(-0.08, 1.0)
        )
        tidy(axes)
    return figure


def _bands(axes: Axes, name: str, limits: tuple[float, float]) -> None:
    about = [relation for relation in PUBLISHED if relation.property == name]
    for relation, shade in zip(about, itertools.cycle(_SHADES), strict=False):
        low, high = (float(np.clip(value, *relation.mass_range)) for value in limits)
        if not low < high:
            continue
        mass = np.linspace(low, high, 100)
        median, scatter = relation.median(mass), relation.scatter(mass)
        axes.fill_between(mass, median - scatter, median + scatter, color=shade, alpha=0.15, lw=0)
        axes.plot(mass, median, color=shade, lw=1, label=_name(relation))


def _name(relation: PublishedRelation) -> str:
    return f"{relation.name} †" if relation.built_into_mocks else relation.name


def _points(axes: Axes, name: str, relations: MeasuredRelations, label: str, i: int) -> None:
    axes.errorbar(
        relations.log10_mstar,
        relations.values[name],
        relations.errors[name],
        fmt=_MARKERS[i],
        color=(MODEL, DATA)[i % 2],
        mfc=(MODEL, "none")[i % 2],
        ms=4,
        lw=1,
        label=label,
    )
