"""Spline coupling with one context folded in: base to data, in (feature, star) layout."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from normflows.flows.neural_spline.coupling import PiecewiseRationalQuadraticCDF
from torch import Tensor
from torch.nn.functional import pad, softplus

from galflowlab.flow.folded_net import FoldedNet, NetStep, single
from galflowlab.flow.layers import SplineCoupling, knots, raw_unit_slope
from galflowlab.flow.spline_kernel import SplineShape, half_fraction_across
from galflowlab.flow.workspace import Step, Workspace


class FoldedSpline:
    """A `SplineCoupling`, base to data; the half that passes through is a table of curves."""

    def __init__(self, layer: SplineCoupling, device: torch.device) -> None:
        inner = layer.prqct
        self.moved, self.kept = inner.transform_features.cpu(), inner.identity_features.cpu()
        self.order = torch.cat([self.moved, self.kept])
        minima = (inner.min_bin_width, inner.min_bin_height, inner.min_derivative)
        self.shape = SplineShape(inner.num_bins, float(inner.tail_bound), minima)
        self.net = FoldedNet(inner.transform_net, len(self.kept))
        softened = 1 / math.sqrt(inner.transform_net.hidden_features)
        self.net.map_outputs(*parameter_order(self.shape, len(self.moved), softened))
        self.curves = _SharedCurves(inner.unconditional_transform, self.shape, device)
        self._device = device

    def at(self, context: Tensor, matrix: Tensor, buffer: str) -> Step:
        """Fold a standardised context of shape (context,), float64.

        Parameters
        ----------
        matrix
            Turns the rows that come in into those in the order of this layer.
        buffer
            Name of the tensor to work in; not that of the layer before.
        """
        before, last = self.net.at(context)
        net = self.net.step(before, last, len(self.moved), buffer, self._device)
        return _SplineStep(single(matrix, self._device), self.curves, net, self.shape)


@dataclass(frozen=True)
class _SplineStep:
    matrix: Tensor
    curves: _SharedCurves
    net: NetStep
    shape: SplineShape

    def __call__(self, stars: Tensor, work: Workspace) -> Tensor:
        out = torch.mm(self.matrix, stars, out=self.net.stars(work))
        self.curves.invert(self.net.to_keep(work), work)
        raw = self.net(work, first_done=False)
        self.shape.invert(self.net.to_move(work), raw, work)
        return out


def parameter_order(shape: SplineShape, features: int, softened: float) -> tuple[Tensor, Tensor]:
    """Matrix and offset from a conditioner's outputs to the parameters of `SplineShape`.

    A conditioner gives (feature, parameter) without the slopes at both ends, which are one;
    widths and heights are multiplied by `softened`.
    """
    inner = 3 * shape.bins - 1
    matrix = torch.zeros(shape.parameters, features, features * inner, dtype=torch.float64)
    offset = torch.zeros(shape.parameters, features, dtype=torch.float64)
    offset[[2 * shape.bins, -1]] = raw_unit_slope(shape.minima[2])
    for parameter in range(inner):
        wide = parameter < 2 * shape.bins
        for feature in range(features):
            row = parameter if wide else parameter + 1
            matrix[row, feature, feature * inner + parameter] = softened if wide else 1.0
    return matrix.flatten(0, 1), offset.flatten()


class _SharedCurves:
    """Inverse splines of the features that pass through; the same for all stars."""

    def __init__(
        self, curves: PiecewiseRationalQuadraticCDF, shape: SplineShape, device: torch.device
    ) -> None:
        self.bound, self.bins = shape.bound, shape.bins
        with torch.no_grad():
            x = knots(curves.unnormalized_widths.double(), shape.bound, shape.minima[0])
            y = knots(curves.unnormalized_heights.double(), shape.bound, shape.minima[1])
            slope = shape.minima[2] + softplus(curves.unnormalized_derivatives.double())
            slope = pad(slope, (1, 1), value=1.0)
        scaled = slope_tables(x, y, slope)
        self.edges = single(y[:, 1:-1].T[:, :, None], device)
        tables = torch.stack([y[:, :-1], 1 / y.diff(), *scaled, x[:, :-1], 2 * x.diff()])
        self.tables = single(tables.flatten(1), device)
        self.first_bin = (torch.arange(len(y)) * self.bins).to(device)[:, None]

    def invert(self, y: Tensor, work: Workspace) -> None:
        """Replace each y (feature, star) by the x of which it is the image."""
        features, stars = y.shape
        inside = torch.clamp(y, -self.bound, self.bound, out=work("inside", features))
        beyond = torch.sub(y, inside, out=work("beyond", features))
        above = work("knots", len(self.edges) * features).view(-1, features, stars)
        torch.ge(inside, self.edges, out=above)
        torch.sum(above, dim=0, out=y)
        index = work.index(features).copy_(y).add_(self.first_bin)
        picked = work("picked", len(self.tables) * features)
        torch.index_select(self.tables, 1, index.view(-1), out=picked.view(len(self.tables), -1))
        y0, per_height, slope0, curve, x0, twice_width = picked.view(-1, features, stars)
        rise = inside.sub_(y0).mul_(per_height).clamp_(0, 1)
        half = half_fraction_across(rise, slope0, curve, work)
        torch.addcmul(x0, half, twice_width, out=y).add_(beyond)


def slope_tables(x: Tensor, y: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
    """`slope0` and `curve` of `half_fraction_across` for knots (feature, knot)."""
    per_mean = x.diff() / y.diff()
    slope0 = slope[:, :-1] * per_mean
    return slope0, slope0 + slope[:, 1:] * per_mean - 2
