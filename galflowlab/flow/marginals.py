"""Curves that make each coordinate standard normal."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from galflowlab.flow.splines import KnotSpline, monotone_slopes

_KNOT_STEP = 0.275  # standard deviations
_KNOT_RANGE = 4.4  # where one star in ninety thousand lies beyond
_BEYOND = 10  # stars beyond the last knot on either side: fewer do not fix it


def fit_marginals(scaled: Tensor, normal: Sequence[int] = ()) -> KnotSpline:
    """Monotone curves that make each column of (star, feature) standard normal when pooled.

    Columns in `normal` are so by construction and stay as they are.

    They reach as far out as there are stars to fix them: heights above the disc fall off as a
    power law, and what is left of such a tail beyond the knots upsets every layer behind.
    """
    share = torch.tensor(max(1 - _BEYOND / len(scaled), 0.9), dtype=torch.float64)
    reach = min(float(torch.special.ndtri(share)), _KNOT_RANGE)
    knots = 2 * round(reach / _KNOT_STEP) + 1
    y = torch.linspace(-reach, reach, knots, dtype=torch.float64)
    levels = torch.special.ndtr(y)
    ordered = scaled.sort(dim=0).values
    position = levels * (len(scaled) - 1)
    below = position.floor().long().clamp(0, len(scaled) - 2)
    fraction = (position - below)[:, None]
    x = ((1 - fraction) * ordered[below] + fraction * ordered[below + 1]).T
    x = _spread(x, y)
    y = y.expand_as(x).clone()
    x[list(normal)] = y[list(normal)]
    return KnotSpline(x, y, monotone_slopes(x, y))


def _spread(x: Tensor, y: Tensor) -> Tensor:
    """Keep knots apart where many stars share a value, so that the curve stays invertible."""
    minimum = 1e-3 * (y[1] - y[0])
    steps = (x[:, 1:] - x[:, :-1]).clamp_min(float(minimum))
    return torch.cat([x[:, :1], x[:, :1] + steps.cumsum(dim=1)], dim=1)
