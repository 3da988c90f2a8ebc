"""Spline coupling with one context folded in: base to data, in (feature, star) layout."""

from __future__ import annotations

import math
from dataclasses import fields

import torch
from normflows.flows.neural_spline.coupling import PiecewiseRationalQuadraticCDF
from torch import Tensor
from torch.nn.functional import pad, softplus

from galflowlab.flow.folded_net import FoldedNet, Step, single
from galflowlab.flow.layers import SplineCoupling, knots, raw_unit_slope
from galflowlab.flow.splines import Bins, spline_inverse_value


class FoldedSpline:
    """A `SplineCoupling`, base to data; the half that passes through is a table of curves."""

    def __init__(self, layer: SplineCoupling) -> None:
        inner = layer.prqct
        self.kept, self.moved = inner.identity_features, inner.transform_features
        self.bins, self.bound = inner.num_bins, float(inner.tail_bound)
        self.minima = (inner.min_bin_width, inner.min_bin_height, inner.min_derivative)
        self.net = FoldedNet(inner.transform_net, len(self.kept))
        # Bins first and features second, so that one bin of all stars is contiguous.
        per_feature = 3 * self.bins - 1
        order = torch.arange(len(self.moved) * per_feature).view(-1, per_feature).T
        scale = torch.ones(order.shape, dtype=torch.float64)
        scale[: 2 * self.bins] /= math.sqrt(inner.transform_net.hidden_features)
        self.net.reorder_outputs(order.reshape(-1), scale.reshape(-1))
        self.table = self._tabulate(inner.unconditional_transform)

    def _tabulate(self, curves: PiecewiseRationalQuadraticCDF) -> tuple[Tensor, Bins]:
        """Return the edges and the bins of the curves that all stars share."""
        with torch.no_grad():
            x = knots(curves.unnormalized_widths.double(), self.bound, self.minima[0])
            y = knots(curves.unnormalized_heights.double(), self.bound, self.minima[1])
            slope = self.minima[2] + softplus(curves.unnormalized_derivatives.double())
            slope = pad(slope, (1, 1), value=1.0)
        tables = (x[:, :-1], y[:, :-1], x.diff(), y.diff(), slope[:, :-1], slope[:, 1:])
        return single(y[:, 1:-1].T[:, :, None]), Bins(*(single(t) for t in tables))

    def at(self, context: Tensor) -> Step:
        """Fold a standardised context of shape (context,), float64."""
        net = self.net.at(context)

        def step(z: Tensor) -> Tensor:
            kept = self._shared_curves(z[self.kept])
            moved = self._own_curves(z[self.moved], net(kept))
            out = torch.empty_like(z)
            out[self.kept], out[self.moved] = kept, moved
            return out

        return step

    def _shared_curves(self, y: Tensor) -> Tensor:
        edges, table = self.table
        inside = y.clamp(-self.bound, self.bound)
        index = _count_below(inside, edges)
        gathered = Bins(*(getattr(table, f.name).gather(1, index) for f in fields(table)))
        x = spline_inverse_value(inside, gathered)
        return torch.where(inside == y, x, y)

    def _own_curves(self, y: Tensor, raw: Tensor) -> Tensor:
        """One curve for each star; `raw` has shape (3 bin - 1 times feature, star)."""
        k, shape = self.bins, (-1, *y.shape)
        inside = y.clamp(-self.bound, self.bound)
        raw = raw.view(shape)
        width, x0 = self._gaps(raw[:k], self.minima[0])
        height, y0 = self._gaps(raw[k : 2 * k], self.minima[1])
        index = _count_below(inside, y0[1:])[None]
        slopes = pad(raw[2 * k :], (0, 0, 0, 0, 1, 1), value=raw_unit_slope(self.minima[2]))

        def at(table: Tensor, shift: int = 0) -> Tensor:
            return table.gather(0, index + shift)[0]

        least = self.minima[2]
        bins = Bins(
            x0=at(x0),
            y0=at(y0),
            width=at(width),
            height=at(height),
            slope0=least + softplus(at(slopes)),
            slope1=least + softplus(at(slopes, 1)),
        )
        return torch.where(inside == y, spline_inverse_value(inside, bins), y)

    def _gaps(self, raw: Tensor, least: float) -> tuple[Tensor, Tensor]:
        """Widths of the bins and their left edges, both (bin, feature, star)."""
        gaps = torch.softmax(raw, dim=0)
        gaps.mul_(2 * self.bound * (1 - least * self.bins)).add_(2 * self.bound * least)
        edges = torch.empty_like(gaps)
        edges[0] = -self.bound
        for k in range(self.bins - 1):  # several times quicker than cumsum along this axis
            torch.add(edges[k], gaps[k], out=edges[k + 1])
        return gaps, edges


def _count_below(values: Tensor, edges: Tensor) -> Tensor:
    """How many edges (edge, feature, star) lie at or below each value (feature, star)."""
    count = (values >= edges[0]).to(torch.int8)
    for edge in edges[1:]:
        count += values >= edge
    return count.long()
