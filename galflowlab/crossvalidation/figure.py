"""The figure of a cross-validation: distance against difference in mass, data beside model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from galflowlab.crossvalidation.distances import METRICS
from galflowlab.crossvalidation.result import CrossValidation

_LABELS = {
    "linear_mmd2": "linear MMD² [σ²]",
    "sliced_wasserstein": "sliced Wasserstein distance [σ]",
}
_DELTA = "Δ log₁₀ M★, data galaxy − left-out galaxy [dex]"
_TITLES = ("the left-out galaxy itself", "its model, which has not seen it")
_OWN = "model: from its own galaxy"
_INK = "#333333"
_VERMILION = "#d55e00"  # of Okabe & Ito: apart from grey for every eye
_DATA, _MODEL = "galaxy itself: median over pairs", "model: median over pairs"
_NOISE, _OFF = "two draws of one galaxy", "off the scale"
_LEGEND = (_DATA, _NOISE, _MODEL, _OFF, _OWN)
_TOP = 3.0  # times the largest distance in the data: what is above is drawn at the edge
_PER_BIN = 24  # pairs of galaxies behind a point of the running median, at least


def draw(crossvalidation: CrossValidation) -> Figure:
    """Draw the distances of left-out galaxies from all galaxies of the data set.

    After the figure of Wolf & Buck (2023, arXiv:2312.06017): on the left the distances of each
    left-out galaxy itself, on the right those of the stars that a model which has not seen it
    draws at its context. A model that knows how galaxies depend on their context makes both look
    alike, and comes as near to its own galaxy as two draws of one galaxy are to each other. The
    upper row has the metric of that paper, which sees means only, the lower one a metric that
    sees whole distributions.

    Parameters
    ----------
    crossvalidation
        Of any number of galaxies.

    Returns
    -------
    matplotlib.figure.Figure
        A row of two panels, data and model, for each metric.
    """
    figure = Figure(figsize=(9.0, 7.8), layout="constrained")
    axes = figure.subplots(len(METRICS), 2, sharex=True, sharey="row")
    mass = crossvalidation.log10_mstar
    norm = Normalize(mass.min(), mass.max())
    for metric, row in zip(METRICS, axes, strict=True):
        _row(row, crossvalidation, metric, norm)
    for ax, title in zip(axes[0], _TITLES, strict=True):
        ax.set_title(title, fontsize="medium")
    for ax in axes[-1]:
        ax.set_xlabel(_DELTA)
    known = {
        artist.get_label(): artist for ax in axes[:, 1] for artist in [*ax.lines, *ax.collections]
    }
    handles = [known[label] for label in _LEGEND if label in known]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize="small"
    )
    bar = figure.colorbar(ScalarMappable(norm), ax=axes, shrink=0.6, pad=0.02)
    bar.set_label("log₁₀ M★ of the left-out galaxy [dex(M☉)]")
    figure.suptitle(_title(crossvalidation), fontsize="medium")
    return figure


def _row(
    panels: Sequence[Axes], crossvalidation: CrossValidation, metric: str, norm: Normalize
) -> None:
    """Data and model by one metric."""
    left, right = panels
    data = crossvalidation.data_distances[metric]
    model = crossvalidation.model_distances[metric]
    delta = crossvalidation.delta_log10_mstar
    noise = float(np.median(crossvalidation.noise[metric]))
    others, own = ~np.eye(len(data), dtype=bool), np.eye(len(data), dtype=bool)
    bottom = min(noise, float(data[others].min()), float(model.min())) / 1.6
    top = min(_TOP * float(data.max()), 1.1 * float(max(data.max(), model.max())))
    left.set(yscale="log", ylim=(bottom, top * 1.3), ylabel=_LABELS[metric])
    left.yaxis.set_minor_formatter(NullFormatter())
    mass = np.broadcast_to(crossvalidation.log10_mstar[:, None], data.shape)
    small: dict[str, Any] = {"s": float(np.clip(4000 / others.sum(), 5, 20)), "alpha": 0.6, "lw": 0}
    for ax, distances in ((left, data), (right, model)):
        ax.axvline(0, color=_INK, lw=0.6, alpha=0.4)
        pairs = delta[others], distances[others], mass[others]
        _points(ax, pairs, norm, top, marker="o", rasterized=True, **small)
        ax.plot(*_running_median(delta[others], data[others]), color=_INK, lw=1.4, label=_DATA)
        ax.axhline(noise, color=_INK, ls=":", lw=1.0, label=_NOISE)
    median = _running_median(delta[others], model[others])
    right.plot(*median, color=_VERMILION, lw=1.4, label=_MODEL)
    pairs = delta[own], model[own], mass[own]
    _points(right, pairs, norm, top, marker="D", label=_OWN, s=26, ec=_INK, lw=0.8, zorder=4)


def _points(
    ax: Axes,
    pairs: tuple[np.ndarray, np.ndarray, np.ndarray],
    norm: Normalize,
    top: float,
    *,
    marker: str,
    label: str | None = None,
    **style: Any,
) -> None:
    """Pairs of galaxies: difference in mass, distance, mass; arrows for those above the top."""
    off = pairs[1] > top
    for shown, symbol, text in ((~off, marker, label), (off, "^", _OFF)):
        if shown.any():
            x, y, mass = (values[shown] for values in pairs)
            y = np.minimum(y, top)
            ax.scatter(x, y, c=mass, norm=norm, marker=symbol, label=text, **style)


def _running_median(delta: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Medians of equally many pairs in the order of their difference in mass."""
    order = np.argsort(delta, kind="stable")
    parts = np.array_split(order, int(np.clip(len(order) // _PER_BIN, 1, 24)))
    middles = [(np.median(delta[part]), np.median(values[part])) for part in parts]
    x, y = np.transpose(middles)
    return x, y


def _title(crossvalidation: CrossValidation) -> str:
    settings, summary = crossvalidation.settings, crossvalidation.summary()
    stars = ""
    if settings.fraction < 1:
        stars = f", pilot on {settings.fraction:.3g} of the stars"
    first = (
        f"{len(crossvalidation.names)} galaxies in {len(crossvalidation.folds)} folds, "
        f"preset {settings.preset}{stars}"
    )
    quality = f"held-out NLL {summary['nll_median']:.2f}"
    if summary["kl"] is not None:
        quality += f", KL(truth‖model) {summary['kl_median']:.2f}"
    return f"{first}\n{quality} nats per star (median over galaxies)"
