"""What a cross-validation found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from galflowlab._version import __version__
from galflowlab.crossvalidation.distances import METRICS
from galflowlab.crossvalidation.extrapolation import Extrapolation
from galflowlab.crossvalidation.fold import Fold, LeftOut


@dataclass(frozen=True)
class Settings:
    """What decides a cross-validation besides the data; see `crossvalidate`.

    Parameters
    ----------
    stars_seen
        Budget of one fold of the whole run, of which a pilot has the fraction.
    """

    preset: str
    seed: int
    leave_out: int
    fraction: float
    stars_seen: int


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Leave-k-out over galaxies.

    Parameters
    ----------
    settings
        As asked for.
    columns
        Columns that the models have and the distances compare.
    names, log10_mstar
        The galaxies, sorted by name, and log10 of their stellar mass [Msun].
    folds
        Every galaxy is left out in one of them.
    data_distances
        By metric, of each galaxy from each other, shape (galaxy, galaxy).
    noise
        By metric, the distance that two draws of each galaxy would have by chance, as many
        stars each as the data have, shape (galaxy,).
    extrapolation
        What the whole run would take and give, if this is a pilot.
    """

    settings: Settings
    columns: tuple[str, ...]
    names: tuple[str, ...]
    log10_mstar: np.ndarray
    folds: tuple[Fold, ...]
    data_distances: dict[str, np.ndarray]
    noise: dict[str, np.ndarray]
    extrapolation: Extrapolation | None = None

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """What became of each galaxy, sorted by name."""
        by_name = {one.name: one for fold in self.folds for one in fold.left_out}
        return tuple(by_name[name] for name in self.names)

    @property
    def model_distances(self) -> dict[str, np.ndarray]:
        """By metric, of the model of each left-out galaxy (row) from each galaxy of the data."""
        return {m: np.array([one.distances[m] for one in self.left_out]) for m in METRICS}

    @property
    def delta_log10_mstar(self) -> np.ndarray:
        """Mass of each galaxy (column) minus that of the left-out one (row) [dex]."""
        return self.log10_mstar[None, :] - self.log10_mstar[:, None]

    @property
    def cpu_seconds(self) -> float:
        """CPU time of training and judging all folds."""
        return sum(fold.fit_seconds + fold.judge_seconds for fold in self.folds)

    def summary(self) -> dict[str, Any]:
        """Few numbers that say how good the models are on galaxies they have not seen.

        Returns
        -------
        dict
            ``nll`` and ``kl`` [nats per star], each with ``_error`` and ``_median``: mean over
            galaxies, its standard error from galaxy to galaxy, and median, which a galaxy that
            lies outside the others does not decide (``kl`` None where a truth is not known);
            ``impossible_stars``, those without a density, and ``broken_stars``, those drawn with
            values that are not finite; ``cpu_seconds``; and by metric
            ``own``, median distance of a model from its own galaxy, ``own_over_noise``, the same
            in units of what two draws have by chance, ``own_is_nearest``, share of the models
            nearer to their own galaxy than to any other, ``nearest_dex`` and
            ``nearest_dex_data``, median distance in log10 M* [dex] of the data galaxy nearest
            to the model, and of the one nearest to the galaxy itself.
        """
        kl = [one.kl for one in self.left_out if one.kl is not None]
        return {
            **_statistics("nll", [one.nll for one in self.left_out]),
            **_statistics("kl", kl if len(kl) == len(self.names) else []),
            "impossible_stars": sum(one.impossible for one in self.left_out),
            "broken_stars": sum(one.broken for one in self.left_out),
            "cpu_seconds": self.cpu_seconds,
            "metrics": {metric: self._summary_of(metric) for metric in METRICS},
        }

    def _summary_of(self, metric: str) -> dict[str, float]:
        model, data = self.model_distances[metric], self.data_distances[metric]
        others = data + np.diag(np.full(len(data), np.inf))
        own, each = model.diagonal(), np.arange(len(data))
        offset = np.abs(self.delta_log10_mstar)
        return {
            "own": float(np.median(own)),
            "own_over_noise": float(np.median(own / self.noise[metric])),
            "own_is_nearest": float((model.argmin(axis=1) == each).mean()),
            "nearest_dex": float(np.median(offset[each, model.argmin(axis=1)])),
            "nearest_dex_data": float(np.median(offset[each, others.argmin(axis=1)])),
        }

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON-serialisable data, all numbers finite."""
        return {
            "galflowlab": __version__,
            "settings": asdict(self.settings),
            "summary": self.summary(),
            "extrapolation": None if self.extrapolation is None else self.extrapolation.as_dict(),
            "columns": list(self.columns),
            "names": list(self.names),
            "log10_mstar": self.log10_mstar.tolist(),
            "folds": [asdict(fold) for fold in self.folds],
            "data_distances": {m: d.tolist() for m, d in self.data_distances.items()},
            "noise": {m: d.tolist() for m, d in self.noise.items()},
        }


def _statistics(name: str, values: list[float]) -> dict[str, float | None]:
    if not values:
        return {name: None, f"{name}_error": None, f"{name}_median": None}
    array = np.array(values)
    return {
        name: float(array.mean()),
        f"{name}_error": float(array.std(ddof=1) / np.sqrt(len(array))),
        f"{name}_median": float(np.median(array)),
    }
