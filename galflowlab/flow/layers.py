"""Layers that normflows lacks, as ordinary `normflows.flows.Flow` subclasses.

In normflows `forward` is base to data and `inverse` is data to base; these layers keep to
that, and `flow.model` hides it.
"""

from __future__ import annotations

import math

import torch
from normflows.flows.base import Flow
from normflows.flows.neural_spline.coupling import (
    PiecewiseRationalQuadraticCDF,
    PiecewiseRationalQuadraticCoupling,
)
from normflows.nets import ResidualNet
from normflows.utils.masks import create_alternating_binary_mask
from torch import Tensor
from torch.nn.functional import pad, softplus

from galflowlab.flow.splines import Bins, spline_forward, spline_inverse

MAX_LOG_SCALE = 3.0  # of one affine layer; keeps early training from overflowing


class AffineCoupling(Flow):
    """Conditional affine coupling (Dinh et al. 2017, arXiv:1605.08803), identity at the start.

    Parameters
    ----------
    features, context_features
        Number of star features and of context entries.
    hidden, blocks
        Width and number of residual blocks of the conditioner.
    odd
        Which half of the alternating split is transformed.
    """

    kept: Tensor
    moved: Tensor

    def __init__(
        self, features: int, context_features: int, *, hidden: int, blocks: int, odd: bool
    ) -> None:
        super().__init__()
        index = torch.arange(features)
        self.register_buffer("kept", index[index % 2 == int(odd)], persistent=False)
        self.register_buffer("moved", index[index % 2 != int(odd)], persistent=False)
        self.net = ResidualNet(
            in_features=len(self.kept),
            out_features=2 * len(self.moved),
            hidden_features=hidden,
            context_features=context_features,
            num_blocks=blocks,
        )
        torch.nn.init.zeros_(self.net.final_layer.weight)
        torch.nn.init.zeros_(self.net.final_layer.bias)

    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Base to data; returns the stars and the log determinant, shape (star,)."""
        shift, log_scale = self._shift_and_log_scale(z, context)
        moved = z[:, self.moved] * torch.exp(log_scale) + shift
        return z.index_copy(1, self.moved, moved), log_scale.sum(dim=1)

    def inverse(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Data to base."""
        shift, log_scale = self._shift_and_log_scale(z, context)
        moved = (z[:, self.moved] - shift) * torch.exp(-log_scale)
        return z.index_copy(1, self.moved, moved), -log_scale.sum(dim=1)

    def _shift_and_log_scale(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        shift, raw = self.net(z[:, self.kept], context).chunk(2, dim=1)
        return shift, MAX_LOG_SCALE * torch.tanh(raw / MAX_LOG_SCALE)


class SplineCoupling(Flow):
    """Neural spline coupling (Durkan et al. 2019, arXiv:1906.04032), identity at the start.

    The parameters, their names and their meaning are those of
    `normflows.flows.CoupledRationalQuadraticSpline`; only the evaluation differs: no boolean
    masks. A state dict fits both.
    """

    def __init__(
        self,
        features: int,
        context_features: int,
        *,
        hidden: int,
        blocks: int,
        bins: int,
        odd: bool,
        tail_bound: float = 3.0,
    ) -> None:
        super().__init__()

        def conditioner(n_in: int, n_out: int) -> ResidualNet:
            return ResidualNet(
                n_in, n_out, hidden, context_features=context_features, num_blocks=blocks
            )

        self.prqct = _MaskFreeCoupling(
            mask=create_alternating_binary_mask(features, even=odd),
            transform_net_create_fn=conditioner,
            num_bins=bins,
            tails="linear",
            tail_bound=tail_bound,
        )
        # normflows would build its own, masked, spline for the half that passes through.
        self.prqct.unconditional_transform = _MaskFreeCDF(
            shape=[self.prqct.num_identity_features],
            num_bins=bins,
            tails="linear",
            tail_bound=tail_bound,
        )
        self._start_at_identity(bins)

    def _start_at_identity(self, bins: int) -> None:
        final = self.prqct.transform_net.final_layer
        torch.nn.init.zeros_(final.weight)
        with torch.no_grad():
            bias = final.bias.view(-1, 3 * bins - 1)
            bias.zero_()
            bias[:, 2 * bins :] = raw_unit_slope(self.prqct.min_derivative)

    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Base to data; returns the stars and the log determinant, shape (star,)."""
        z, log_det = self.prqct.inverse(z, context)
        return z, log_det.view(-1)

    def inverse(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Data to base."""
        z, log_det = self.prqct(z, context)
        return z, log_det.view(-1)


class _MaskFreeCoupling(PiecewiseRationalQuadraticCoupling):
    """normflows' coupling with the spline of `mask_free_spline`."""

    def _piecewise_cdf(
        self, inputs: Tensor, transform_params: Tensor, inverse: bool = False
    ) -> tuple[Tensor, Tensor]:
        k = self.num_bins
        softened = 1 / math.sqrt(self.transform_net.hidden_features)
        return mask_free_spline(
            inputs,
            transform_params[..., :k] * softened,
            transform_params[..., k : 2 * k] * softened,
            transform_params[..., 2 * k :],
            inverse=inverse,
            bound=self.tail_bound,
            minima=(self.min_bin_width, self.min_bin_height, self.min_derivative),
        )


class _MaskFreeCDF(PiecewiseRationalQuadraticCDF):
    """normflows' unconditional spline of the pass-through half, without masks."""

    def _spline(self, inputs: Tensor, inverse: bool = False) -> tuple[Tensor, Tensor]:
        outputs, log_det = mask_free_spline(
            inputs,
            self.unnormalized_widths,
            self.unnormalized_heights,
            self.unnormalized_derivatives,
            inverse=inverse,
            bound=self.tail_bound,
            minima=(self.min_bin_width, self.min_bin_height, self.min_derivative),
        )
        return outputs, log_det.sum(dim=1)


def mask_free_spline(
    value: Tensor,
    widths: Tensor,
    heights: Tensor,
    slopes: Tensor,
    *,
    inverse: bool,
    bound: float,
    minima: tuple[float, float, float],
) -> tuple[Tensor, Tensor]:
    """Rational-quadratic spline on [-bound, bound], the identity outside.

    Parameters
    ----------
    value
        (star, feature).
    widths, heights, slopes
        Unnormalised, shapes (..., feature, bin), the same, and (..., feature, bin - 1), where
        ... is (star,) or nothing for curves that all stars share.
    inverse
        Direction, as in normflows.
    minima
        Least relative width, relative height and slope of a bin.

    Returns
    -------
    outputs, log_slope : (star, feature)
    """
    x = knots(widths, bound, minima[0])
    y = knots(heights, bound, minima[1])
    # The slope at both ends is one, so that the tails join smoothly.
    slope = pad(minima[2] + softplus(slopes), (1, 1), value=1.0)
    clamped = value.clamp(-bound, bound)
    edges = y if inverse else x
    index = (clamped.unsqueeze(-1) >= edges[..., 1:-1]).sum(dim=-1, keepdim=True)
    shape = (*value.shape, x.shape[-1])
    x, y, slope = (t.expand(shape) for t in (x, y, slope))

    def at(table: Tensor, which: Tensor) -> Tensor:
        return table.gather(-1, which).squeeze(-1)

    x0, y0 = at(x, index), at(y, index)
    bins = Bins(
        x0=x0,
        y0=y0,
        width=at(x, index + 1) - x0,
        height=at(y, index + 1) - y0,
        slope0=at(slope, index),
        slope1=at(slope, index + 1),
    )
    outputs, log_slope = (spline_inverse if inverse else spline_forward)(clamped, bins)
    inside = clamped == value
    return torch.where(inside, outputs, value), torch.where(inside, log_slope, 0.0)


def raw_unit_slope(least: float) -> float:
    """Unnormalised slope that stands for one, where slopes are at least `least`."""
    return math.log(math.expm1(1 - least))


def knots(unnormalised: Tensor, bound: float, minimum: float) -> Tensor:
    """Knots (..., bin + 1) from -bound to bound whose gaps are a softmax, floored."""
    count = unnormalised.shape[-1]
    parts = minimum + (1 - minimum * count) * torch.softmax(unnormalised, dim=-1)
    inner = parts[..., :-1].cumsum(dim=-1)
    return pad(pad(inner, (1, 0), value=0.0), (0, 1), value=1.0) * (2 * bound) - bound
