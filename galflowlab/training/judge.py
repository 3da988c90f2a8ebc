"""Held-out stars, by which a training is judged while it runs."""

from __future__ import annotations

import math

import torch

from galflowlab.flow.model import FlowModel
from galflowlab.training.batches import coordinates_of, standard_context
from galflowlab.training_set import TrainingSet

_STARS = 20_000
_CHUNK = 8192
# Layers as published give NaN for a star far out now and then.
_MAY_LEAVE_OUT = 0.01  # of the stars


class Judge:
    """Held-out stars of one model, mapped to its coordinates once.

    Parameters
    ----------
    model
        To be judged as it is at each call.
    held
        Stars, of which about 20 000 are taken, the same share of every galaxy.
    device
        Where the flow computes.

    Attributes
    ----------
    left_out
        Stars whose density was not finite the last time.
    """

    def __init__(self, model: FlowModel, held: TrainingSet, device: torch.device) -> None:
        self._model = model
        x, galaxy, self._log_density = coordinates_of(model, _thinned(held))
        self._x = x.to(device)
        self._context = standard_context(model, held.context)[galaxy].to(device)
        self.left_out = 0

    def nll(self) -> float:
        """Negative log-likelihood [nats per star].

        Infinite if more than one star in a hundred has a density that is not finite; fewer are
        left out.
        """
        self._model.eval()
        with torch.inference_mode():
            chunks = [
                self._model.flow.log_prob(x, context).double()
                for x, context in zip(
                    self._x.split(_CHUNK), self._context.split(_CHUNK), strict=True
                )
            ]
        log_prob = torch.cat(chunks)
        finite = log_prob[torch.isfinite(log_prob)]
        self.left_out = len(log_prob) - len(finite)
        if self.left_out > _MAY_LEAVE_OUT * len(log_prob):
            return math.inf
        return -float(finite.mean()) - self._log_density


def _thinned(held: TrainingSet) -> TrainingSet:
    step = max(1, held.n_stars // _STARS)
    stars = [s[::step] for s in held.stars]
    return TrainingSet(held.names, held.columns, held.context_names, stars, held.context)
