"""Leave-k-out over galaxies: train without each fold, judge it, and compare with the data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from galflowlab._version import __version__
from galflowlab.crossvalidation.distances import METRICS, Summariser
from galflowlab.crossvalidation.division import assign, fingerprint, shared_columns, thinned
from galflowlab.crossvalidation.extrapolation import Rung, extrapolate
from galflowlab.crossvalidation.fold import Fold, Judge, run_fold
from galflowlab.crossvalidation.result import CrossValidation, Settings
from galflowlab.galaxy import Galaxy
from galflowlab.recipes import defaults

_SMALLER = (("quarter", 0.25), ("half", 0.5))  # pilots of the pilot, to extrapolate from


def crossvalidate(
    galaxies: Sequence[Galaxy],
    *,
    output: str | Path,
    seed: int,
    leave_out: int = 5,
    preset: str = "live",
    stars_seen: float | None = None,
    fraction: float = 1.0,
    progress: bool = True,
) -> CrossValidation:
    """Leave galaxies out of the training, a few at a time, and see what the models make of them.

    As in Wolf & Buck (2023, arXiv:2312.06017), but every galaxy is left out exactly once. For
    each left-out galaxy g, stars are drawn from the model that has not seen it at the context of
    g, and their distance from every galaxy h of the data set is set beside the distance of g
    itself from h.

    With a `fraction` below one this is a pilot: it has that share of the stars of every galaxy,
    and of the budget, so that a star is shown as often as in the whole run. All galaxies and
    all folds stay, since how far apart the training galaxies lie is what is tested. Pilots on a
    half and a quarter of it, judged on the same stars, give the trend that is extrapolated to
    the whole run; in all they take 1.75 times the pilot.

    Parameters
    ----------
    galaxies
        Prepared galaxies of different names, in any order.
    output
        Existing folder. Takes ``fold_01.safetensors`` (the model) and ``fold_01.json`` (its
        result) and so on as they are done; run again, finished folds are read back and
        the interrupted one goes on.
    seed
        Of the folds, the trainings and the draws.
    leave_out
        Largest number of galaxies in a fold; sizes differ by at most one.
    preset, stars_seen
        As of `galflowlab.fit`; the budget is that of one fold of the whole run.
    fraction
        Share of the data, above 0, at most 1.
    progress
        Show progress bars.

    Returns
    -------
    CrossValidation

    Raises
    ------
    FileNotFoundError
        If there is no folder `output`.
    ValueError
        For a bad fraction or budget, galaxies that cannot be divided or trained on, or a
        folder that holds another cross-validation.
    FloatingPointError
        If a training diverges, or a model gives no density to any star of a galaxy.
    """
    folder = Path(output)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    if not 0 < fraction <= 1:
        raise ValueError(f"expected a fraction of the data above 0, at most 1, got {fraction}")
    whole = float(defaults(preset).stars_seen if stars_seen is None else stars_seen)
    if not (math.isfinite(whole) and whole * fraction * _SMALLER[0][1] >= 1):
        raise ValueError(f"expected a budget of stars for every run, got {whole:g} in all")
    study = _Study(galaxies, Settings(preset, seed, leave_out, fraction, int(whole)), progress)
    rungs = []
    for name, share in _SMALLER if fraction < 1 else ():
        (folder / name).mkdir(exist_ok=True)
        rungs.append(_rung(share * fraction, study.run(folder / name, share * fraction, None)))
    return study.result(study.run(folder, fraction, study.judge), rungs)


class _Study:
    """The data set as it is used, and its folds."""

    def __init__(self, galaxies: Sequence[Galaxy], settings: Settings, progress: bool) -> None:
        self._settings, self._progress = settings, progress
        self._galaxies = sorted(galaxies, key=lambda galaxy: galaxy.name)
        names = [galaxy.name for galaxy in self._galaxies]
        self._folds = assign(names, settings.leave_out, seed=settings.seed)
        self._columns = shared_columns(self._galaxies)
        self._data = self._thinned(settings.fraction)
        summarise = Summariser(self._data, self._columns, seed=settings.seed)
        self.judge = Judge(summarise, [summarise(g.stars) for g in self._data])
        self._mark = {
            "galflowlab": __version__,
            "settings": asdict(settings),
            "data": fingerprint(self._data, self._columns),
        }

    def run(self, where: Path, share: float, judge: Judge | None) -> list[Fold]:
        """All folds, trained on a share of the stars and judged on those of the study."""
        training, settings = self._thinned(share), self._settings
        return [
            run_fold(
                where / f"fold_{i:02d}",
                [galaxy for galaxy in self._data if galaxy.name in names],
                training,
                preset=settings.preset,
                seed=settings.seed,
                stars_seen=int(settings.stars_seen * share),
                judge=judge,
                fingerprint={**self._mark, "share": share, "left_out": list(names)},
                progress=self._progress,
            )
            for i, names in enumerate(self._folds, start=1)
        ]

    def result(self, folds: Sequence[Fold], rungs: Sequence[Rung]) -> CrossValidation:
        """Set the folds beside the data, and extrapolate if there are smaller pilots."""
        settings = self._settings
        between = [one.distances(self.judge.data) for one in self.judge.data]
        noise = [self.judge.summarise.noise(galaxy.stars) for galaxy in self._data]
        extrapolation = None
        if rungs:
            pilots = [*rungs, _rung(settings.fraction, folds)]
            extrapolation = extrapolate(pilots, stars_seen=settings.stars_seen, seed=settings.seed)
        return CrossValidation(
            settings=settings,
            columns=self._columns,
            names=tuple(galaxy.name for galaxy in self._data),
            log10_mstar=np.array([galaxy.context["log10_mstar"] for galaxy in self._data]),
            folds=tuple(folds),
            data_distances={m: np.array([row[m] for row in between]) for m in METRICS},
            noise={m: np.array([row[m] for row in noise]) for m in METRICS},
            extrapolation=extrapolation,
        )

    def _thinned(self, share: float) -> list[Galaxy]:
        columns, seed = self._columns, self._settings.seed
        return [thinned(galaxy, share, columns, seed=seed) for galaxy in self._galaxies]


def _rung(fraction: float, folds: Sequence[Fold]) -> Rung:
    return Rung(
        fraction=fraction,
        stars_seen=tuple(fold.stars_seen for fold in folds),
        fit_seconds=tuple(fold.fit_seconds for fold in folds),
        judge_seconds=tuple(fold.judge_seconds for fold in folds),
        nll=tuple(tuple(one.nll for one in fold.left_out) for fold in folds),
    )
