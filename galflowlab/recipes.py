"""Recipes: everything besides the data that decides the outcome of a training."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from galflowlab.flow.architectures import find_preset
from galflowlab.flow.coordinates import PHYSICAL

_WARM_UP = 0.15  # of the steps


@dataclass(frozen=True)
class Optimisation:
    """How weights follow gradients.

    Parameters
    ----------
    optimiser
        Makes the optimiser of some parameters, given a ``weight_decay``.
    learning_rate
        Of a step, from (step, number of steps, peak).
    max_gradient
        Norm above which a gradient is shortened.
    """

    optimiser: Callable[..., torch.optim.Optimizer]
    learning_rate: Callable[[int, int, float], float]
    max_gradient: float


def one_cycle(step: int, n_steps: int, peak: float) -> float:
    """Cosine up to the peak over the warm-up, cosine down to almost zero."""
    warm = max(1, round(_WARM_UP * n_steps))
    if step < warm:
        return peak * (0.04 + 0.96 * 0.5 * (1 - math.cos(math.pi * step / warm)))
    rest = (step - warm) / max(1, n_steps - warm)
    return peak * (1e-4 + 0.5 * (1 + math.cos(math.pi * rest)))


def published_decay(step: int, n_steps: int, start: float) -> float:
    """Factor 0.998 every ten steps, however many there are (GalacticFlow's code)."""
    return start * 0.998 ** (step // 10)


ONE_CYCLE = Optimisation(torch.optim.AdamW, one_cycle, max_gradient=5.0)
PUBLISHED = Optimisation(torch.optim.RAdam, published_decay, max_gradient=math.inf)


@dataclass(frozen=True)
class Defaults:
    """What a training takes for granted where it is not told otherwise; see `Recipe`."""

    stars_seen: float = 4e6
    batch: int = 1024
    learning_rate: float = 5e-3
    weight_decay: float = 1e-4
    optimisation: Optimisation = ONE_CYCLE


_OWN = {
    "paper": Defaults(stars_seen=3e8, learning_rate=9e-5, weight_decay=0.0, optimisation=PUBLISHED)
}


def defaults(preset: str) -> Defaults:
    """Return those of a preset: for ``paper`` the published recipe, budget included.

    Raises
    ------
    ValueError
        For an unknown preset.
    """
    find_preset(preset)
    return _OWN.get(preset, Defaults())


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
        about half a minute with ``live``.
    batch
        Stars per step.
    learning_rate
        Peak of the one-cycle schedule of AdamW; for ``paper``, where its decay starts.
    weight_decay
        How strongly weights are drawn to zero; about 1 for a galaxy of a few thousand stars.
    symmetric
        Whether galaxies are taken to be symmetric about their axis and their plane.
    held_out
        Fraction of the galaxies (of the stars, below ten galaxies) kept for validation.
    patience
        Fraction of the budget without a better held-out likelihood after which to stop.

    Raises
    ------
    ValueError
        For an unknown preset, a value that is not above zero, a negative weight decay, or
        symmetry asked of the preset ``paper``, which has no coordinates for it.
    """

    preset: str
    seed: int
    stars_seen: int
    batch: int
    learning_rate: float
    weight_decay: float
    symmetric: bool
    held_out: float
    patience: float

    def __post_init__(self) -> None:
        find_preset(self.preset)
        for name in ("stars_seen", "batch", "learning_rate", "patience"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"expected {name} above zero, got {value}")
        if not (math.isfinite(self.weight_decay) and self.weight_decay >= 0):
            raise ValueError(f"expected weight_decay of zero or more, got {self.weight_decay}")
        if self.symmetric and find_preset(self.preset).coordinates is not PHYSICAL:
            raise ValueError(f"preset {self.preset!r} cannot be symmetric")

    @property
    def optimisation(self) -> Optimisation:
        """Optimiser and schedule, which the preset decides."""
        return defaults(self.preset).optimisation
