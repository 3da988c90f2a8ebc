"""Fitted transforms: context to network input, stars to flow coordinates and back.

Everything here is fixed before training, works in float64, and has an exact Jacobian.
`forward` is data to flow coordinates, `inverse` the way back.
"""

from __future__ import annotations

import torch
from torch import Tensor

from galflowlab.context import LOGARITHMIC
from galflowlab.flow.canonical import Canonical
from galflowlab.flow.splines import KnotSpline, monotone_slopes

# Coordinates that are symmetric about zero in equilibrium (z, v_R, v_z): never shifted.
_CENTRED = frozenset({"z", "vx", "vz"})
_FIT_STARS = 5000  # per galaxy
_KNOTS = 25
_KNOT_RANGE = 3.3  # standard deviations: one star in two thousand lies beyond


class ContextTransform(torch.nn.Module):
    """Physical context to standardised network input.

    Parameters
    ----------
    names
        Context entries in order.
    mean, std, low, high
        Centre, spread and standardised range of the training contexts, shape (context,).
    """

    mean: Tensor
    std: Tensor
    low: Tensor
    high: Tensor

    def __init__(
        self, names: tuple[str, ...], mean: Tensor, std: Tensor, low: Tensor, high: Tensor
    ) -> None:
        super().__init__()
        self.names = names
        for name, value in (("mean", mean), ("std", std), ("low", low), ("high", high)):
            self.register_buffer(name, value)

    @classmethod
    def fit(cls, names: tuple[str, ...], context: Tensor) -> ContextTransform:
        """Standardise by the contexts of the training galaxies, shape (galaxy, context)."""
        values = _log10_where_wide(names, context)
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
        standard = (_log10_where_wide(self.names, context) - self.mean) / self.std
        inside = standard.clamp(self.low, self.high)
        return inside + torch.tanh(standard - inside)


def _log10_where_wide(names: tuple[str, ...], context: Tensor) -> Tensor:
    context = context.to(torch.float64)
    columns = [
        torch.log10(context[:, i]) if name in LOGARITHMIC else context[:, i]
        for i, name in enumerate(names)
    ]
    return torch.stack(columns, dim=1)


def polynomial_features(context: Tensor, degree: int) -> Tensor:
    """Monomials of (galaxy, context) up to `degree` (0, 1 or 2), the constant first."""
    columns = [torch.ones_like(context[:, :1])]
    if degree >= 1:
        columns.append(context)
    if degree >= 2:
        i, j = torch.triu_indices(context.shape[1], context.shape[1])
        columns.append(context[:, i] * context[:, j])
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
    return (1, 1 + contexts, 1 + contexts + contexts * (contexts + 1) // 2)[degree]


def _affordable_degree(galaxies: int, contexts: int) -> int:
    """Highest degree with at least three galaxies for each coefficient."""
    for degree in (2, 1):
        if galaxies >= 3 * _number_of_features(contexts, degree):
            return degree
    return 0


def _degree_of(features: int, contexts: int) -> int:
    for degree in (0, 1, 2):
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


def fit_marginals(scaled: Tensor) -> KnotSpline:
    """Monotone curves that make each column of (star, feature) standard normal when pooled."""
    y = torch.linspace(-_KNOT_RANGE, _KNOT_RANGE, _KNOTS, dtype=torch.float64)
    levels = torch.special.ndtr(y)
    ordered = scaled.sort(dim=0).values
    position = levels * (len(scaled) - 1)
    below = position.floor().long().clamp(0, len(scaled) - 2)
    fraction = (position - below)[:, None]
    x = ((1 - fraction) * ordered[below] + fraction * ordered[below + 1]).T
    x = _spread(x, y)
    y = y.expand_as(x).clone()
    return KnotSpline(x, y, monotone_slopes(x, y))


def _spread(x: Tensor, y: Tensor) -> Tensor:
    """Keep knots apart where many stars share a value, so that the curve stays invertible."""
    minimum = 1e-3 * (y[1] - y[0])
    steps = (x[:, 1:] - x[:, :-1]).clamp_min(float(minimum))
    return torch.cat([x[:, :1], x[:, :1] + steps.cumsum(dim=1)], dim=1)


class StarTransform(torch.nn.Module):
    """Physical stars to flow coordinates: canonical, scaled by context, Gaussianised."""

    def __init__(self, canonical: Canonical, scale: ContextScale, marginals: KnotSpline) -> None:
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
        return cls(canonical, scale, fit_marginals(pooled))

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
