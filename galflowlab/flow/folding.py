"""Layers with one context folded into their weights, in (feature, star) layout.

For one galaxy the context is the same for every star: it turns into biases and gates, and the
gates into weights. Linear layers disappear in the first product of the layer after them.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import normflows as nf
import torch
from torch import Tensor
from torch.nn.functional import pad

from galflowlab.flow.folded_galacticflow import FoldedPublished
from galflowlab.flow.folded_net import FoldedNet, NetStep, single
from galflowlab.flow.folded_spline import FoldedSpline
from galflowlab.flow.galacticflow_layers import (
    DoubleSplineCoupling,
    LearnedLinear,
    SingleSplineCoupling,
)
from galflowlab.flow.layers import MAX_LOG_SCALE, AffineCoupling, SplineCoupling
from galflowlab.flow.workspace import Step, Workspace


class FoldedAffine:
    """An `AffineCoupling`."""

    def __init__(self, layer: AffineCoupling, device: torch.device) -> None:
        self.moved, self.kept = layer.moved.cpu(), layer.kept.cpu()
        self.order = torch.cat([self.moved, self.kept])
        self.net = FoldedNet(layer.net, len(self.kept))
        divisor = torch.ones(2 * len(self.moved), dtype=torch.float64)
        divisor[len(self.moved) :] = MAX_LOG_SCALE
        self.net.map_outputs(torch.diag(1 / divisor), torch.zeros_like(divisor))
        self._device = device

    def at(self, context: Tensor, matrix: Tensor, buffer: str) -> Step:
        """Fold a standardised context; as `FoldedSpline.at`."""
        before, last = self.net.at(context)
        return _AffineStep(
            matrix=single(torch.cat([before[0] @ matrix[len(self.moved) :], matrix]), self._device),
            net=self.net.step(before, last, len(self.moved), buffer, self._device),
        )


@dataclass(frozen=True)
class _AffineStep:
    matrix: Tensor
    net: NetStep

    def __call__(self, stars: Tensor, work: Workspace) -> Tensor:
        torch.mm(self.matrix, stars, out=self.net.with_first(work))
        shift, raw = self.net(work, first_done=True).chunk(2)
        scale = raw.tanh_().mul_(MAX_LOG_SCALE).exp_()
        self.net.to_move(work).mul_(scale).add_(shift)
        return self.net.stars(work)


class Unfolded:
    """Any other layer, as it is: the same numbers, without the speed."""

    def __init__(self, layer: nf.flows.Flow, features: int, device: torch.device) -> None:
        self.layer = layer
        self.order = torch.arange(features)
        self._device = device

    def at(self, context: Tensor, matrix: Tensor, buffer: str) -> Step:
        """Repeat the context for every star, as normflows needs it."""
        matrix, row = single(matrix, self._device), single(context[None], self._device)

        def step(stars: Tensor, work: Workspace) -> Tensor:
            out = torch.mm(matrix, stars, out=work(buffer, len(matrix)))
            image, _ = self.layer.forward(out[:-1].T.contiguous(), row.expand(out.shape[1], -1))
            out[:-1] = image.T
            return out

        return step


Folded = FoldedAffine | FoldedSpline | FoldedPublished | Unfolded


def fold(layer: nf.flows.Flow, features: int, device: torch.device) -> Folded:
    """Fold what does not depend on the star."""
    if isinstance(layer, AffineCoupling):
        return FoldedAffine(layer, device)
    if isinstance(layer, SplineCoupling):
        return FoldedSpline(layer, device)
    if isinstance(layer, (SingleSplineCoupling, DoubleSplineCoupling)):
        return FoldedPublished(layer, device)
    return Unfolded(layer, features, device)


class FoldedFlow:
    """All layers of a flow, from base to data."""

    def __init__(self, flow: nf.ConditionalNormalizingFlow, features: int) -> None:
        device = next(flow.parameters()).device
        matrix = torch.eye(features + 1, dtype=torch.float64)
        self.layers: list[tuple[Folded, Tensor]] = []
        for layer in flow.flows:
            if isinstance(layer, (nf.flows.LULinearPermute, LearnedLinear)):
                matrix = _as_matrix(layer, features) @ matrix
            else:
                folded = fold(layer, features, device)
                order = torch.eye(features + 1, dtype=torch.float64)
                order[:-1] = order[folded.order]
                self.layers.append((folded, order @ matrix))
                matrix = order.T
        self.tail = matrix[:-1]
        """Linear layers after the last step, and the order of features: (feature, feature + 1)."""

    def at(self, context: Tensor) -> list[Step]:
        """Fold a standardised context of shape (context,), float64."""
        return [
            layer.at(context, matrix, ("even", "odd")[i % 2])
            for i, (layer, matrix) in enumerate(self.layers)
        ]


def _as_matrix(layer: nf.flows.Flow, features: int) -> Tensor:
    """Acts on (feature + 1, star) with ones in the last row; any parametrisation will do."""
    alone = copy.deepcopy(layer).to("cpu", torch.float64)
    points = torch.cat([torch.eye(features), torch.zeros(1, features)]).double()
    with torch.no_grad():
        image, _ = alone.forward(points, None)
    matrix = pad(image.T, (0, 0, 0, 1))
    matrix[:-1, :-1] -= image[-1:].T
    matrix[-1, -1] = 1.0
    return matrix
