"""Layers of GalacticFlow (Wolf & Buck 2023, arXiv:2312.06017), written anew after its paper.

In normflows' convention: `forward` is base to data, `inverse` data to base. Parameters carry the
names of the published checkpoints, whose layers are counted from the data side.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TypeAlias

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


Nets: TypeAlias = Callable[[int, int], LeakyNet]
"""From the number of inputs and that of the features to be moved to a net."""


class _SplineCoupling(Flow):
    """What both couplings share: no least bin or slope; linear tails of slope one.

    The parameters of the splines are the outputs of a net of the stars times, entry by entry,
    those of a net of the context.

    Parameters
    ----------
    features, context_features
        Number of star features and of context entries.
    hidden, layers, slope
        Width of the nets, number of their weight matrices, and slope of their leaky ReLU.
    bins, bound
        K bins on [-bound, bound].
    first
        Number of features of the first part; half of them, rounded down, if not given.
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
        first: int | None = None,
    ) -> None:
        super().__init__()
        self.features = features
        self.first = features // 2 if first is None else first
        self.bins, self.bound = bins, bound

        def net(inputs: int, moved: int) -> LeakyNet:
            return LeakyNet(inputs, hidden, layers, moved * (3 * bins - 1), slope)

        self._add_nets(net, self.first, features - self.first, context_features)

    def _add_nets(self, net: Nets, first: int, second: int, context: int) -> None:
        """Give this layer its nets, each from its inputs and the features that it moves."""
        raise NotImplementedError

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
    """Spline coupling that moves the second part by the first, which stays: NSF_CL."""

    def _add_nets(self, net: Nets, first: int, second: int, context: int) -> None:
        self.net, self.net_cond = net(first, second), net(context, second)

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
    """Spline coupling that moves the second part by the first, then the first by the second.

    NSF_CL2 of the published code, the kind of the published models.
    """

    def _add_nets(self, net: Nets, first: int, second: int, context: int) -> None:
        self.net1, self.net2 = net(first, second), net(second, first)
        self.net_cond1, self.net_cond2 = net(context, second), net(context, first)

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
