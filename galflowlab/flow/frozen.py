"""A trained model for one galaxy at a time: whatever the stars share is computed once.

Single precision and (feature, star) layout throughout; agrees with `FlowModel.inverse` to
about 1e-5 standard deviations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from galflowlab.flow.canonical import AsGiven, Canonical
from galflowlab.flow.folded_net import single
from galflowlab.flow.folded_spline import slope_tables
from galflowlab.flow.folding import FoldedFlow
from galflowlab.flow.model import FlowModel
from galflowlab.flow.spline_kernel import half_fraction_across
from galflowlab.flow.splines import KnotSpline
from galflowlab.flow.symmetric import AZIMUTH, MIRRORED, quantile_of_azimuth
from galflowlab.flow.workspace import Step, Workspace, workspace


class FrozenModel:
    """Everything about a model that depends neither on the star nor on the context."""

    def __init__(self, model: FlowModel) -> None:
        self._model = model
        self.device = model.device
        self._flow = FoldedFlow(model.flow, len(model.seen))
        self._marginals = _Marginals.of(model.star_transform.marginals)

    @torch.inference_mode()
    def at(self, context: Tensor) -> FrozenSampler:
        """Fold a physical context of shape (1, context) into the weights."""
        standard = self._model.context_transform(context.to(self.device))
        location, log_scale = self._model.star_transform.scale.location_and_log_scale(standard)
        return FrozenSampler(
            steps=self._flow.at(standard[0].cpu()),
            tail=self._flow.tail,
            marginals=self._marginals.scaled(torch.exp(log_scale)[0].cpu(), location[0].cpu()),
            canonical=self._model.star_transform.canonical,
            seen=self._model.seen,
            symmetric=self._model.symmetric,
            device=self.device,
        )


@dataclass(frozen=True)
class FrozenSampler:
    """Noise to physical stars at one context; immutable, so threads may share it."""

    steps: list[Step]
    tail: Tensor
    marginals: _Marginals
    canonical: Canonical | AsGiven
    seen: list[int]
    symmetric: bool
    device: torch.device

    @torch.inference_mode()
    def drawing(self, columns: Iterable[str]) -> Callable[[Tensor], dict[str, Tensor]]:
        """Return the map from noise of shape (feature, star) to columns of shape (star,)."""
        columns, names = tuple(columns), self.canonical.columns
        needed = [n for n in self.canonical.needed(columns) if names.index(n) in self.seen]
        rows = [names.index(name) for name in needed]
        curves = self.marginals.of_features(
            rows, self.tail[[self.seen.index(row) for row in rows]], self.device
        )
        seen = torch.tensor(self.seen, device=self.device)

        @torch.inference_mode()
        def draw(noise: Tensor) -> dict[str, Tensor]:
            work = workspace(noise.shape[1], self.device)
            stars = work("noise", len(seen) + 1)
            torch.index_select(noise, 0, seen, out=stars[:-1])
            stars[-1] = 1.0
            for step in self.steps:
                stars = step(stars, work)
            values = dict(zip(needed, curves(stars, work), strict=True))
            if self.symmetric:
                return self._symmetric(noise[names.index(AZIMUTH)], values, columns)
            return self.canonical.physical(values, columns)

        return draw

    def _symmetric(
        self, noise: Tensor, values: dict[str, Tensor], columns: tuple[str, ...]
    ) -> dict[str, Tensor]:
        """Physical columns with an even azimuth, mirrored or not, both from one row of noise."""
        values[AZIMUTH] = quantile_of_azimuth(noise)
        out = self.canonical.physical(values, columns)
        for name in MIRRORED:
            if name in out:
                out[name] = torch.where(noise < 0, -out[name], out[name])
        return out


@dataclass(frozen=True)
class _Marginals:
    """Inverses of the marginal splines, whose knots are evenly spaced in the image; float64."""

    low: Tensor  # (feature, 1): first knot of the image
    step: Tensor  # (feature, 1): between knots of the image
    x0: Tensor  # (feature, bin): left knots and widths
    width: Tensor
    slope0: Tensor  # (feature, bin): shape of the rational quadratics
    curve: Tensor
    tails: Tensor  # (2, feature, 1): dx/dy below and above the knots

    @classmethod
    def of(cls, spline: KnotSpline) -> _Marginals:
        x, y, slope = (t.cpu() for t in (spline.x, spline.y, spline.slope))
        step = (y[:, -1:] - y[:, :1]) / (y.shape[1] - 1)
        if not torch.allclose(y.diff(), step):
            raise ValueError("expected marginals with evenly spaced images")
        slope0, curve = slope_tables(x, y, slope)
        tails = 1 / torch.stack([slope[:, :1], slope[:, -1:]])
        return cls(y[:, :1], step, x[:, :-1], x.diff(), slope0, curve, tails)

    def scaled(self, scale: Tensor, offset: Tensor) -> _Marginals:
        """Return the curves followed by multiplication and shift, one of each per feature."""
        scale, offset = scale[:, None], offset[:, None]
        return _Marginals(
            low=self.low,
            step=self.step,
            x0=self.x0 * scale + offset,
            width=self.width * scale,
            slope0=self.slope0,
            curve=self.curve,
            tails=self.tails * scale,
        )

    def of_features(self, rows: list[int], matrix: Tensor, device: torch.device) -> _Curves:
        """Curves of some features, each preceded by its row of a matrix."""
        matrix = matrix.clone()
        matrix[:, -1:] -= self.low[rows]
        tables = torch.stack([self.slope0, self.curve, self.x0, 2 * self.width])[:, rows]
        bins = tables.shape[-1]
        return _Curves(
            matrix=single(matrix / self.step[rows], device),
            bins=bins,
            tables=single(tables.flatten(1), device),
            first_bin=(bins * torch.arange(len(rows), device=device))[:, None],
            tails=single((self.tails * self.step)[:, rows], device),
        )


@dataclass(frozen=True)
class _Curves:
    """Rows of (feature + 1, star) to canonical coordinates (feature, star)."""

    matrix: Tensor
    bins: int
    tables: Tensor  # (table, feature * bin)
    first_bin: Tensor
    tails: Tensor

    def __call__(self, stars: Tensor, work: Workspace) -> Tensor:
        features = len(self.matrix)
        place = torch.mm(self.matrix, stars, out=work("place", features))
        inside = torch.clamp(place, 0, self.bins, out=work("inside", features))
        beyond = torch.sub(place, inside, out=place)
        bin_ = torch.clamp(inside, max=self.bins - 1, out=work("beyond", features)).floor_()
        index = work.index(features).copy_(bin_).add_(self.first_bin)
        picked = work("picked", 4 * features)
        torch.index_select(self.tables, 1, index.view(-1), out=picked.view(4, -1))
        slope0, curve, x0, twice_width = picked.view(4, features, -1)
        half = half_fraction_across(inside.sub_(bin_), slope0, curve, work)
        x = torch.addcmul(x0, half, twice_width)
        x.addcmul_(torch.clamp(beyond, max=0, out=bin_), self.tails[0])
        return x.addcmul_(beyond.clamp_(min=0), self.tails[1])
