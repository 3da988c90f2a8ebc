"""Presets: named architectures, as `normflows.ConditionalNormalizingFlow`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import normflows as nf
import torch

from galflowlab.flow.autoregressive import AutoregressiveSpline
from galflowlab.flow.coordinates import AS_PUBLISHED, PHYSICAL, Coordinates
from galflowlab.flow.layers import AffineCoupling, SplineCoupling
from galflowlab.flow.published import PAPER, PublishedArchitecture


def live(features: int, context_features: int) -> nf.ConditionalNormalizingFlow:
    """Two spline and six affine couplings of 64, for the explorer: as sharp as speed allows."""
    layers: list[torch.nn.Module] = []
    for i in range(8):
        layers.append(nf.flows.LULinearPermute(features))
        coupling = _spline_coupling if i % 4 == 0 else _affine_coupling
        layers.append(coupling(features, context_features, hidden=64, odd=bool(i % 2)))
    return _flow(features, layers)


def accurate(features: int, context_features: int) -> nf.ConditionalNormalizingFlow:
    """Rational-quadratic spline coupling, 10 layers of 96 with 8 bins: sharper, slower."""
    layers: list[torch.nn.Module] = []
    for i in range(10):
        layers.append(nf.flows.LULinearPermute(features))
        layers.append(_spline_coupling(features, context_features, hidden=96, odd=bool(i % 2)))
    return _flow(features, layers)


def density(features: int, context_features: int) -> nf.ConditionalNormalizingFlow:
    """Autoregressive splines, 5 layers of 96 with 8 bins: for densities; slow to sample."""
    layers: list[torch.nn.Module] = []
    for _ in range(5):
        layers.append(nf.flows.LULinearPermute(features))
        layers.append(
            AutoregressiveSpline(
                features, context_features, hidden=96, blocks=1, bins=8, tail_bound=4.0
            )
        )
    return _flow(features, layers)


def paper(features: int, context_features: int) -> nf.ConditionalNormalizingFlow:
    """As published by GalacticFlow (Wolf & Buck 2023): 14 double layers of 128 with 10 bins."""
    return PAPER.flow(features, context_features)


def _affine_coupling(
    features: int, context_features: int, *, hidden: int, odd: bool
) -> AffineCoupling:
    return AffineCoupling(features, context_features, hidden=hidden, blocks=1, odd=odd)


def _spline_coupling(
    features: int, context_features: int, *, hidden: int, odd: bool
) -> SplineCoupling:
    return SplineCoupling(
        features, context_features, hidden=hidden, blocks=1, bins=8, odd=odd, tail_bound=4.0
    )


def _flow(features: int, layers: list[torch.nn.Module]) -> nf.ConditionalNormalizingFlow:
    return nf.ConditionalNormalizingFlow(
        nf.distributions.DiagGaussian(features, trainable=False), layers
    )


class Architecture(Protocol):
    """What a `FlowModel` is built from, and says of itself in a file."""

    @property
    def name(self) -> str:
        """That of a preset, or of a family."""

    @property
    def coordinates(self) -> Coordinates:
        """In which the flow sees contexts and stars."""

    @property
    def hyper(self) -> Mapping[str, Any]:
        """What decides it besides its name, JSON-serialisable."""

    @property
    def flow(self) -> Callable[[int, int], nf.ConditionalNormalizingFlow]:
        """Builds it for a number of star features and of context entries."""

    def shapes(self, features: int, context_features: int) -> Mapping[str, tuple[int, ...]]:
        """Shapes of the weights whose size `hyper` decides, by name in the state of the flow."""


@dataclass(frozen=True)
class Preset:
    """An architecture whose name says everything.

    Parameters
    ----------
    name
        In `PRESETS`.
    flow
        Builds it for a number of star features and of context entries.
    coordinates
        Physics taken out first, or columns as they are.
    """

    name: str
    flow: Callable[[int, int], nf.ConditionalNormalizingFlow]
    coordinates: Coordinates = PHYSICAL

    @property
    def hyper(self) -> Mapping[str, Any]:
        """Nothing."""
        return {}

    def shapes(self, features: int, context_features: int) -> Mapping[str, tuple[int, ...]]:
        """None: no file decides the size of a preset."""
        return {}


PRESETS = {
    preset.name: preset
    for preset in (
        Preset("live", live),
        Preset("accurate", accurate),
        Preset("density", density),
        Preset("paper", paper, AS_PUBLISHED),
    )
}
"""What `fit` knows, by name."""


def find_preset(name: str) -> Preset:
    """Return the preset of a name; raises ValueError for an unknown one."""
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}; known are {sorted(PRESETS)}")
    return PRESETS[name]


def saved_architecture(name: str, hyper: Mapping[str, Any]) -> Architecture:
    """Return the architecture that a file describes.

    Raises
    ------
    ValueError
        For an unknown name, or hyper-parameters that it does not have.
    """
    if name == PublishedArchitecture.name:
        return PublishedArchitecture.of_hyper(hyper)
    return find_preset(name)
