"""From pilots on a small share of the stars to what the whole data set would take and give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

_BOOTSTRAPS = 500
_STEEPEST = 2.0  # exponent; the error of a mean falls with 0.5, curvature terms with 1


@dataclass(frozen=True)
class Rung:
    """One run of all folds on a share of the stars.

    Parameters
    ----------
    fraction
        Share of the stars of each galaxy, and of the training budget.
    stars_seen
        Stars shown in the training of each fold, shape (fold,).
    fit_seconds, judge_seconds
        CPU time of each fold, shape (fold,).
    nll
        Held-out negative log-likelihood of each galaxy [nats per star], by fold, on the same
        stars in all rungs.
    """

    fraction: float
    stars_seen: tuple[int, ...]
    fit_seconds: tuple[float, ...]
    judge_seconds: tuple[float, ...]
    nll: tuple[tuple[float, ...], ...]

    @property
    def median_nll(self) -> float:
        """Median over the galaxies left out [nats per star]."""
        return float(np.median(np.concatenate(self.nll)))


@dataclass(frozen=True)
class Range:
    """An expected value, and what it may well lie between."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Extrapolation:
    """What the run on all stars with the whole budget would take and give.

    Parameters
    ----------
    cpu_seconds
        CPU time of all folds; the range is one standard error of the fit.
    gain
        How much lower the held-out negative log-likelihood of a typical galaxy would be than in
        the largest pilot [nats per star]. Value and lower end follow one power law; at the upper
        end every further doubling gains as much as the last one did, as it does in trainings
        still far from their end.
    nll
        Held-out negative log-likelihood of a typical galaxy [nats per star]: the median of the
        largest pilot less the gain.
    rungs
        Fraction, median NLL and CPU time of each pilot.
    """

    cpu_seconds: Range
    gain: Range
    nll: Range
    rungs: tuple[dict[str, float], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON-serialisable data."""
        return {**asdict(self), "rungs": list(self.rungs)}


def extrapolate(rungs: Sequence[Rung], *, stars_seen: int, seed: int) -> Extrapolation:
    """Extrapolate to all stars and the whole budget.

    CPU time of training is taken as a constant plus a time per star seen, fitted to all folds of
    all pilots; that of judging as proportional to the stars. The held-out NLL is taken as
    L + a f^-b of the fraction f (as of Hestness et al. 2017, arXiv:1712.00409) with 0 <= b <= 2,
    which three fractions, each twice the one before, determine. It is followed galaxy by galaxy,
    and the median is taken in the end: galaxies differ by far more than what is gained, and
    in a mean one that lies outside the others can outweigh them all. The ends of the range are
    the 16th percentile of the power law, and the 84th of the law without shrinking returns,
    over resamples of folds and of the galaxies in them.

    Parameters
    ----------
    rungs
        Three pilots on doubling fractions, the smallest first.
    stars_seen
        Budget of the whole run, for each fold.
    seed
        Of the resamples.

    Raises
    ------
    ValueError
        For other than three fractions that double, or of different galaxies.
    """
    fractions = [rung.fraction for rung in rungs]
    if len(rungs) != 3 or not np.allclose(np.diff(np.log2(fractions)), 1.0):
        raise ValueError(f"expected three fractions that double, got {fractions}")
    shapes = [[len(fold) for fold in rung.nll] for rung in rungs]
    if shapes[1:] != shapes[:-1]:
        raise ValueError(f"expected the same folds in all pilots, got {shapes}")
    doublings = float(-np.log2(fractions[-1]))
    gains = [-np.diff([rung.nll[i] for rung in rungs], axis=0) for i in range(len(shapes[0]))]
    further = [_further(fold, doublings) for fold in gains]
    rng = np.random.default_rng(seed)
    drawn = [np.median(_resampled(further, rng), axis=1) for _ in range(_BOOTSTRAPS)]
    value = float(np.median(np.concatenate(further, axis=1)[0]))
    low, high = np.quantile(drawn, 0.16, axis=0)[0], np.quantile(drawn, 0.84, axis=0)[1]
    gain, now = Range(value, float(low), float(high)), rungs[-1].median_nll
    return Extrapolation(
        cpu_seconds=_cpu_seconds(rungs, stars_seen),
        gain=gain,
        nll=Range(now - gain.value, now - gain.high, now - gain.low),
        rungs=tuple(
            {
                "fraction": rung.fraction,
                "nll": rung.median_nll,
                "cpu_seconds": sum(rung.fit_seconds) + sum(rung.judge_seconds),
            }
            for rung in rungs
        ),
    )


def _further(gains: np.ndarray, doublings: float) -> np.ndarray:
    """Gain in further doublings from that in two, both of shape (2, galaxy).

    First by a power law, where what a doubling gains shrinks by the same ratio 2^-b from each to
    the next, then with the gain of the last doubling in all further ones.
    """
    before, last = gains
    positive = np.where(before > 0, before, 1.0)
    ratio = np.clip(np.where(before > 0, last / positive, 1.0), 2.0**-_STEEPEST, 1.0 - 1e-9)
    last = np.maximum(last, 0.0)
    return np.stack([last * ratio * (1 - ratio**doublings) / (1 - ratio), last * doublings])


def _resampled(folds: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Drawn galaxies of drawn folds: all galaxies of a fold share the luck of one model."""
    drawn = [folds[i] for i in rng.integers(len(folds), size=len(folds))]
    rows = [rng.integers(fold.shape[1], size=fold.shape[1]) for fold in drawn]
    return np.concatenate([fold[:, r] for fold, r in zip(drawn, rows, strict=True)], axis=1)


def _cpu_seconds(rungs: Sequence[Rung], stars_seen: int) -> Range:
    """CPU time of the whole run; the range is one standard error of the fit."""
    x = np.concatenate([rung.stars_seen for rung in rungs]).astype(np.float64)
    y = np.concatenate([rung.fit_seconds for rung in rungs])
    n_folds = len(rungs[0].fit_seconds)
    judge = sum(rungs[-1].judge_seconds) / rungs[-1].fraction
    design = np.column_stack([np.ones_like(x), x / stars_seen])
    if len(x) < 3 or np.ptp(x) == 0:
        raise ValueError("expected pilots of different lengths to time")
    solution, *_ = np.linalg.lstsq(design, y, rcond=None)
    variance = ((y - design @ solution) ** 2).sum() / (len(x) - 2)
    error = np.sqrt(variance * np.linalg.inv(design.T @ design).sum())  # of constant plus slope
    value = n_folds * float(solution.sum()) + judge
    spread = n_folds * float(error)
    return Range(value, max(0.0, value - spread), value + spread)
