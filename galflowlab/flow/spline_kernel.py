"""Inverse rational-quadratic splines in (feature, star) layout, in place and without masks.

Same curves as `flow.layers.mask_free_spline` (Durkan et al. 2019, arXiv:1906.04032) with
``inverse=True``, but only the bin that a star falls into is ever normalised. With e the
exponentials of the unnormalised heights, S their sum and E_k that of the first k, knot k lies at
2 B (k m + (1 - K m) E_k / S), so a value is compared with E_k + k m S / (1 - K m) instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from galflowlab.flow.workspace import Workspace

_TINY = 1e-30  # below any sum of slopes that matters, above what divides to infinity


@dataclass(frozen=True)
class SplineShape:
    """What all splines of a layer share.

    Parameters
    ----------
    bins, bound
        K bins on [-bound, bound]; the identity beyond.
    minima
        Least relative width, least relative height and least slope of a bin.
    """

    bins: int
    bound: float
    minima: tuple[float, float, float]

    @property
    def parameters(self) -> int:
        """Parameters per feature: K widths, K heights and K + 1 slopes, none normalised."""
        return 3 * self.bins + 1

    def invert(self, y: Tensor, raw: Tensor, work: Workspace) -> None:
        """Replace each y by the x of which it is the image under a spline of its own.

        Parameters
        ----------
        y
            (feature, star).
        raw
            (parameter * feature, star): all features of one parameter together, as in
            `parameters`. Overwritten.
        """
        bins, (features, stars), bound = self.bins, y.shape, self.bound
        slopes = raw[2 * bins * features :].view(bins + 1, features * stars)
        width_and_height = raw[: 2 * bins * features].view(2, bins, features, stars)
        largest = work("largest", 2 * features).view(2, 1, features, stars)
        torch.amax(width_and_height, dim=1, keepdim=True, out=largest)
        width_and_height.sub_(largest).exp_()
        sums = work("sums", 2 * (bins + 1) * features).view(2, bins + 1, features, stars)
        below = sums.unbind(1)
        below[0].zero_()
        for k, gaps in enumerate(width_and_height.unbind(1)):  # much quicker than cumsum
            torch.add(below[k], gaps, out=below[k + 1])
        # How much of e one unit of x or of y stands for.
        unit = work("unit", 2 * features).view(2, features, stars)
        least_gaps = [2 * bound * least for least in self.minima[:2]]
        for i in range(2):
            torch.div(sums[i, bins], 2 * bound - bins * least_gaps[i], out=unit[i])

        # Counted from the first knot; what lies beyond then also takes the count back.
        inside = torch.clamp(y, -bound, bound, out=work("inside", features)).add_(bound)
        beyond = torch.sub(y, inside, out=work("beyond", features))
        count = self._bin_of(inside, sums[1], unit[1], least_gaps[1], work)
        at = _Picker(count, work)
        left, gap = (work(f, 2 * features).view(2, features, stars) for f in ("left", "gap"))
        for i in range(2):
            at(sums[i], out=left[i])
            at(width_and_height[i], out=gap[i])
            left[i].div_(unit[i]).add_(count, alpha=least_gaps[i])
            gap[i].div_(unit[i]).add_(least_gaps[i])
        slope = work("slope", 2 * features).view(2, features, stars)
        at(slopes, out=slope[0])
        at(slopes[1:], out=slope[1])
        (width, height), (x0, y0) = gap, left
        # In units of the mean slope of the bin.
        slope = softplus(slope).add_(self.minima[2]).mul_(torch.div(width, height, out=unit[0]))
        rise = inside.sub_(y0).div_(height).clamp_(0, 1)
        half = half_fraction_across(rise, slope[0], slope[1].add_(slope[0]).sub_(2), work)
        torch.addcmul(x0, half, width, value=2, out=y).add_(beyond)

    def _bin_of(
        self, inside: Tensor, sums: Tensor, unit: Tensor, least: float, work: Workspace
    ) -> Tensor:
        """Number of inner knots at or below each value, as floats."""
        features, stars = inside.shape
        inner = (self.bins - 1, features, stars)
        knots = work("knots", (self.bins - 1) * features).view(inner)
        rank = torch.arange(1.0, self.bins, device=unit.device).view(-1, 1, 1)
        torch.addcmul(sums[1:-1], rank, unit, value=least, out=knots)
        place = torch.mul(inside, unit, out=work("place", features))
        # Comparing into floats is several times quicker than making booleans.
        torch.ge(place, knots, out=knots)
        return torch.sum(knots, dim=0, out=place)


class _Picker:
    """Takes from a table (row, feature, star) the row that belongs to each star."""

    def __init__(self, row: Tensor, work: Workspace) -> None:
        features = len(row)
        index = work.index(features).copy_(row)
        places = work.places(features)
        torch.add(places, index, alpha=places.numel(), out=index)
        self._index = index.view(-1)

    def __call__(self, table: Tensor, out: Tensor) -> None:
        torch.index_select(table.reshape(-1), 0, self._index, out=out.view(-1))


def half_fraction_across(rise: Tensor, slope0: Tensor, curve: Tensor, work: Workspace) -> Tensor:
    """Half the fraction of a bin's width at which the curve has risen by `rise` of its height.

    Parameters
    ----------
    rise
        0 to 1, (feature, star). Overwritten.
    slope0, curve
        Slope at the left knot in units of the mean slope of the bin, and the sum of those at
        both knots less 2. Overwritten.

    Notes
    -----
    With b = slope0 - rise * curve the fraction is 2 rise / (b + sqrt(b^2 + 4 rise (1 - b))), and
    the discriminant equals (b - 2 rise)^2 + 4 rise (1 - rise): never negative.
    """
    b = slope0.addcmul_(rise, curve, value=-1)
    root = torch.sub(b, rise, alpha=2, out=curve).square_()
    spare = work("spare", len(rise))
    torch.addcmul(rise, rise, rise, value=-1, out=spare)
    root.add_(spare, alpha=4).sqrt_().add_(b)
    # Slopes beyond single precision cancel to zero here, and 0 / 0 would be no star.
    return rise.div_(root.clamp_(min=_TINY)).clamp_(max=0.5)
