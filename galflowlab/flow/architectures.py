"""Named architectures: each builds a `normflows.ConditionalNormalizingFlow`."""

from __future__ import annotations

from collections.abc import Callable

import normflows as nf
import torch

from galflowlab.flow.galacticflow_layers import DoubleSplineCoupling, LearnedLinear
from galflowlab.flow.layers import AffineCoupling, SplineCoupling


def live(features: int, context_features: int) -> nf.ConditionalNormalizingFlow:
    """Affine coupling, 12 layers of 64: smooth and quick to sample, for the explorer."""
    layers: list[torch.nn.Module] = []
    for i in range(12):
        layers.append(nf.flows.LULinearPermute(features))
        layers.append(
            AffineCoupling(features, context_features, hidden=64, blocks=1, odd=bool(i % 2))
        )
    return _flow(features, layers)


def spline(features: int, context_features: int) -> nf.ConditionalNormalizingFlow:
    """Rational-quadratic spline coupling, 8 layers of 64 with 8 bins: sharper, slower."""
    layers: list[torch.nn.Module] = []
    for i in range(8):
        layers.append(nf.flows.LULinearPermute(features))
        layers.append(
            SplineCoupling(features, context_features, hidden=64, blocks=1, bins=8, odd=bool(i % 2))
        )
    return _flow(features, layers)


def paper(features: int, context_features: int) -> nf.ConditionalNormalizingFlow:
    """As published by GalacticFlow (Wolf & Buck 2023): 14 double layers of 128 with 10 bins."""
    layers: list[torch.nn.Module] = []
    for _ in range(14):
        layers.append(
            DoubleSplineCoupling(
                features, context_features, hidden=128, layers=4, bins=10, bound=3.0
            )
        )
        layers.append(LearnedLinear(features))
    return _flow(features, layers)


def _flow(features: int, layers: list[torch.nn.Module]) -> nf.ConditionalNormalizingFlow:
    return nf.ConditionalNormalizingFlow(
        nf.distributions.DiagGaussian(features, trainable=False), layers
    )


PRESETS: dict[str, Callable[[int, int], nf.ConditionalNormalizingFlow]] = {
    "live": live,
    "spline": spline,
    "paper": paper,
}


def build(preset: str, features: int, context_features: int) -> nf.ConditionalNormalizingFlow:
    """Build the architecture of a preset.

    Raises
    ------
    ValueError
        For an unknown preset.
    """
    if preset not in PRESETS:
        raise ValueError(f"unknown preset {preset!r}; known are {sorted(PRESETS)}")
    return PRESETS[preset](features, context_features)
