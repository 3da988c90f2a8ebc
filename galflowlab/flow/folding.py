"""Layers with one context folded into their weights, in (feature, star) layout.

For one galaxy the context is the same for every star: it turns into biases and gates, and the
gates into weights. What changes with the context is a few matrices of a hundred numbers each
(`at`); everything else is computed once.
"""

from __future__ import annotations

import copy

import normflows as nf
import torch
from torch import Tensor

from galflowlab.flow.folded_net import FoldedNet, Step
from galflowlab.flow.folded_spline import FoldedSpline
from galflowlab.flow.layers import MAX_LOG_SCALE, AffineCoupling, SplineCoupling


class FoldedLinear:
    """A linear layer of any parametrisation as one matrix and one offset."""

    def __init__(self, layer: nf.flows.LULinearPermute, features: int) -> None:
        exact = copy.deepcopy(layer).double()
        points = torch.cat([torch.zeros(1, features), torch.eye(features)]).double()
        with torch.no_grad():
            image, _ = exact.forward(points)
        self.offset = image[:1].T.float().contiguous()
        self.matrix = (image[1:] - image[:1]).T.float().contiguous()

    def at(self, context: Tensor) -> Step:
        """Return the step; the context does not matter."""
        return lambda z: torch.addmm(self.offset, self.matrix, z)


class FoldedAffine:
    """An `AffineCoupling`."""

    def __init__(self, layer: AffineCoupling) -> None:
        self.kept, self.moved = layer.kept, layer.moved
        self.net = FoldedNet(layer.net, len(layer.kept))

    def at(self, context: Tensor) -> Step:
        """Fold a standardised context of shape (context,), float64."""
        net, kept, moved = self.net.at(context), self.kept, self.moved

        def step(z: Tensor) -> Tensor:
            shift, raw = net(z[kept]).chunk(2)
            scale = raw.div_(MAX_LOG_SCALE).tanh_().mul_(MAX_LOG_SCALE).exp_()
            return z.index_copy(0, moved, torch.addcmul(shift, z[moved], scale))

        return step


class Unfolded:
    """Any other layer, as it is: the same numbers, without the speed."""

    def __init__(self, layer: nf.flows.Flow) -> None:
        self.layer = layer

    def at(self, context: Tensor) -> Step:
        """Repeat the context for every star, as normflows needs it."""
        row = context.float()[None]

        def step(z: Tensor) -> Tensor:
            image, _ = self.layer.forward(z.T.contiguous(), row.expand(z.shape[1], -1))
            return image.T

        return step


Folded = FoldedLinear | FoldedAffine | FoldedSpline | Unfolded


def fold(layer: nf.flows.Flow, features: int) -> Folded:
    """Fold what does not depend on the star."""
    if isinstance(layer, nf.flows.LULinearPermute):
        return FoldedLinear(layer, features)
    if isinstance(layer, AffineCoupling):
        return FoldedAffine(layer)
    if isinstance(layer, SplineCoupling):
        return FoldedSpline(layer)
    return Unfolded(layer)
