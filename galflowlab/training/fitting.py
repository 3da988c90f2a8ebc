"""Training: galaxies in, eDF out. Seeded, resumable, silent but for a progress bar."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from galflowlab._version import __version__
from galflowlab.edf import EDF
from galflowlab.galaxy import Galaxy
from galflowlab.machine import peak_memory
from galflowlab.parallel import one_torch_thread
from galflowlab.population import Population
from galflowlab.processes import Processes
from galflowlab.recipes import Recipe, defaults
from galflowlab.store import StarStore, StoredStars
from galflowlab.training.reports import Callback, Reports, State
from galflowlab.training.run import Run
from galflowlab.training_set import TrainingSet

_EVALUATIONS = 25
_REPORTS = 8  # to an evaluation


class FewStarsWarning(UserWarning):
    """There are fewer training stars than parameters: a flow could learn them by heart."""


def fit(
    galaxies: Sequence[Galaxy] | StarStore,
    *,
    preset: str = "live",
    seed: int,
    stars_seen: float | None = None,
    batch: int | None = None,
    learning_rate: float | None = None,
    weight_decay: float | None = None,
    symmetric: bool = False,
    held_out: float = 0.1,
    patience: float = 0.3,
    checkpoint: str | Path | None = None,
    log: str | Path | None = None,
    callbacks: Sequence[Callback] = (),
    progress: bool = True,
    compiled: bool = False,
) -> EDF:
    """Learn the eDF of galaxies.

    Transforms are fitted first (cylindrical, scaled by context, Gaussianised); then the flow
    is trained by maximum likelihood with AdamW on a one-cycle schedule. The weights with the
    best likelihood of held-out *galaxies* win (of held-out stars, below ten galaxies). The
    preset ``paper`` instead trains as GalacticFlow does (Wolf & Buck 2023, section 3):
    standardised columns, RAdam with exponential decay.

    Where there is a GPU it is used. Started by ``torchrun``, all processes share every batch;
    the first one writes files and calls callbacks, and all return the same eDF.

    Parameters
    ----------
    galaxies
        Prepared galaxies, of which the columns that all have are learned; or a store, which
        may be larger than memory.
    preset, seed, stars_seen, batch, learning_rate, weight_decay, symmetric, held_out, patience
        See `recipes.Recipe`; what is not given is the default of the preset.
    checkpoint
        File that takes the state of the training at least every 4 % of the budget, and about
        once a minute. If it exists, training goes on from there. On CPUs, with as many
        processes, it ends with the same weights as if it had never stopped, bit by bit.
    log
        CSV file that takes what callbacks are told, in the units of `Progress`.
    callbacks
        Called with a `Progress`; one that returns False ends the training, after the
        checkpoint is written.
    progress
        Show a progress bar.
    compiled
        Let `torch.compile` make the training steps, which needs a C++ compiler and half a
        minute, and then takes about half the time. The weights agree with those of plain
        steps to rounding only.

    Returns
    -------
    EDF
        Its ``card["training"]`` records the recipe and the history.

    Raises
    ------
    ValueError
        For galaxies that cannot be trained on, a bad recipe, or a checkpoint of another run.
    FileNotFoundError
        If checkpoint or log are to be in a folder that does not exist.
    FloatingPointError
        If the training diverges.

    Warns
    -----
    FewStarsWarning
        If there are fewer training stars than parameters. The weights are still those with the
        best held-out likelihood.

    Examples
    --------
    >>> import galflowlab
    >>> from galflowlab import mocks
    >>> galaxies = mocks.make_suite(12, 500, seed=1)
    >>> edf = galflowlab.fit(galaxies, seed=1, stars_seen=5000, progress=False)  # 4e6 are usual
    >>> edf.card["training"]["galaxies"]
    11
    """
    usual = defaults(preset)
    recipe = Recipe(
        preset,
        int(seed),
        int(usual.stars_seen if stars_seen is None else stars_seen),
        usual.batch if batch is None else int(batch),
        usual.learning_rate if learning_rate is None else learning_rate,
        usual.weight_decay if weight_decay is None else weight_decay,
        symmetric,
        held_out,
        patience,
    )
    for path in (checkpoint, log):
        if path is not None and not Path(path).parent.is_dir():
            raise FileNotFoundError(f"{Path(path).parent}: no such folder")
    if isinstance(galaxies, str | Path):
        raise ValueError(f"expected galaxies or a store; StarStore({str(galaxies)!r}) opens one")
    data = galaxies if isinstance(galaxies, StarStore) else TrainingSet.from_galaxies(galaxies)
    training, held = data.split(held_out, np.random.default_rng([recipe.seed, 1]))
    processes = Processes.from_environment()
    population = Population(training.context_names, training.context.numpy())
    with one_torch_thread():
        run = Run(training, held, recipe, compiled=compiled, processes=processes)
        if processes.first:
            _warn_if_few(training.n_stars, run.n_parameters)
        fingerprint = {"recipe": asdict(recipe), "data": data.fingerprint()}
        state = State(run, checkpoint, fingerprint)
        state.restore(processes)
        reports = Reports(run, population, held, callbacks, log)
        _advance(run, recipe, reports, state, processes, progress=progress)
        if processes.first:
            reports.write_log()
        if not math.isfinite(run.best_nll):  # stopped before it was judged
            run.evaluate()
    if not math.isfinite(run.best_nll):
        raise FloatingPointError(
            "the held-out likelihood was never finite; try a lower learning rate"
        )
    return EDF(run.best_model(), population, _card(recipe, training, held, run))


def _advance(
    run: Run,
    recipe: Recipe,
    reports: Reports,
    state: State,
    processes: Processes,
    *,
    progress: bool,
) -> None:
    evaluate_every = max(1, run.n_steps // _EVALUATIONS)
    report_every = max(1, evaluate_every // _REPORTS)
    patience = recipe.patience * run.n_steps

    def over() -> bool:
        return run.step >= run.n_steps or run.step - run.best_step > patience

    with tqdm(
        total=run.n_steps * run.batch,
        initial=run.stars_seen,
        unit="star",
        unit_scale=True,
        disable=not (progress and processes.first),
        desc=recipe.preset,
    ) as bar:
        while not over():
            to_evaluation = evaluate_every - run.step % evaluate_every
            steps = min(report_every, to_evaluation, run.n_steps - run.step)
            train_nll = run.train(steps, lambda: bar.update(run.batch))
            held_out_nll = None
            if run.step % evaluate_every == 0 or run.step == run.n_steps:
                held_out_nll = run.evaluate()
                bar.set_postfix_str(f"held-out NLL {held_out_nll:.3f}")
            go_on = True
            if processes.first:
                reports.record(train_nll, held_out_nll)
                state.save(now=held_out_nll is not None)
                if not (go_on := reports.tell(last=over())):
                    state.save(now=True)
            if not processes.from_first(float(go_on)):
                return
        bar.total = bar.n  # ended early, by patience: notebooks would show it as a failure
        bar.refresh()


def _warn_if_few(stars: int, parameters: int) -> None:
    if stars < parameters:
        warnings.warn(
            f"{stars} training stars for {parameters} parameters, {stars / parameters:.2g} each: "
            "training stops when held-out stars no longer gain, but judge the model by others",
            FewStarsWarning,
            stacklevel=3,
        )


def _card(
    recipe: Recipe, training: TrainingSet | StoredStars, held: TrainingSet, run: Run
) -> dict[str, Any]:
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
            "cpu_seconds": run.cpu_seconds,
            "peak_memory_bytes": peak_memory(),
            "skipped_steps": run.skipped,
            "held_out_not_finite": run.unjudged,
            "held_out_nll": run.best_nll,
            "history": [list(row) for row in run.history],
            "history_columns": ["stars_seen", "train_nll", "held_out_nll"],
        },
        "context_range": dict(
            zip(training.context_names, map(list, zip(low, high, strict=True)), strict=True)
        ),
    }
