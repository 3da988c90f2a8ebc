"""What a preset sees of contexts and stars: physics taken out first, or columns as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from galflowlab.context import LOGARITHMIC
from galflowlab.flow.canonical import AsGiven, Canonical
from galflowlab.flow.splines import KnotSpline
from galflowlab.flow.transforms import ContextScale, ContextTransform, StarTransform


@dataclass(frozen=True)
class Coordinates:
    """How contexts and stars become what a flow sees.

    Parameters
    ----------
    canonical
        Class of the parameter-free map of the star columns.
    logarithmic
        Context entries of which the logarithm is taken.
    fit_context, fit_stars
        Fit `ContextTransform` to (names, context) and `StarTransform` to (columns, stars,
        standardised context), as their own `fit` do.
    """

    canonical: type[Canonical] | type[AsGiven]
    logarithmic: frozenset[str]
    fit_context: Callable[[tuple[str, ...], Tensor], ContextTransform]
    fit_stars: Callable[[tuple[str, ...], list[Tensor], Tensor], StarTransform]

    def rebuild(
        self,
        columns: tuple[str, ...],
        context_names: tuple[str, ...],
        tensors: Mapping[str, Tensor],
    ) -> tuple[ContextTransform, StarTransform]:
        """Make both transforms again from a state dict of a `FlowModel`."""
        context = [tensors[f"context_transform.{k}"] for k in ("mean", "std", "low", "high")]
        location, log_scale = (
            tensors[f"star_transform.scale.{k}"] for k in ("location", "log_scale")
        )
        knots = [tensors[f"star_transform.marginals.{k}"] for k in ("x", "y", "slope")]
        scale = ContextScale(location, log_scale, contexts=len(context_names))
        stars = StarTransform(self.canonical(columns), scale, KnotSpline(*knots))
        return ContextTransform(context_names, *context, logarithmic=self.logarithmic), stars


def _linear_context(names: tuple[str, ...], context: Tensor) -> ContextTransform:
    """Mean and standard deviation, without logarithm or saturation."""
    context = context.to(torch.float64)
    mean, std = context.mean(dim=0), context.std(dim=0, correction=0)
    std = torch.where(std > 0, std, torch.ones_like(std))
    everywhere = torch.full_like(mean, torch.inf)
    return ContextTransform(names, mean, std, -everywhere, everywhere, logarithmic=frozenset())


def _standardised(columns: tuple[str, ...], stars: list[Tensor], context: Tensor) -> StarTransform:
    """Mean and standard deviation of all stars, the same for every galaxy."""
    pooled = torch.cat(stars)
    mean, std = pooled.mean(dim=0), pooled.std(dim=0, correction=0)
    std = torch.where(std > 0, std, torch.ones_like(std))
    scale = ContextScale(mean[None], torch.log(std)[None], contexts=context.shape[1])
    ends = torch.tensor([-1.0, 1.0], dtype=torch.float64).expand(len(columns), 2)
    return StarTransform(AsGiven(columns), scale, KnotSpline(ends, ends, torch.ones_like(ends)))


PHYSICAL = Coordinates(Canonical, LOGARITHMIC, ContextTransform.fit, StarTransform.fit)
"""Cylindrical, scaled by context, Gaussianised."""

AS_PUBLISHED = Coordinates(AsGiven, frozenset(), _linear_context, _standardised)
"""Standardised columns and context, as GalacticFlow has them (Wolf & Buck 2023, section 3)."""
