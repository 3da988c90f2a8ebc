"""Layers of GalacticFlow (Wolf & Buck 2023, arXiv:2312.06017), written anew after its paper.

In normflows' convention: `forward` is base to data, `inverse` data to base. Parameters carry the
names of the published checkpoints, whose layers are counted from the data side.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from normflows.flows.base import Flow
from torch import Tensor

from galflowlab.flow.layers import mask_free_spline

SLOPE = 0.2  # of the leaky ReLU on its negative side, in the published models


class LearnedLinear(Flow):
    """Invertible matrix W = P L (U + diag S) that rows are multiplied by, data to base.

    A 1x1 convolution in LU form (Kingma & Dhariwal 2018, arXiv:1807.03039): P is a fixed
    permutation, L unit lower and U strictly upper triangular.
    """

    P: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        rotation, _ = torch.linalg.qr(torch.randn(features, features))
        permutation, lower, upper = torch.linalg.lu(rotation)
        self.register_buffer("P", permutation)
        self.L = torch.nn.Parameter(lower)
        self.S = torch.nn.Parameter(upper.diagonal().clone())
        self.U = torch.nn.Parameter(upper.triu(1))

    def forward(self, z: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        """Base to data; returns the stars and the log determinant, shape (star,)."""
        lower, upper = self._triangles()
        y = torch.linalg.solve_triangular(upper, z, upper=True, left=False)
        y = torch.linalg.solve_triangular(lower, y, upper=False, left=False, unitriangular=True)
        return y @ self.P.T, -self._log_det(z)

    def inverse(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Data to base."""
        lower, upper = self._triangles()
        return z @ (self.P @ lower @ upper), self._log_det(z)

    def _triangles(self) -> tuple[Tensor, Tensor]:
        one = torch.eye(len(self.S), dtype=self.S.dtype, device=self.S.device)
        return self.L.tril(-1) + one, self.U.triu(1) + torch.diag(self.S)

    def _log_det(self, z: Tensor) -> Tensor:
        return self.S.abs().log().sum().expand(len(z))


class _SplineCoupling(Flow):
    """What both couplings share: no least bin or slope; linear tails of slope one.

    The parameters of the splines are the outputs of a net of the stars times, entry by entry,
    those of a net of the context.
    """

    def __init__(self, features: int, first: int, *, bins: int, bound: float) -> None:
        super().__init__()
        self.features, self.first, self.bins, self.bound = features, first, bins, bound

    def _outputs(self, moved: int) -> int:
        return moved * (3 * self.bins - 1)

    def _spline(self, value: Tensor, raw: Tensor, *, inverse: bool) -> tuple[Tensor, Tensor]:
        k = self.bins
        widths, heights, slopes = raw.view(*value.shape, -1).split([k, k, k - 1], dim=-1)
        value, log_slope = mask_free_spline(
            value,
            widths,
            heights,
            slopes,
            inverse=inverse,
            bound=self.bound,
            minima=(0.0, 0.0, 0.0),
        )
        return value, log_slope.sum(dim=1)


class SingleSplineCoupling(_SplineCoupling):
    """Spline coupling that moves the last features by the first ones, which stay: NSF_CL.

    Parameters
    ----------
    features, context_features
        Number of star features and of context entries.
    first
        Number of features that stay.
    hidden, layers, slope
        Width of the nets, number of their weight matrices, and slope of their leaky ReLU.
    bins, bound
        K bins on [-bound, bound].
    """

    def __init__(
        self,
        features: int,
        context_features: int,
        *,
        first: int,
        hidden: int,
        layers: int,
        bins: int,
        bound: float,
        slope: float = SLOPE,
    ) -> None:
        super().__init__(features, first, bins=bins, bound=bound)
        outputs = self._outputs(features - first)
        self.net = LeakyNet(first, hidden, layers, outputs, slope)
        self.net_cond = LeakyNet(context_features, hidden, layers, outputs, slope)

    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Base to data; returns the stars and the log determinant, shape (star,)."""
        return self._moved(z, context, inverse=True)

    def inverse(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Data to base."""
        return self._moved(z, context, inverse=False)

    def _moved(self, z: Tensor, context: Tensor, *, inverse: bool) -> tuple[Tensor, Tensor]:
        kept, moved = z[:, : self.first], z[:, self.first :]
        raw = self.net_cond(context) * self.net(kept)
        moved, log_det = self._spline(moved, raw, inverse=inverse)
        return torch.cat([kept, moved], dim=1), log_det


class DoubleSplineCoupling(_SplineCoupling):
    """Spline coupling that moves the second half by the first, then the first by the second.

    NSF_CL2 of the published code, the kind of the published models.

    Parameters
    ----------
    features, context_features
        Number of star features and of context entries.
    hidden, layers, slope
        Width of the nets, number of their weight matrices, and slope of their leaky ReLU.
    bins, bound
        K bins on [-bound, bound].
    """

    def __init__(
        self,
        features: int,
        context_features: int,
        *,
        hidden: int,
        layers: int,
        bins: int,
        bound: float,
        slope: float = SLOPE,
    ) -> None:
        first = features // 2
        super().__init__(features, first, bins=bins, bound=bound)
        second = features - first
        of_second, of_first = self._outputs(second), self._outputs(first)
        self.net1 = LeakyNet(first, hidden, layers, of_second, slope)
        self.net2 = LeakyNet(second, hidden, layers, of_first, slope)
        self.net_cond1 = LeakyNet(context_features, hidden, layers, of_second, slope)
        self.net_cond2 = LeakyNet(context_features, hidden, layers, of_first, slope)

    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Base to data; returns the stars and the log determinant, shape (star,)."""
        b, a = z[:, : self.first], z[:, self.first :]
        b, log_det_b = self._spline(b, self.net_cond2(context) * self.net2(a), inverse=True)
        a, log_det_a = self._spline(a, self.net_cond1(context) * self.net1(b), inverse=True)
        return torch.cat([b, a], dim=1), log_det_a + log_det_b

    def inverse(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Data to base."""
        b, a = z[:, : self.first], z[:, self.first :]
        a, log_det_a = self._spline(a, self.net_cond1(context) * self.net1(b), inverse=False)
        b, log_det_b = self._spline(b, self.net_cond2(context) * self.net2(a), inverse=False)
        return torch.cat([b, a], dim=1), log_det_a + log_det_b


class LeakyNet(torch.nn.Module):
    """Perceptron with a leaky ReLU after every layer, the last one too."""

    def __init__(self, inputs: int, hidden: int, layers: int, outputs: int, slope: float) -> None:
        super().__init__()
        self.slope = slope
        sizes = [inputs, *[hidden] * (layers - 1), outputs]
        modules: list[torch.nn.Module] = []
        for n_in, n_out in pairwise(sizes):
            modules += [torch.nn.Linear(n_in, n_out), torch.nn.LeakyReLU(slope)]
        self.network = torch.nn.Sequential(*modules)

    def forward(self, x: Tensor) -> Tensor:
        """Evaluate (star, input) to (star, output)."""
        return self.network(x)

    @property
    def linear(self) -> list[torch.nn.Linear]:
        """The weight matrices with their biases, in order."""
        return [m for m in self.network if isinstance(m, torch.nn.Linear)]
