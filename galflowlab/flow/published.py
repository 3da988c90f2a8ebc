"""Architecture of GalacticFlow (Wolf & Buck 2023, arXiv:2312.06017) with its hyper-parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar

import normflows as nf
import torch

from galflowlab.flow.coordinates import AS_PUBLISHED, Coordinates
from galflowlab.flow.galacticflow_layers import (
    SLOPE,
    DoubleSplineCoupling,
    LearnedLinear,
    SingleSplineCoupling,
)

SINGLE, DOUBLE = "NSF_CL", "NSF_CL2"
# What lies beyond is a damaged file, and single precision could not follow it.
_RANGE = {"bound": (1e-3, 1e3), "slope": (-10.0, 10.0), "split": (0.0, 1.0)}
_MOST = {"n_layers": 1000, "hidden": 1 << 16, "depth": 100, "bins": 1000}


@dataclass(frozen=True)
class PublishedArchitecture:
    """A flow of GalacticFlow's code: linear layers and spline couplings by turns.

    Parameters
    ----------
    coupling
        ``"NSF_CL"`` (`SingleSplineCoupling`) or ``"NSF_CL2"`` (`DoubleSplineCoupling`).
    n_layers
        Number of linear layers, and of couplings.
    hidden, depth, slope
        Width of the nets, number of their weight matrices, and slope of their leaky ReLU.
    bins, bound
        K bins on [-bound, bound].
    split
        Share of the features that ``"NSF_CL"`` leaves as they are, rounded down to features.

    Raises
    ------
    ValueError
        For values that no such flow can have.
    """

    name: ClassVar[str] = "galacticflow"
    coordinates: ClassVar[Coordinates] = AS_PUBLISHED

    coupling: str
    n_layers: int
    hidden: int
    depth: int
    bins: int
    bound: float
    slope: float = SLOPE
    split: float = 0.5

    def __post_init__(self) -> None:
        if self.coupling not in (SINGLE, DOUBLE):
            raise ValueError(
                f"expected a coupling of kind {SINGLE!r} or {DOUBLE!r}, got {self.coupling!r}"
            )
        for name, most in _MOST.items():
            value, least = getattr(self, name), 2 if name == "bins" else 1
            if type(value) is not int or not least <= value <= most:
                raise ValueError(f"expected {name} of {least} to {most}, got {value!r}")
        for name, (low, high) in _RANGE.items():
            value = getattr(self, name)
            if type(value) not in (int, float) or not low <= value <= high:
                raise ValueError(f"expected a {name} of {low:g} to {high:g}, got {value!r}")

    @property
    def hyper(self) -> dict[str, Any]:
        """All parameters, JSON-serialisable; see `of_hyper`."""
        return asdict(self)

    @classmethod
    def of_hyper(cls, hyper: Mapping[str, Any]) -> PublishedArchitecture:
        """Make it of `hyper` again; raises ValueError if it is not that."""
        known = [field.name for field in fields(cls)]
        if not isinstance(hyper, Mapping) or set(hyper) != set(known):
            raise ValueError(f"expected the hyper-parameters {known}")
        return cls(**hyper)

    def flow(self, features: int, context_features: int) -> nf.ConditionalNormalizingFlow:
        """Build it with random weights, from base to data as normflows has it."""
        layers: list[torch.nn.Module] = []
        for _ in range(self.n_layers):
            layers += [self._coupling(features, context_features), LearnedLinear(features)]
        return nf.ConditionalNormalizingFlow(
            nf.distributions.DiagGaussian(features, trainable=False), layers
        )

    def _coupling(
        self, features: int, context_features: int
    ) -> SingleSplineCoupling | DoubleSplineCoupling:
        kind: Callable[..., SingleSplineCoupling | DoubleSplineCoupling] = DoubleSplineCoupling
        if self.coupling == SINGLE:
            kind = partial(SingleSplineCoupling, first=self._first(features))
        return kind(
            features,
            context_features,
            hidden=self.hidden,
            layers=self.depth,
            bins=self.bins,
            bound=float(self.bound),
            slope=self.slope,
        )

    def shapes(self, features: int, context_features: int) -> dict[str, tuple[int, ...]]:
        """Shapes of all weights by their names in the state dict of `flow`, without building it.

        Errors are those of `published_shapes`.
        """
        published = self.published_shapes(features, context_features)
        return {self.our_name(name): shape for name, shape in published.items()}

    def published_shapes(self, features: int, context_features: int) -> dict[str, tuple[int, ...]]:
        """Shapes of all weights by their published names, without building anything.

        Raises
        ------
        ValueError
            If there are too few features for some to stay and some to move.
        """
        first = self._first(features)
        second = features - first
        if self.coupling == SINGLE:
            nets = {"net": (first, second), "net_cond": (context_features, second)}
        else:
            nets = {
                "net1": (first, second),
                "net2": (second, first),
                "net_cond1": (context_features, second),
                "net_cond2": (context_features, first),
            }
        square = (features, features)
        linear = {"S": (features,), "L": square, "U": square, "P": square}
        shapes: dict[str, tuple[int, ...]] = {}
        for i in range(self.n_layers):
            shapes |= {f"layers.{2 * i}.{name}": shape for name, shape in linear.items()}
            for net, (inputs, moved) in nets.items():
                for name, shape in self._net_shapes(inputs, moved):
                    shapes[f"layers.{2 * i + 1}.{net}.{name}"] = shape
        return shapes

    def our_name(self, published: str) -> str:
        """Name in the state dict of `flow` of a weight with a published name.

        Published layers are counted from the data side, those of normflows from the base.
        """
        _, number, rest = published.split(".", 2)
        return f"flows.{2 * self.n_layers - 1 - int(number)}.{rest}"

    def _net_shapes(self, inputs: int, moved: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        sizes = [inputs, *[self.hidden] * (self.depth - 1), moved * (3 * self.bins - 1)]
        for i, (n_in, n_out) in enumerate(pairwise(sizes)):
            yield f"network.{2 * i}.weight", (n_out, n_in)
            yield f"network.{2 * i}.bias", (n_out,)

    def _first(self, features: int) -> int:
        first = features // 2 if self.coupling == DOUBLE else int(features * self.split)
        if not 0 < first < features:
            raise ValueError(f"expected features to stay and features to move, got {features}")
        return first


PAPER = PublishedArchitecture(coupling=DOUBLE, n_layers=14, hidden=128, depth=4, bins=10, bound=3.0)
"""Size of the published models."""
