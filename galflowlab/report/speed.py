"""How many stars a CPU second gives: frozen, plain, and their densities."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from galflowlab.edf import EDF
from galflowlab.parallel import CHUNK, one_torch_thread

_UPDATES = 10  # moves of the context that are timed together, each being so short


def speed(
    edf: EDF,
    context: Mapping[str, float],
    *,
    stars: int = 3 * CHUNK,
    repeats: int = 5,
    seed: int | np.random.Generator,
) -> dict[str, Any]:
    """Measure the model on one thread of this machine's CPU.

    Variants take turns, and medians of their CPU time are taken: absolute times drift with
    whatever else the machine does.

    Parameters
    ----------
    edf
        The model; a copy on the CPU is measured.
    context
        Where to draw.
    stars
        Drawn at each repeat, in chunks of `parallel.CHUNK`.
    repeats
        How many.
    seed
        Of the stars.

    Returns
    -------
    dict
        Stars per CPU second: ``frozen``, drawn at a context that is folded into the weights;
        ``plain``, through the flow as it was trained; ``log_prob``, densities. Then
        ``frozen_over_plain``, the ``update_seconds`` of folding another context, ``stars``
        and ``repeats``. JSON-serialisable.
    """
    edf = edf.to("cpu")
    frozen = edf.freeze(context, n=stars, seed=seed)
    drawn = frozen.arrays()
    chunks = [slice(i, min(i + CHUNK, stars)) for i in range(0, stars, CHUNK)]
    noise = torch.from_numpy(
        np.random.default_rng(0).standard_normal((stars, len(edf.columns)), np.float32)
    )
    row = torch.from_numpy(edf.population.row(context))

    def draw_frozen() -> None:
        for chunk in chunks:  # one at a time: more would go to several threads
            frozen.arrays(chunk.stop - chunk.start, start=chunk.start)

    def draw_plain() -> None:
        with torch.inference_mode():
            for chunk in chunks:
                edf._model.inverse(noise[chunk], row)

    def densities() -> None:
        for chunk in chunks:
            edf.log_prob({name: values[chunk] for name, values in drawn.items()}, context)

    def update() -> None:
        for _ in range(_UPDATES):
            frozen.update(context)

    with one_torch_thread():
        work = {
            "frozen": draw_frozen,
            "plain": draw_plain,
            "log_prob": densities,
            "update": update,
        }
        times = _median_cpu_seconds(work, repeats)
    update_seconds = times.pop("update") / _UPDATES
    rates = {name: stars / seconds for name, seconds in times.items()}
    return {
        **rates,
        "frozen_over_plain": rates["frozen"] / rates["plain"],
        "update_seconds": update_seconds,
        "stars": stars,
        "repeats": repeats,
    }


def _median_cpu_seconds(work: Mapping[str, Callable[[], None]], repeats: int) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in work}
    for once in work.values():
        once()
    for _ in range(repeats):
        for name, once in work.items():
            start = time.process_time()
            once()
            times[name].append(time.process_time() - start)
    # A clock of coarse ticks may see no time pass.
    return {name: max(float(np.median(t)), 1e-6) for name, t in times.items()}
