"""Fitted transforms: context to network input, stars to flow coordinates and back.

Everything here is fixed before training, works in float64, and has an exact Jacobian.
`forward` is data to flow coordinates, `inverse` the way back.
"""

from __future__ import annotations

import math
from itertools import combinations_with_replacement

import torch
from torch import Tensor

from galflowlab.context import LOGARITHMIC
from galflowlab.flow.canonical import AsGiven, Canonical
from galflowlab.flow.marginals import fit_marginals
from galflowlab.flow.splines import KnotSpline

# Coordinates that are symmetric about zero in equilibrium (z, v_R, v_z): never shifted.
_CENTRED = frozenset({"z", "vx", "vz"})
_FIT_STARS = 5000  # per galaxy
_DEGREES = (0, 1, 2, 3)  # of location and scale in the context


class ContextTransform(torch.nn.Module):
    """Physical context to standardised network input.

    Parameters
    ----------
    names
        Context entries in order.
    mean, std, low, high
        Centre, spread and standardised range of the training contexts, shape (context,).
    logarithmic
        Entries of which the logarithm is taken.
    """

    mean: Tensor
    std: Tensor
    low: Tensor
    high: Tensor

    def __init__(
        self,
        names: tuple[str, ...],
        mean: Tensor,
        std: Tensor,
        low: Tensor,
        high: Tensor,
        *,
        logarithmic: frozenset[str] = LOGARITHMIC,
    ) -> None:
        super().__init__()
        self.names = names
        self.logarithmic = logarithmic
        for name, value in (("mean", mean), ("std", std), ("low", low), ("high", high)):
            self.register_buffer(name, value)

    @classmethod
    def fit(cls, names: tuple[str, ...], context: Tensor) -> ContextTransform:
        """Standardise by the contexts of the training galaxies, shape (galaxy, context)."""
        values = _log10_of(LOGARITHMIC, names, context)
        mean, std = values.mean(dim=0), values.std(dim=0, correction=0)
        # A context that never varies teaches nothing: leave it unscaled.
        std = torch.where(std > 1e-6, std, torch.ones_like(std))
        standard = (values - mean) / std
        return cls(names, mean, std, standard.amin(dim=0), standard.amax(dim=0))

    def forward(self, context: Tensor) -> Tensor:
        """Standardise (galaxy, context); beyond the training range it saturates smoothly.

        Extrapolation follows the trend for about one standard deviation and then stops, so
        that no slider position produces nonsense.
        """
        values = _log10_of(self.logarithmic, self.names, context)
        standard = (values - self.mean) / self.std
        inside = standard.clamp(self.low, self.high)
        return inside + torch.tanh(standard - inside)


def _log10_of(logarithmic: frozenset[str], names: tuple[str, ...], context: Tensor) -> Tensor:
    context = context.to(torch.float64)
    columns = [
        torch.log10(context[:, i]) if name in logarithmic else context[:, i]
        for i, name in enumerate(names)
    ]
    return torch.stack(columns, dim=1)


def polynomial_features(context: Tensor, degree: int) -> Tensor:
    """Monomials of (galaxy, context) up to `degree`, the constant first."""
    columns = [torch.ones_like(context[:, :1])]
    for power in range(1, degree + 1):
        for entries in combinations_with_replacement(range(context.shape[1]), power):
            columns.append(context[:, entries].prod(dim=1, keepdim=True))
    return torch.cat(columns, dim=1)


class ContextScale(torch.nn.Module):
    """Location and scale of every canonical coordinate as smooth functions of the context.

    A galaxy of 10^11 Msun and a dwarf look alike in units of their own size, speed and
    chemistry; the flow then only learns how they differ.
    """

    location: Tensor
    log_scale: Tensor

    def __init__(self, location: Tensor, log_scale: Tensor, *, contexts: int) -> None:
        super().__init__()
        self.degree = _degree_of(len(location), contexts)
        self.register_buffer("location", location)
        self.register_buffer("log_scale", log_scale)

    @classmethod
    def fit(
        cls, columns: tuple[str, ...], canonical: list[Tensor], context: Tensor
    ) -> ContextScale:
        """Regress median and half the central 68 % of each galaxy on its context.

        Parameters
        ----------
        canonical
            One (star, feature) tensor per galaxy.
        context
            Standardised, shape (galaxy, context).
        """
        levels = torch.tensor([0.16, 0.5, 0.84], dtype=torch.float64)
        quantiles = torch.stack([torch.quantile(c, levels, dim=0) for c in canonical])
        location = quantiles[:, 1]
        scale = (0.5 * (quantiles[:, 2] - quantiles[:, 0])).clamp_min(1e-6)
        for i, name in enumerate(columns):
            if name in _CENTRED:
                location[:, i] = 0.0
            if name == "y":  # azimuth: its quantile is standard normal by construction
                location[:, i], scale[:, i] = 0.0, 1.0
        degree = _affordable_degree(len(context), context.shape[1])
        features = polynomial_features(context, degree)
        log_scale = torch.log(scale)
        contexts = context.shape[1]
        return cls(_ridge(features, location), _ridge(features, log_scale), contexts=contexts)

    def location_and_log_scale(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Evaluate at standardised contexts (galaxy, context)."""
        features = polynomial_features(context, self.degree)
        return features @ self.location, features @ self.log_scale


def _number_of_features(contexts: int, degree: int) -> int:
    return math.comb(contexts + degree, degree)


def _affordable_degree(galaxies: int, contexts: int) -> int:
    """Highest degree with at least three galaxies for each coefficient."""
    affordable = (d for d in _DEGREES if galaxies >= 3 * _number_of_features(contexts, d))
    return max(affordable, default=0)


def _degree_of(features: int, contexts: int) -> int:
    for degree in _DEGREES:
        if features == _number_of_features(contexts, degree):
            return degree
    raise ValueError(f"{features} coefficients fit no polynomial in {contexts} context entries")


def _ridge(features: Tensor, target: Tensor) -> Tensor:
    penalty = 1e-3 * torch.eye(features.shape[1], dtype=features.dtype)
    penalty[0, 0] = 0.0
    gram = features.T @ features / len(features) + penalty
    return torch.linalg.solve(gram, features.T @ target / len(features))


def _thinned(stars: Tensor) -> Tensor:
    """At most `_FIT_STARS` stars, evenly spaced: enough for every statistic fitted here."""
    return stars[:: max(1, len(stars) // _FIT_STARS)]


class StarTransform(torch.nn.Module):
    """Physical stars to flow coordinates: canonical, scaled by context, Gaussianised."""

    def __init__(
        self, canonical: Canonical | AsGiven, scale: ContextScale, marginals: KnotSpline
    ) -> None:
        super().__init__()
        self.canonical = canonical
        self.scale = scale
        self.marginals = marginals

    @classmethod
    def fit(cls, columns: tuple[str, ...], stars: list[Tensor], context: Tensor) -> StarTransform:
        """Fit to galaxies.

        Parameters
        ----------
        columns
            Names of the features.
        stars
            One (star, feature) float64 tensor per galaxy, physical units.
        context
            Standardised, shape (galaxy, context).
        """
        canonical = Canonical(columns)
        values = [canonical(_thinned(s))[0] for s in stars]
        scale = ContextScale.fit(columns, values, context)
        location, log_scale = scale.location_and_log_scale(context)
        pooled = torch.cat(
            [(v - m) * torch.exp(-s) for v, m, s in zip(values, location, log_scale, strict=True)]
        )
        return cls(canonical, scale, fit_marginals(pooled, normal=[columns.index("y")]))

    def forward(self, stars: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Map physical stars to flow coordinates.

        Parameters
        ----------
        stars
            (star, feature), physical units.
        context
            Standardised: (1, context) for one galaxy or (star, context).

        Returns
        -------
        coordinates : (star, feature)
        log_det : (star,), -inf outside the support
        """
        values, log_det = self.canonical(stars)
        location, log_scale = self.scale.location_and_log_scale(context)
        scaled = (values - location) * torch.exp(-log_scale)
        coordinates, log_slope = self.marginals(scaled)
        return coordinates, log_det - log_scale.sum(dim=1) + log_slope.sum(dim=1)

    def inverse(self, coordinates: Tensor, context: Tensor) -> Tensor:
        """Map flow coordinates (star, feature) to physical stars."""
        location, log_scale = self.scale.location_and_log_scale(context)
        scaled = self.marginals.inverse(coordinates)
        return self.canonical.inverse(scaled * torch.exp(log_scale) + location)
