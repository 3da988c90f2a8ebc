"""What a training has told so far, and its charts: pure functions, no kernel needed."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10, nan
from pathlib import Path
from typing import NamedTuple

import numpy as np

from galflowlab.training.reports import LOG_COLUMNS, Progress
from galflowlab_widgets.diagram_parts import Diagram, Json, axis, fraction, line, panel
from galflowlab_widgets.scales import Limits, linear_ticks, nice_above

_LOSS_HEIGHT, _RATE_HEIGHT = 340, 210  # px
_TRAINING, _HELD_OUT = 0, 1  # colours of lines
_SETTLING = 0.05  # of the budget, whose first losses may lie above the chart
_RECENT = 20  # reports from which the speed is taken
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Row(NamedTuple):
    """One report of a training; see `galflowlab.training.Progress`."""

    stars_seen: int
    train_nll: float  # NaN if no step was taken
    held_out_nll: float | None
    learning_rate: float
    seconds: float

    @classmethod
    def of(cls, progress: Progress) -> Row:
        """The numbers of a report."""
        row = cls(*(getattr(progress, name) for name in LOG_COLUMNS))
        return row if row.train_nll is not None else row._replace(train_nll=nan)


@dataclass(frozen=True)
class Best:
    """The best held-out NLL [nats per star], where it was, and evaluations since then."""

    nll: float
    stars_seen: int
    since: int


class Curve:
    """Reports of one training in the order of stars seen."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def add(self, row: Row) -> None:
        """Take a report; those that were ahead of it belong to a training that was not kept."""
        while self.rows and self.rows[-1].stars_seen >= row.stars_seen:
            self.rows.pop()
        self.rows.append(row)

    def best(self) -> Best | None:
        """The best held-out NLL so far; None if there is none."""
        asked = [(r.held_out_nll, r.stars_seen) for r in self.rows if r.held_out_nll is not None]
        finite = [(nll, stars) for nll, stars in asked if isfinite(nll)]
        if not finite:
            return None
        nll, stars = min(finite)
        return Best(nll, stars, sum(later > stars for _, later in asked))

    def speed(self) -> float | None:
        """Stars per second of late; None before it is known."""
        recent = self.rows[-_RECENT:]
        seconds = recent[-1].seconds - recent[0].seconds if recent else 0.0
        return (recent[-1].stars_seen - recent[0].stars_seen) / seconds if seconds > 0 else None


def read_log(path: str | Path) -> list[Row]:
    """Read what `fit` has logged.

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        If it is not such a log.
    """
    with Path(path).open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        if tuple(next(reader, ())) != LOG_COLUMNS:
            raise ValueError(f"{path}: expected a log with the columns {', '.join(LOG_COLUMNS)}")
        try:
            return [
                Row(
                    int(stars),
                    float(train or "nan"),
                    float(held) if held else None,
                    float(rate),
                    float(s),
                )
                for stars, train, held, rate, s in reader
            ]
        except ValueError as error:
            raise ValueError(f"{path}: not a log of a training ({error})") from error


def losses(rows: Sequence[Row], budget: int) -> Diagram:
    """Chart of training and held-out NLL against stars seen."""
    train = _column([row.train_nll for row in rows])
    held = _column([row.held_out_nll for row in rows])
    where = _places(rows, budget)
    limits = _nll_limits(where, train, held)
    asked = ~np.ma.getmaskarray(held)
    lines = [
        line(where, fraction(train, limits), _TRAINING, "training"),
        line(where[asked], fraction(held[asked], limits), _HELD_OUT, "held-out"),
    ]
    shown = panel(_stars_axis(budget), axis("NLL [nats per star]", linear_ticks(*limits)), lines)
    return Diagram({"height": _LOSS_HEIGHT, "panels": [shown]}, b"", _losses_in_words(rows))


def learning_rates(rows: Sequence[Row], budget: int) -> Diagram:
    """Chart of the learning rate against stars seen."""
    rates = _column([row.learning_rate for row in rows])
    known = rates.compressed()
    top = nice_above(float(known.max())) if known.size and known.max() > 0 else 1.0
    label, unit = _scaled("learning rate", top)
    lines = [line(_places(rows, budget), fraction(rates, (0.0, top)), _TRAINING, "")]
    shown = panel(_stars_axis(budget), axis(label, linear_ticks(0.0, top / unit, 5)), lines)
    now = f"; now {known[-1]:.2g}" if known.size else ""
    alt = f"Chart of the learning rate against stars seen{now}."
    return Diagram({"height": _RATE_HEIGHT, "panels": [shown]}, b"", alt)


def _column(values: Sequence[float | None]) -> np.ma.MaskedArray:
    """Numbers with gaps where there is none, or none that is finite."""
    return np.ma.masked_invalid([np.nan if value is None else value for value in values])


def _nll_limits(place: np.ndarray, *curves: np.ma.MaskedArray) -> Limits:
    """Whole steps around all losses but the very first, which are far above the others."""
    all_, settled = np.ma.concatenate(curves).compressed(), np.array([])
    if not all_.size:
        return 0.0, 1.0
    settled = np.ma.concatenate([curve[place > _SETTLING] for curve in curves]).compressed()
    low, high = float(all_.min()), float((settled if settled.size else all_).max())
    step = nice_above(max(high - low, 0.05) / 4)
    first = floor(low / step)
    return first * step, max(ceil(high / step), first + 1) * step


def _places(rows: Sequence[Row], budget: int) -> np.ndarray:
    return np.array([row.stars_seen for row in rows]) / _round(budget)


def _stars_axis(budget: int) -> Json:
    label, unit = _scaled("stars seen", _round(budget))
    return axis(label, linear_ticks(0.0, _round(budget) / unit, 6))


def _round(budget: int) -> float:
    """To three digits: whole batches seldom add up to what was asked for."""
    return float(f"{budget:.2e}")


def _scaled(what: str, top: float) -> tuple[str, float]:
    """Label and unit of an axis with short numbers: a power of a thousand, or of ten below one."""
    exponent = 3 * floor(log10(top) / 3) if top >= 1 else floor(log10(top))
    power = f" [10{str(exponent).translate(_SUPERSCRIPT)}]" if exponent else ""
    return what + power, 10.0**exponent


def _losses_in_words(rows: Sequence[Row]) -> str:
    if not rows:
        return "Chart of the NLL against stars seen, empty so far."
    held = [row.held_out_nll for row in rows if row.held_out_nll is not None]
    last = f", held-out {held[-1]:.3f}" if held else ""
    now = f"{rows[-1].train_nll:.3f}{last} nats per star"
    return f"Chart of the NLL against stars seen; now training {now}."
