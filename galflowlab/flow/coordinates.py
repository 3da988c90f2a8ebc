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


def standardised_context(names: tuple[str, ...], mean: Tensor, std: Tensor) -> ContextTransform:
    """Take contexts by mean and standard deviation, without logarithm or saturation."""
    everywhere = torch.full_like(mean, torch.inf)
    return ContextTransform(names, mean, std, -everywhere, everywhere, logarithmic=frozenset())


def standardised_stars(
    columns: tuple[str, ...], mean: Tensor, std: Tensor, *, contexts: int
) -> StarTransform:
    """Take columns by mean and standard deviation, the same for every galaxy."""
    scale = ContextScale(mean[None], torch.log(std)[None], contexts=contexts)
    ends = torch.tensor([-1.0, 1.0], dtype=torch.float64).expand(len(columns), 2)
    return StarTransform(AsGiven(columns), scale, KnotSpline(ends, ends, torch.ones_like(ends)))


def _fit_context(names: tuple[str, ...], context: Tensor) -> ContextTransform:
    return standardised_context(names, *_mean_and_std(context.to(torch.float64)))


def _fit_stars(columns: tuple[str, ...], stars: list[Tensor], context: Tensor) -> StarTransform:
    mean, std = _mean_and_std(torch.cat(stars))
    return standardised_stars(columns, mean, std, contexts=context.shape[1])


def _mean_and_std(values: Tensor) -> tuple[Tensor, Tensor]:
    mean, std = values.mean(dim=0), values.std(dim=0, correction=0)
    return mean, torch.where(std > 0, std, torch.ones_like(std))


PHYSICAL = Coordinates(Canonical, LOGARITHMIC, ContextTransform.fit, StarTransform.fit)
"""Cylindrical, scaled by context, Gaussianised."""

AS_PUBLISHED = Coordinates(AsGiven, frozenset(), _fit_context, _fit_stars)
"""Standardised columns and context, as GalacticFlow has them (Wolf & Buck 2023, section 3)."""
