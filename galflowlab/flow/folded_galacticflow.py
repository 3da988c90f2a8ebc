"""GalacticFlow's couplings with one context folded in, in (feature, star) layout."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import leaky_relu, leaky_relu_

from galflowlab.flow.folded_net import exact, ones_after, single, with_bias
from galflowlab.flow.folded_spline import parameter_order
from galflowlab.flow.galacticflow_layers import (
    DoubleSplineCoupling,
    LeakyNet,
    SingleSplineCoupling,
)
from galflowlab.flow.spline_kernel import SplineShape
from galflowlab.flow.workspace import Step, Workspace

_NEVER_EMPTY = 1e-9  # relative size of a bin, far below rounding, that keeps 0 / 0 away


class FoldedPublished:
    """A coupling of GalacticFlow, base to data; its nets of the context become columns."""

    def __init__(
        self, layer: SingleSplineCoupling | DoubleSplineCoupling, device: torch.device
    ) -> None:
        first, features = layer.first, layer.features
        self.order = torch.arange(features)
        shape = SplineShape(layer.bins, layer.bound, (_NEVER_EMPTY, _NEVER_EMPTY, 0.0))
        # Ones before the first features and after the last, for nets of either.
        low, high = range(1, first + 1), range(first + 1, features + 1)
        before, after = range(first + 1), range(first + 1, features + 2)
        if isinstance(layer, SingleSplineCoupling):
            moves = [(layer.net, layer.net_cond, before, high)]
        else:
            moves = [
                (layer.net2, layer.net_cond2, after, low),
                (layer.net1, layer.net_cond1, before, high),
            ]
        self.moves = [
            _FoldedMove(net, of_context, shape, inputs, moved, device)
            for net, of_context, inputs, moved in moves
        ]
        self._device = device

    def at(self, context: Tensor, matrix: Tensor, buffer: str) -> Step:
        """Fold a standardised context; as `FoldedSpline.at`."""
        return _PublishedStep(
            matrix=single(torch.cat([matrix[-1:], matrix]), self._device),
            moves=[move.at(context) for move in self.moves],
            buffer=buffer,
        )


class _FoldedMove:
    """Splines whose parameters are the product of a net of the stars and one of the context.

    Parameters
    ----------
    inputs, moved
        Rows that the net reads, the ones before or after them included, and those it moves.
    """

    def __init__(
        self,
        net: LeakyNet,
        of_context: LeakyNet,
        shape: SplineShape,
        inputs: range,
        moved: range,
        device: torch.device,
    ) -> None:
        self.shape, self.inputs, self.moved, self.slope = shape, inputs, moved, net.slope
        *inner, last = [with_bias(exact(m.weight), exact(m.bias)) for m in net.linear]
        self.of_context = [(exact(m.weight), exact(m.bias)) for m in of_context.linear]
        self.to_parameters, slopes_at_ends = parameter_order(shape, len(moved), 1.0)
        last = self.to_parameters @ last
        last[:, -1] += slopes_at_ends
        self.fixed = (slopes_at_ends != 0).double()
        matrices = [*map(ones_after, inner), last]
        if inputs.start == 0:  # the ones come first
            matrices[0] = matrices[0].roll(1, dims=1)
        *self.inner, self.last = [single(m, device) for m in matrices]

    def at(self, context: Tensor) -> _Move:
        factor = context
        for weight, bias in self.of_context:
            factor = leaky_relu(torch.addmv(bias, weight, factor), self.slope)
        factor = single((self.to_parameters @ factor + self.fixed)[:, None], self.last.device)
        return _Move(self.shape, self.inputs, self.moved, self.inner, self.last, self.slope, factor)


@dataclass(frozen=True)
class _Move:
    shape: SplineShape
    inputs: range
    moved: range
    inner: list[Tensor]
    last: Tensor
    slope: float
    factor: Tensor

    def __call__(self, buffer: str, rows: int, work: Workspace) -> None:
        """Move some rows of the tensor of this name and height by others."""
        stars = work(buffer, rows, self.inputs.start, self.inputs.stop)
        for i, matrix in enumerate(self.inner):
            h = work(("hidden even", "hidden odd")[i % 2], len(matrix))
            stars = leaky_relu_(torch.mm(matrix, stars, out=h), self.slope)
        raw = torch.mm(self.last, stars, out=work("raw", len(self.last)))
        raw = leaky_relu_(raw, self.slope).mul_(self.factor)
        self.shape.invert(work(buffer, rows, self.moved.start, self.moved.stop), raw, work)


@dataclass(frozen=True)
class _PublishedStep:
    matrix: Tensor
    moves: list[_Move]
    buffer: str

    def __call__(self, stars: Tensor, work: Workspace) -> Tensor:
        rows = len(self.matrix)
        torch.mm(self.matrix, stars, out=work(self.buffer, rows))
        for move in self.moves:
            move(self.buffer, rows, work)
        return work(self.buffer, rows, 1, rows)
