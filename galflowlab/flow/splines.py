"""Monotone rational-quadratic splines with linear tails, without masks.

Source: Gregory & Delbourgo (1982); Durkan et al. (2019), arXiv:1906.04032, section 3.1.
Values outside the knots are clamped to the last bin and then replaced by the tail, so every
star takes the same path and no array is filtered: what `torch.compile` and vector units like.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Bins:
    """Bin of each value: left knot (x0, y0), width, height, and the slopes at both knots."""

    x0: Tensor
    y0: Tensor
    width: Tensor
    height: Tensor
    slope0: Tensor
    slope1: Tensor


def spline_forward(x: Tensor, bins: Bins) -> tuple[Tensor, Tensor]:
    """Evaluate y(x) and log dy/dx inside the bins; all shapes alike."""
    delta = bins.height / bins.width
    theta = (x - bins.x0) / bins.width
    mixed = theta * (1 - theta)
    curve = bins.slope0 + bins.slope1 - 2 * delta
    denominator = delta + curve * mixed
    y = bins.y0 + bins.height * (delta * theta.square() + bins.slope0 * mixed) / denominator
    return y, _log_slope(theta, mixed, delta, denominator, bins)


def spline_inverse(y: Tensor, bins: Bins) -> tuple[Tensor, Tensor]:
    """Evaluate x(y) and log dx/dy inside the bins; all shapes alike."""
    theta, delta = _theta(y, bins), bins.height / bins.width
    mixed = theta * (1 - theta)
    denominator = delta + (bins.slope0 + bins.slope1 - 2 * delta) * mixed
    log_slope = -_log_slope(theta, mixed, delta, denominator, bins)
    return bins.x0 + theta * bins.width, log_slope


def _theta(y: Tensor, bins: Bins) -> Tensor:
    """Fraction of the bin's width at which the curve reaches y."""
    delta = bins.height / bins.width
    rise = (y - bins.y0) / bins.height
    bend = rise * (bins.slope0 + bins.slope1 - 2 * delta)
    b = bins.slope0 - bend
    c = 2 * delta * rise
    # Rounding can push the discriminant of a near-double root just below zero.
    root = torch.sqrt((b.square() + 2 * c * (bend + delta - bins.slope0)).clamp_min(0))
    return (c / (b + root)).clamp(0, 1)


def _log_slope(
    theta: Tensor, mixed: Tensor, delta: Tensor, denominator: Tensor, bins: Bins
) -> Tensor:
    numerator = (
        bins.slope1 * theta.square() + 2 * delta * mixed + bins.slope0 * (1 - theta).square()
    )
    return 2 * torch.log(delta) + torch.log(numerator) - 2 * torch.log(denominator)


class KnotSpline(torch.nn.Module):
    """One fixed monotone curve per feature through given knots, linear beyond them.

    Parameters
    ----------
    x, y, slope
        Knots and positive slopes, shape (feature, knot); `x` and `y` strictly increasing.
    """

    x: Tensor
    y: Tensor
    slope: Tensor

    def __init__(self, x: Tensor, y: Tensor, slope: Tensor) -> None:
        super().__init__()
        for name, value in (("x", x), ("y", y), ("slope", slope)):
            self.register_buffer(name, value.to(torch.float64).contiguous())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map (star, feature) values; returns y and log dy/dx per value."""
        bins = self._bins(x, self.x)
        inside = x.clamp(self.x[:, 0], self.x[:, -1])
        y, log_slope = spline_forward(inside, bins)
        beyond = x - inside
        slope = torch.where(beyond < 0, bins.slope0, bins.slope1)
        tail = beyond != 0
        return y + beyond * slope, torch.where(tail, torch.log(slope), log_slope)

    def inverse(self, y: Tensor) -> Tensor:
        """Return the x of which `y` is the image."""
        bins = self._bins(y, self.y)
        inside = y.clamp(self.y[:, 0], self.y[:, -1])
        x, _ = spline_inverse(inside, bins)
        beyond = y - inside
        return x + beyond / torch.where(beyond < 0, bins.slope0, bins.slope1)

    def _bins(self, value: Tensor, knots: Tensor) -> Bins:
        index = torch.searchsorted(knots, value.detach().T.contiguous(), right=True).T - 1
        index = index.clamp(0, knots.shape[1] - 2)
        feature = torch.arange(knots.shape[0], device=value.device)
        x0, y0 = self.x[feature, index], self.y[feature, index]
        return Bins(
            x0=x0,
            y0=y0,
            width=self.x[feature, index + 1] - x0,
            height=self.y[feature, index + 1] - y0,
            slope0=self.slope[feature, index],
            slope1=self.slope[feature, index + 1],
        )


def monotone_slopes(x: Tensor, y: Tensor) -> Tensor:
    """Slopes at the knots from the neighbouring secants, positive and free of overshoot.

    Weighted harmonic mean inside (Fritsch & Butland 1984), the secant itself at the ends.
    """
    width = x[:, 1:] - x[:, :-1]
    secant = (y[:, 1:] - y[:, :-1]) / width
    left, right = secant[:, :-1], secant[:, 1:]
    w_left = 2 * width[:, 1:] + width[:, :-1]
    w_right = width[:, 1:] + 2 * width[:, :-1]
    middle = (w_left + w_right) / (w_left / left + w_right / right)
    return torch.cat([secant[:, :1], middle, secant[:, -1:]], dim=1)
