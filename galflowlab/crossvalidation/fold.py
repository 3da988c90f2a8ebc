"""One fold: a model that has not seen some galaxies, and what it makes of them."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from galflowlab.crossvalidation.distances import Summariser, Summary
from galflowlab.edf import EDF
from galflowlab.files import replacing
from galflowlab.galaxy import Galaxy
from galflowlab.metrics import kl_divergence, negative_log_likelihood
from galflowlab.schema import star_matrix
from galflowlab.training import fit


@dataclass(frozen=True)
class LeftOut:
    """A galaxy as judged by the model that has not seen it.

    Parameters
    ----------
    name
        Of the galaxy.
    stars
        Number of its stars that the likelihood is of.
    impossible
        Number of stars to which the model gives no density, left out of the likelihood.
    broken
        Number of stars that the model draws with values that are not finite, left out of the
        distances.
    inside_population
        Whether its context lies among those of the training galaxies.
    nll, nll_error
        Negative log-likelihood and its standard error [nats per star].
    kl, kl_error
        KL(truth‖model) [nats per star] where the true eDF is known.
    distances
        By metric, distances of stars drawn from the model at the context of this galaxy from
        every galaxy of the data set, sorted by name.
    """

    name: str
    stars: int
    impossible: int
    broken: int
    inside_population: bool
    nll: float
    nll_error: float
    kl: float | None
    kl_error: float | None
    distances: dict[str, list[float]]


@dataclass(frozen=True)
class Fold:
    """A trained model and the galaxies left out of its training.

    Parameters
    ----------
    left_out
        What became of them.
    trained_on
        Names of all others.
    stars_seen
        Stars shown in training, repeats counted.
    fit_seconds, judge_seconds
        CPU time of training, and of judging the galaxies left out.
    """

    left_out: tuple[LeftOut, ...]
    trained_on: tuple[str, ...]
    stars_seen: int
    fit_seconds: float
    judge_seconds: float

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Fold:
        """Rebuild from `dataclasses.asdict`."""
        left_out = tuple(LeftOut(**entry) for entry in data["left_out"])
        return cls(**{**data, "left_out": left_out, "trained_on": tuple(data["trained_on"])})


@dataclass(frozen=True)
class Judge:
    """Draws from the model of a fold and measures how far the draw is from every galaxy."""

    summarise: Summariser
    data: Sequence[Summary]

    def distances(
        self, edf: EDF, galaxy: Galaxy, *, seed: int
    ) -> tuple[dict[str, list[float]], int]:
        """By metric, of as many stars as the galaxy has, and how many of them are broken."""
        own = np.random.default_rng([seed, zlib.crc32(galaxy.name.encode())])
        # Frozen, because `EDF.sample` warns of what is done here on purpose.
        stars = edf.freeze(galaxy.context, n=len(galaxy), seed=own).stars()
        good = np.isfinite(star_matrix(stars, edf.columns)).all(axis=1)
        if not good.any():
            raise FloatingPointError(f"the model draws no finite star of galaxy {galaxy.name!r}")
        found = self.summarise(stars[good]).distances(self.data)
        return {name: d.tolist() for name, d in found.items()}, int((~good).sum())


def run_fold(
    stem: Path,
    left_out: Sequence[Galaxy],
    training: Sequence[Galaxy],
    *,
    preset: str,
    seed: int,
    stars_seen: int,
    judge: Judge | None,
    fingerprint: dict[str, Any],
    progress: bool,
) -> Fold:
    """Train without some galaxies and judge them, or read back what has been done.

    Parameters
    ----------
    stem
        Path of the files of this fold without extension: ``.safetensors`` the model, ``.json``
        the result, and while it trains ``.partial.safetensors``.
    left_out
        Galaxies to judge.
    training
        Galaxies to train on; those of the names of `left_out` are left out.
    preset, seed, stars_seen
        As of `galflowlab.fit`; the seed is also that of the draws.
    judge
        Measures distances; without it there are none.
    fingerprint
        Of everything that decides the result.
    progress
        Show a progress bar.

    Raises
    ------
    ValueError
        If the files are of another cross-validation, and as `galflowlab.fit`.
    """
    result, model = stem.with_name(f"{stem.name}.json"), stem.with_name(f"{stem.name}.safetensors")
    known = _read(result, fingerprint)
    if known is not None and model.is_file():
        return known
    others = [g for g in training if g.name not in {one.name for one in left_out}]
    checkpoint = stem.with_name(f"{stem.name}.partial.safetensors")
    edf = fit(
        others,
        preset=preset,
        seed=seed,
        stars_seen=stars_seen,
        checkpoint=checkpoint,
        progress=progress,
    )
    start = time.process_time()
    judged = tuple(_judged(edf, galaxy, judge, seed) for galaxy in left_out)
    card = edf.card["training"]
    fold = Fold(
        left_out=judged,
        trained_on=tuple(g.name for g in others),
        stars_seen=int(card["stars_seen"]),
        fit_seconds=float(card["cpu_seconds"]),
        judge_seconds=time.process_time() - start,
    )
    edf.save(model)
    with replacing(result) as partial:
        record = {"fingerprint": fingerprint, "fold": asdict(fold)}
        partial.write_text(json.dumps(record, allow_nan=False) + "\n")
    checkpoint.unlink(missing_ok=True)
    return fold


def _read(path: Path, fingerprint: dict[str, Any]) -> Fold | None:
    """Fold in a file if there is one; ValueError if it is of another run."""
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text())
        same = record["fingerprint"] == fingerprint
        fold = Fold.from_dict(record["fold"]) if same else None
    except (UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: not a record of a fold ({error!r})") from error
    if fold is None:
        raise ValueError(
            f"{path}: of another cross-validation (data or settings differ); choose another folder"
        )
    return fold


def _judged(edf: EDF, galaxy: Galaxy, judge: Judge | None, seed: int) -> LeftOut:
    log_model = edf.log_prob(galaxy.stars, galaxy.context)
    possible = np.isfinite(log_model)
    if possible.sum() < 2:
        raise FloatingPointError(f"the model gives no density to galaxy {galaxy.name!r}")
    nll, kl = negative_log_likelihood(log_model[possible]), None
    if galaxy.truth is not None:
        kl = kl_divergence(galaxy.truth.log_prob(galaxy.stars)[possible], log_model[possible])
    distances, broken = ({}, 0) if judge is None else judge.distances(edf, galaxy, seed=seed)
    return LeftOut(
        name=galaxy.name,
        stars=int(possible.sum()),
        impossible=int((~possible).sum()),
        broken=broken,
        inside_population=edf.population.inside(galaxy.context),
        nll=nll.value,
        nll_error=nll.error,
        kl=None if kl is None else kl.value,
        kl_error=None if kl is None else kl.error,
        distances=distances,
    )
