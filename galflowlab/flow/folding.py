"""Layers with one context folded into their weights, in (feature, star) layout.

For one galaxy the context is the same for every star: it turns into biases and gates, and the
gates into weights. What changes with the context is a few matrices of a hundred numbers each
(`at`); everything else is computed once.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import normflows as nf
import torch
from normflows.nets import ResidualNet
from torch import Tensor

from galflowlab.flow.layers import MAX_LOG_SCALE, AffineCoupling

Step = Callable[[Tensor], Tensor]
"""Base-to-data map of one layer at one context: (feature, star) in, (feature, star) out."""


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


class FoldedNet:
    """Conditioner whose last residual block is merged with its output layer.

    In normflows' residual nets the context enters as a bias of the first layer and as a GLU
    gate g at the end of each block, h + g * (W t + b). The output layer A acts on that sum, so
    A (h + g * (W t + b)) = A h + (A diag(g) W) t + const: one hidden-by-hidden product less.
    """

    def __init__(self, net: ResidualNet, inputs: int) -> None:
        def plain(tensor: Tensor) -> Tensor:
            return tensor.detach().double()

        first = plain(net.initial_layer.weight)
        self.first, self.first_context = first[:, :inputs], first[:, inputs:]
        self.first_bias = plain(net.initial_layer.bias)
        self.blocks = [
            [plain(t) for layer in block.linear_layers for t in (layer.weight, layer.bias)]
            + [plain(block.context_layer.weight), plain(block.context_layer.bias)]
            for block in net.blocks
        ]
        self.last, self.last_bias = plain(net.final_layer.weight), plain(net.final_layer.bias)

    def at(self, context: Tensor) -> NetStep:
        """Fold a standardised context of shape (context,), float64."""
        bias = self.first_bias + self.first_context @ context
        inner = []
        for w1, b1, w2, b2, wc, bc in self.blocks:
            gate = torch.sigmoid(wc @ context + bc)
            inner.append((w1, b1, gate[:, None] * w2, gate * b2))
        w1, b1, w2, b2 = inner.pop()
        return NetStep(
            first=_single(self.first),
            first_bias=_column(bias),
            inner=[(_single(a), _column(b), _single(c), _column(d)) for a, b, c, d in inner],
            hidden=_single(w1),
            hidden_bias=_column(b1),
            skip=_single(self.last),
            last=_single(self.last @ w2),
            last_bias=_column(self.last @ b2 + self.last_bias),
        )


@dataclass(frozen=True)
class NetStep:
    """Conditioner at one context: (input, star) to (output, star)."""

    first: Tensor
    first_bias: Tensor
    inner: list[tuple[Tensor, Tensor, Tensor, Tensor]]
    hidden: Tensor
    hidden_bias: Tensor
    skip: Tensor
    last: Tensor
    last_bias: Tensor

    def __call__(self, z: Tensor) -> Tensor:
        """Evaluate."""
        h = torch.addmm(self.first_bias, self.first, z)
        for w1, b1, w2, b2 in self.inner:
            t = torch.addmm(b1, w1, torch.relu(h)).relu_()
            h = h + torch.addmm(b2, w2, t)
        t = torch.addmm(self.hidden_bias, self.hidden, torch.relu(h)).relu_()
        return torch.addmm(self.last_bias, self.skip, h).addmm_(self.last, t)


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


Folded = FoldedLinear | FoldedAffine | Unfolded


def fold(layer: nf.flows.Flow, features: int) -> Folded:
    """Fold what does not depend on the star."""
    if isinstance(layer, nf.flows.LULinearPermute):
        return FoldedLinear(layer, features)
    if isinstance(layer, AffineCoupling):
        return FoldedAffine(layer)
    return Unfolded(layer)


def _single(tensor: Tensor) -> Tensor:
    return tensor.float().contiguous()


def _column(tensor: Tensor) -> Tensor:
    return tensor.float()[:, None].contiguous()
