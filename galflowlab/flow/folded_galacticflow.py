"""GalacticFlow's double coupling with one context folded in, in (feature, star) layout."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import leaky_relu, leaky_relu_

from galflowlab.flow.folded_net import exact, ones_after, single, with_bias
from galflowlab.flow.folded_spline import parameter_order
from galflowlab.flow.galacticflow_layers import SLOPE, DoubleSplineCoupling, LeakyNet
from galflowlab.flow.spline_kernel import SplineShape
from galflowlab.flow.workspace import Step, Workspace

_NEVER_EMPTY = 1e-9  # relative size of a bin, far below rounding, that keeps 0 / 0 away


class FoldedDoubleSpline:
    """A `DoubleSplineCoupling`, base to data; its nets of the context become columns."""

    def __init__(self, layer: DoubleSplineCoupling, device: torch.device) -> None:
        features, self.first = layer.features, layer.first
        self.order = torch.arange(features)
        self.shape = SplineShape(layer.bins, layer.bound, (_NEVER_EMPTY, _NEVER_EMPTY, 0.0))
        self.net1 = _FoldedProduct(
            layer.net1, layer.net_cond1, self.shape, features - self.first, device, one_first=True
        )
        self.net2 = _FoldedProduct(
            layer.net2, layer.net_cond2, self.shape, self.first, device, one_first=False
        )
        self._device = device

    def at(self, context: Tensor, matrix: Tensor, buffer: str) -> Step:
        """Fold a standardised context; as `FoldedSpline.at`."""
        return _DoubleSplineStep(
            # Ones before the first half and after the second, for the nets of either.
            matrix=single(torch.cat([matrix[-1:], matrix]), self._device),
            net1=self.net1.at(context),
            net2=self.net2.at(context),
            first=self.first,
            shape=self.shape,
            buffer=buffer,
        )


class _FoldedProduct:
    """Product of a net of the stars and a net of the context."""

    def __init__(
        self,
        net: LeakyNet,
        of_context: LeakyNet,
        shape: SplineShape,
        moved: int,
        device: torch.device,
        *,
        one_first: bool,
    ) -> None:
        *inner, last = [with_bias(exact(m.weight), exact(m.bias)) for m in net.linear]
        self.of_context = [(exact(m.weight), exact(m.bias)) for m in of_context.linear]
        self.to_parameters, slopes_at_ends = parameter_order(shape, moved, 1.0)
        last = self.to_parameters @ last
        last[:, -1] += slopes_at_ends
        self.fixed = (slopes_at_ends != 0).double()
        inner = [ones_after(matrix) for matrix in inner]
        if one_first:
            inner[0] = inner[0].roll(1, dims=1)
        self.inner, self.last = [single(m, device) for m in inner], single(last, device)

    def at(self, context: Tensor) -> _ProductStep:
        factor = context
        for weight, bias in self.of_context:
            factor = leaky_relu(torch.addmv(bias, weight, factor), SLOPE)
        factor = self.to_parameters @ factor + self.fixed
        return _ProductStep(self.inner, self.last, single(factor[:, None], self.last.device))


@dataclass(frozen=True)
class _ProductStep:
    inner: list[Tensor]
    last: Tensor
    factor: Tensor

    def __call__(self, stars: Tensor, work: Workspace) -> Tensor:
        """Parameters of `SplineShape` for inputs and ones, (input + 1, star)."""
        for i, matrix in enumerate(self.inner):
            h = work(("hidden even", "hidden odd")[i % 2], len(matrix))
            stars = leaky_relu_(torch.mm(matrix, stars, out=h), SLOPE)
        raw = torch.mm(self.last, stars, out=work("raw", len(self.last)))
        return leaky_relu_(raw, SLOPE).mul_(self.factor)


@dataclass(frozen=True)
class _DoubleSplineStep:
    matrix: Tensor
    net1: _ProductStep
    net2: _ProductStep
    first: int
    shape: SplineShape
    buffer: str

    def __call__(self, stars: Tensor, work: Workspace) -> Tensor:
        rows, middle = len(self.matrix), self.first + 1
        torch.mm(self.matrix, stars, out=work(self.buffer, rows))
        first, second = (
            work(self.buffer, rows, 1, middle),
            work(self.buffer, rows, middle, rows - 1),
        )
        self.shape.invert(first, self.net2(work(self.buffer, rows, middle, rows), work), work)
        self.shape.invert(second, self.net1(work(self.buffer, rows, 0, middle), work), work)
        return work(self.buffer, rows, 1, rows)
