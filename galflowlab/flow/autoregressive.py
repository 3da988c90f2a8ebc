"""Autoregressive spline layer: densities in one pass, samples in one per feature."""

from __future__ import annotations

from normflows.flows.base import Flow
from normflows.flows.neural_spline.autoregressive import (
    MaskedPiecewiseRationalQuadraticAutoregressive,
)
from torch import Tensor

from galflowlab.flow.layers import mask_free_spline


class AutoregressiveSpline(Flow):
    """Rational-quadratic spline of each feature, shaped by those before it; starts at identity.

    Source: Durkan et al. (2019), arXiv:1906.04032, section 3.2. The parameters and their names
    are those of `normflows.flows.AutoregressiveRationalQuadraticSpline`; only the evaluation
    differs: no boolean masks. A state dict fits both.

    Parameters
    ----------
    features, context_features
        Number of star features and of context entries.
    hidden, blocks
        Width and number of residual blocks of the masked conditioner.
    bins, tail_bound
        Of the splines, which are the identity beyond the bound.
    """

    def __init__(
        self,
        features: int,
        context_features: int,
        *,
        hidden: int,
        blocks: int,
        bins: int,
        tail_bound: float,
    ) -> None:
        super().__init__()
        self.mprqat = _MaskFreeAutoregressive(
            features=features,
            hidden_features=hidden,
            context_features=context_features,
            num_bins=bins,
            tails="linear",
            tail_bound=tail_bound,
            num_blocks=blocks,
        )

    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Base to data; returns the stars and the log determinant, shape (star,)."""
        z, log_det = self.mprqat.inverse(z, context)
        return z, log_det.view(-1)

    def inverse(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Data to base."""
        z, log_det = self.mprqat(z, context)
        return z, log_det.view(-1)


class _MaskFreeAutoregressive(MaskedPiecewiseRationalQuadraticAutoregressive):
    """normflows' layer with the spline of `mask_free_spline`."""

    def _elementwise(
        self, inputs: Tensor, autoregressive_params: Tensor, inverse: bool = False
    ) -> tuple[Tensor, Tensor]:
        k = self.num_bins
        params = autoregressive_params.view(*inputs.shape, 3 * k - 1)
        # normflows softens widths and heights where a net tells its width; MADE does not.
        outputs, log_slope = mask_free_spline(
            inputs,
            params[..., :k],
            params[..., k : 2 * k],
            params[..., 2 * k :],
            inverse=inverse,
            bound=self.tail_bound,
            minima=(self.min_bin_width, self.min_bin_height, self.min_derivative),
        )
        return outputs, log_slope.sum(dim=1)
