"""The model against mocks whose eDF is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from galflowlab.edf import EDF
from galflowlab.galaxy import Galaxy
from galflowlab.metrics import kl_divergence, negative_log_likelihood


def against_truth(edf: EDF, galaxies: Sequence[Galaxy]) -> dict[str, Any]:
    """KL(truth‖model) of galaxies whose eDF is known.

    Parameters
    ----------
    edf
        The model.
    galaxies
        Mocks that the model has not seen; each needs a ``truth``.

    Returns
    -------
    dict
        ``kl`` [nats per star], its mean over galaxies; ``kl_error``, the standard error from
        galaxy to galaxy; ``galaxies``, one entry each with context, true entropy, KL and
        whether its context lies inside the training population. JSON-serialisable.

    Raises
    ------
    ValueError
        If there is no galaxy or one has no known truth.
    """
    rows = []
    for galaxy in galaxies:
        if galaxy.truth is None:
            raise ValueError(f"galaxy {galaxy.name!r} has no known eDF to compare with")
        truth = galaxy.truth.log_prob(galaxy.stars)
        kl = kl_divergence(truth, edf.log_prob(galaxy.stars, galaxy.context))
        rows.append(
            {
                "name": galaxy.name,
                "stars": len(galaxy),
                "context": galaxy.context,
                "inside_population": edf.population.inside(galaxy.context),
                "entropy": negative_log_likelihood(truth).value,
                "kl": kl.value,
                "kl_error": kl.error,
            }
        )
    if not rows:
        raise ValueError("expected at least one galaxy to compare with")
    values = np.array([row["kl"] for row in rows])
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
    return {"kl": float(values.mean()), "kl_error": error, "galaxies": rows}
