"""A trained model for one galaxy at a time: whatever the stars share is computed once.

Single precision and (feature, star) layout throughout; agrees with `FlowModel.inverse` to
about 1e-5 standard deviations.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from galflowlab.flow.canonical import Canonical
from galflowlab.flow.folding import Step, fold
from galflowlab.flow.model import FlowModel
from galflowlab.flow.splines import KnotSpline, fraction_across


class FrozenModel:
    """Everything about a model that depends neither on the star nor on the context."""

    def __init__(self, model: FlowModel) -> None:
        self._model = model
        self._layers = [fold(layer, len(model.columns)) for layer in model.flow.flows]
        self._curves = [
            _Curve.of(model.star_transform.marginals, i) for i in range(len(model.columns))
        ]

    @torch.inference_mode()
    def at(self, context: Tensor) -> FrozenSampler:
        """Fold a physical context of shape (1, context) into the weights."""
        standard = self._model.context_transform(context)
        location, log_scale = self._model.star_transform.scale.location_and_log_scale(standard)
        scale = torch.exp(log_scale)[0].tolist()
        curves = [
            curve.scaled(s, m)
            for curve, s, m in zip(self._curves, scale, location[0].tolist(), strict=True)
        ]
        canonical = self._model.star_transform.canonical
        return FrozenSampler(
            steps=[layer.at(standard[0]) for layer in self._layers],
            curves=dict(zip(canonical.columns, curves, strict=True)),
            canonical=canonical,
        )


@dataclass(frozen=True)
class FrozenSampler:
    """Noise to physical stars at one context; immutable, so threads may share it."""

    steps: list[Step]
    curves: dict[str, _Curve]
    canonical: Canonical

    @torch.inference_mode()
    def __call__(self, noise: Tensor, columns: Iterable[str]) -> dict[str, Tensor]:
        """Map noise of shape (feature, star) to the columns wanted, each of shape (star,)."""
        columns = tuple(columns)
        for step in self.steps:
            noise = step(noise)
        needed = self.canonical.needed(columns)
        rows = {
            name: self.curves[name](noise[i])
            for i, name in enumerate(self.canonical.columns)
            if name in needed
        }
        return self.canonical.physical(rows, columns)


@dataclass(frozen=True)
class _Curve:
    """Inverse of one marginal spline, whose knots are evenly spaced in the image."""

    low: float  # first knot of the image
    step: float  # between knots of the image
    bins: int
    x0: Tensor  # (bin,): left knot, width, and the shape of the rational quadratic
    width: Tensor
    delta: Tensor
    slope0: Tensor
    curve: Tensor
    tail_low: float  # dx/dy below and above the knots
    tail_high: float

    @classmethod
    def of(cls, spline: KnotSpline, feature: int) -> _Curve:
        x, y, slope = (t[feature] for t in (spline.x, spline.y, spline.slope))
        step = float(y[-1] - y[0]) / (len(y) - 1)
        if not torch.allclose(y.diff(), torch.full_like(y[1:], step)):
            raise ValueError("expected marginals with evenly spaced images")
        width = x.diff()
        delta = step / width
        return cls(
            low=float(y[0]),
            step=step,
            bins=len(width),
            x0=x[:-1].float(),
            width=width.float(),
            delta=delta.float(),
            slope0=slope[:-1].float(),
            curve=(slope[:-1] + slope[1:] - 2 * delta).float(),
            tail_low=1 / float(slope[0]),
            tail_high=1 / float(slope[-1]),
        )

    def scaled(self, scale: float, offset: float) -> _Curve:
        """Return the curve followed by multiplication and shift."""
        return replace(
            self,
            x0=self.x0 * scale + offset,
            width=self.width * scale,
            tail_low=self.tail_low * scale,
            tail_high=self.tail_high * scale,
        )

    def __call__(self, y: Tensor) -> Tensor:
        place = (y - self.low) / self.step
        inside = place.clamp(0, self.bins)
        index = inside.long().clamp_(max=self.bins - 1)
        theta = fraction_across(
            inside - index, self.delta[index], self.slope0[index], self.curve[index]
        )
        x = torch.addcmul(self.x0[index], theta, self.width[index])
        beyond = (place - inside) * self.step
        return x + beyond.clamp_max(0) * self.tail_low + beyond.clamp_min(0) * self.tail_high
