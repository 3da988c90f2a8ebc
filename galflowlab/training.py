"""Training: galaxies in, eDF out. Seeded, resumable, silent but for a progress bar."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from galflowlab._version import __version__
from galflowlab.edf import EDF
from galflowlab.flow.architectures import PRESETS
from galflowlab.galaxy import Galaxy
from galflowlab.parallel import one_torch_thread
from galflowlab.population import Population
from galflowlab.training_run import Run
from galflowlab.training_set import TrainingSet

_EVALUATIONS = 25


@dataclass(frozen=True)
class Recipe:
    """Everything besides the data that decides the outcome of a training.

    Parameters
    ----------
    preset
        Architecture, a name in `flow.architectures.PRESETS`.
    seed
        Of the initial weights, the held-out choice and the order of the stars.
    stars_seen
        Budget: how many stars are shown, repeats counted. On one core, a million stars take
        about half a minute with ``live`` and a minute with ``spline``.
    batch
        Stars per step.
    learning_rate
        Peak of the one-cycle schedule of AdamW.
    held_out
        Fraction of the galaxies (of the stars, below ten galaxies) kept for validation.
    patience
        Fraction of the budget without a better held-out likelihood after which to stop.
    """

    preset: str
    seed: int
    stars_seen: int
    batch: int
    learning_rate: float
    held_out: float
    patience: float

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise ValueError(f"unknown preset {self.preset!r}; known are {sorted(PRESETS)}")
        for name in ("stars_seen", "batch", "learning_rate", "patience"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"expected {name} above zero, got {value}")


@dataclass(frozen=True)
class Progress:
    """What a callback is told after each evaluation."""

    stars_seen: int
    budget: int
    train_nll: float  # nats per star in physical units, mean since the last evaluation
    held_out_nll: float
    learning_rate: float


Callback = Callable[[Progress], object]


def fit(
    galaxies: Sequence[Galaxy],
    *,
    preset: str = "live",
    seed: int,
    stars_seen: float = 4e6,
    batch: int = 1024,
    learning_rate: float = 5e-3,
    held_out: float = 0.1,
    patience: float = 0.3,
    checkpoint: str | Path | None = None,
    callbacks: Sequence[Callback] = (),
    progress: bool = True,
) -> EDF:
    """Learn the eDF of galaxies.

    Transforms are fitted first (cylindrical, scaled by context, Gaussianised); then the flow
    is trained by maximum likelihood with AdamW on a one-cycle schedule. The weights with the
    best likelihood of held-out *galaxies* win (of held-out stars, below ten galaxies).

    Parameters
    ----------
    galaxies
        Prepared galaxies; the columns that all of them have are learned.
    preset, seed, stars_seen, batch, learning_rate, held_out, patience
        See `Recipe`.
    checkpoint
        File that takes the state of the training about every 4 % of the budget. If it
        exists, training goes on from there and ends with the same weights as if it had never
        stopped.
    callbacks
        Called with a `Progress` after each evaluation; one that returns False ends the
        training.
    progress
        Show a progress bar.

    Returns
    -------
    EDF
        Its ``card["training"]`` records the recipe and the history.

    Raises
    ------
    ValueError
        For galaxies that cannot be trained on, a bad recipe, or a checkpoint of another run.
    FloatingPointError
        If the training diverges.
    """
    recipe = Recipe(
        preset, int(seed), int(stars_seen), int(batch), learning_rate, held_out, patience
    )
    data = TrainingSet.from_galaxies(galaxies)
    training, held = data.split(held_out, np.random.default_rng([recipe.seed, 1]))
    with one_torch_thread():
        run = Run(
            training,
            held,
            preset=preset,
            seed=recipe.seed,
            batch=recipe.batch,
            n_steps=recipe.stars_seen // recipe.batch,
            learning_rate=learning_rate,
        )
        fingerprint = {"recipe": asdict(recipe), "data": data.fingerprint()}
        if checkpoint is not None and Path(checkpoint).is_file():
            run.restore(checkpoint, fingerprint)
        _advance(run, recipe, callbacks, progress, checkpoint, fingerprint)
    population = Population(training.context_names, training.context.numpy())
    return EDF(run.best_model(), population, _card(recipe, training, held, run))


def _advance(
    run: Run,
    recipe: Recipe,
    callbacks: Sequence[Callback],
    progress: bool,
    checkpoint: str | Path | None,
    fingerprint: dict[str, Any],
) -> None:
    every = max(1, run.n_steps // _EVALUATIONS)
    patience = recipe.patience * run.n_steps
    with tqdm(
        total=run.n_steps * run.batch,
        initial=run.step * run.batch,
        unit="star",
        unit_scale=True,
        disable=not progress,
        desc=recipe.preset,
    ) as bar:
        while run.step < run.n_steps and run.step - run.best_step <= patience:
            steps = min(every, run.n_steps - run.step)
            train_nll = run.train(steps, lambda: bar.update(run.batch))
            held_out_nll = run.evaluate(train_nll)
            bar.set_postfix_str(f"held-out NLL {held_out_nll:.3f}")
            if checkpoint is not None:
                run.save(checkpoint, fingerprint)
            report = Progress(
                run.step * run.batch,
                run.n_steps * run.batch,
                train_nll,
                held_out_nll,
                run.learning_rate(run.step),
            )
            answers = [callback(report) for callback in callbacks]
            if any(answer is False for answer in answers):
                return


def _card(recipe: Recipe, training: TrainingSet, held: TrainingSet, run: Run) -> dict[str, Any]:
    low, high = training.context.amin(dim=0).tolist(), training.context.amax(dim=0).tolist()
    return {
        "galflowlab": __version__,
        "training": {
            "recipe": asdict(recipe),
            "galaxies": len(training),
            "names": list(training.names),  # row by row those of the population
            "stars": training.n_stars,
            "held_out_galaxies": len(held),
            "held_out_stars": held.n_stars,
            "stars_seen": run.step * run.batch,
            "held_out_nll": run.best_nll,
            "history": [list(row) for row in run.history],
            "history_columns": ["stars_seen", "train_nll", "held_out_nll"],
        },
        "context_range": dict(
            zip(training.context_names, map(list, zip(low, high, strict=True)), strict=True)
        ),
    }
