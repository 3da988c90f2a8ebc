"""A density and its gradient at any number of stars of one galaxy, in chunks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from galflowlab.flow.model import FlowModel
from galflowlab.parallel import map_chunks, one_after_another

_AXIS = 1e-5  # kpc


def log_prob(model: FlowModel, stars: np.ndarray, context: Tensor) -> np.ndarray:
    """Natural log of the density, shape (star,), of physical stars (star, feature)."""
    out = np.empty(len(stars))

    def evaluate(chunk: slice) -> None:
        with torch.inference_mode():
            out[chunk] = model.log_prob(_part(model, stars, chunk), context).cpu().numpy()

    _in_chunks(model, evaluate, len(stars))
    return out


def log_prob_and_gradient(
    model: FlowModel, stars: np.ndarray, context: Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """Natural log of the density and its derivative with respect to each feature.

    Returns
    -------
    log_density : (star,)
    gradient : (star, feature)
        Per unit of each feature; NaN where the density is zero, and on the spin axis, where
        cylindrical coordinates have no derivative.
    """
    value, gradient = np.empty(len(stars)), np.empty(stars.shape)

    def evaluate(chunk: slice) -> None:
        part = _part(model, stars, chunk).requires_grad_()
        log_density = model.log_prob(part, context)
        # Stars do not see each other: the gradient of the sum is that of each.
        (slope,) = torch.autograd.grad(log_density.sum(), part)
        value[chunk], gradient[chunk] = log_density.detach().cpu().numpy(), slope.cpu().numpy()

    _in_chunks(model, evaluate, len(stars))
    x, y = (stars[:, model.columns.index(name)] for name in ("x", "y"))
    gradient[np.isneginf(value) | (np.hypot(x, y) < _AXIS)] = np.nan
    return value, gradient


def _part(model: FlowModel, stars: np.ndarray, chunk: slice) -> Tensor:
    return torch.from_numpy(stars[chunk]).to(model.device)


def _in_chunks(model: FlowModel, work: Callable[[slice], None], n: int) -> None:
    (map_chunks if model.device.type == "cpu" else one_after_another)(work, n)
