"""Conditioners with one context folded into their weights, in (feature, star) layout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from normflows.nets import ResidualNet
from torch import Tensor

Step = Callable[[Tensor], Tensor]
"""Base-to-data map of one layer at one context: (feature, star) in, (feature, star) out."""


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
        self.first, self.first_context = single(first[:, :inputs]), first[:, inputs:]
        self.first_bias = plain(net.initial_layer.bias)
        # Per block: the first linear map, which no context touches, ready for use ...
        self.before_gate = [
            (single(plain(layer.weight)), column(plain(layer.bias)))
            for layer in (block.linear_layers[0] for block in net.blocks)
        ]
        # ... and the second one with the layer that makes its gate from the context.
        self.gated = [
            [plain(t) for layer in layers for t in (layer.weight, layer.bias)]
            for layers in ((b.linear_layers[1], b.context_layer) for b in net.blocks)
        ]
        self.last, self.last_bias = plain(net.final_layer.weight), plain(net.final_layer.bias)

    def reorder_outputs(self, order: Tensor, scale: Tensor) -> None:
        """Permute the outputs, then multiply each by its entry of `scale`."""
        self.last = self.last[order] * scale[:, None]
        self.last_bias = self.last_bias[order] * scale

    def at(self, context: Tensor) -> NetStep:
        """Fold a standardised context of shape (context,), float64."""
        bias = self.first_bias + self.first_context @ context
        after_gate = []
        for w2, b2, wc, bc in self.gated:
            gate = torch.sigmoid(wc @ context + bc)
            after_gate.append((gate[:, None] * w2, gate * b2))
        w2, b2 = after_gate.pop()
        *before, (hidden, hidden_bias) = self.before_gate
        return NetStep(
            first=self.first,
            first_bias=column(bias),
            inner=[
                (*first, single(w), column(b))
                for first, (w, b) in zip(before, after_gate, strict=True)
            ],
            hidden=hidden,
            hidden_bias=hidden_bias,
            skip=single(self.last),
            last=single(self.last @ w2),
            last_bias=column(self.last @ b2 + self.last_bias),
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


def single(tensor: Tensor) -> Tensor:
    """Single precision, contiguous."""
    return tensor.float().contiguous()


def column(tensor: Tensor) -> Tensor:
    """Single precision, shape (feature, 1)."""
    return tensor.float()[:, None].contiguous()
