"""Scaling relations of the galaxies that a model draws over a grid of stellar masses.

A model trained on the mocks, as the embedded one is, agrees with some published relations because
the mocks are built from them, see `PublishedRelation.built_into_mocks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from galflowlab.edf import EDF
from galflowlab.galaxy_checks.properties import MeasuredRelations, measure_relations


@dataclass(frozen=True, eq=False)
class GridRelations(MeasuredRelations):
    """`MeasuredRelations` of drawn galaxies, and how far the model can be trusted with each.

    Parameters
    ----------
    contexts
        Of the galaxies, complete.
    support
        Percentile of how typical each context is of the training galaxies, see `EDF.support`;
        below 1 the model extrapolates. Shape (galaxy,).
    stars
        Drawn for each galaxy.
    """

    contexts: tuple[dict[str, float], ...]
    support: np.ndarray
    stars: int

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON-serialisable data, None where masked."""
        own = {"contexts": list(self.contexts), "support": self.support.tolist()}
        return super().as_dict() | own | {"stars": self.stars}


def relations_over_grid(
    edf: EDF,
    log10_mstar: Sequence[float] | np.ndarray,
    *,
    n: int,
    seed: int | np.random.Generator,
    resamples: int = 50,
) -> GridRelations:
    """Draw the typical galaxy at each stellar mass and measure its scaling relations.

    Parameters
    ----------
    edf
        The model.
    log10_mstar
        Masses [dex(Msun)], shape (galaxy,); `EDF.complete` fills in the rest of each context.
    n
        Stars to draw for each.
    seed
        Of the draws and of the bootstrap.
    resamples
        Of the Bayesian bootstrap over stars.

    Raises
    ------
    ValueError
        For no mass or masses that are not finite, an eDF without velocities or without the
        stellar mass in its context, `n` below one, or fewer than two resamples.
    """
    mass = np.array(log10_mstar, dtype=np.float64)
    if mass.ndim != 1 or not len(mass):
        raise ValueError(f"expected a list of log10 stellar masses, got shape {mass.shape}")
    if "log10_mstar" not in edf.context_names:
        raise ValueError(f"expected an eDF given log10_mstar, got one given {edf.context_names}")
    contexts = tuple(edf.complete({"log10_mstar": float(value)}) for value in mass)
    draws, bootstrap = np.random.default_rng(seed).spawn(2)
    galaxies = (
        # Frozen, because `EDF.sample` would warn of the first galaxy that is extrapolated.
        edf.freeze(context, n=n, seed=rng).stars()
        for context, rng in zip(contexts, draws.spawn(len(mass)), strict=True)
    )
    found = measure_relations(galaxies, seed=bootstrap, resamples=resamples)
    support = np.array([edf.support(context) for context in contexts])
    return GridRelations(mass, found.values, found.errors, contexts, support, n)
