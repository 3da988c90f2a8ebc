"""The whole map for stars of one schema: transforms and flow, in physical units."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from galflowlab.flow.architectures import Architecture, find_preset
from galflowlab.flow.transforms import ContextTransform, StarTransform

_LN_2PI = math.log(2 * math.pi)


class FlowModel(torch.nn.Module):
    """Conditional density of stars given a context, exactly normalised in physical units.

    `forward` is data to base and `inverse` base to data, the other way round than in
    normflows, whose convention ends here. Transforms are float64, the network float32.

    Parameters
    ----------
    architecture
        Of the flow; its weights are random at first.
    context_transform, star_transform
        Of contexts and stars to what it sees.

    Attributes
    ----------
    seen
        Columns that the flow sees, by index; all of them, but in a `SymmetricModel`.
    """

    symmetric = False

    def __init__(
        self,
        architecture: Architecture,
        context_transform: ContextTransform,
        star_transform: StarTransform,
    ) -> None:
        super().__init__()
        self.architecture = architecture
        self.context_transform = context_transform
        self.star_transform = star_transform
        self.seen = self._columns_seen()
        self.flow = architecture.flow(len(self.seen), len(self.context_names))

    def _columns_seen(self) -> list[int]:
        return list(range(len(self.columns)))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the features of a star."""
        return self.star_transform.canonical.columns

    @property
    def context_names(self) -> tuple[str, ...]:
        """Names of the context entries."""
        return self.context_transform.names

    @property
    def device(self) -> torch.device:
        """Where the parameters live."""
        return next(self.parameters()).device

    @classmethod
    def fit_transforms(
        cls,
        preset: str,
        columns: tuple[str, ...],
        context_names: tuple[str, ...],
        stars: list[Tensor],
        context: Tensor,
    ) -> FlowModel:
        """Fit the transforms to galaxies and put an untrained flow behind them.

        Parameters
        ----------
        stars
            One (star, feature) float64 tensor per galaxy, physical units.
        context
            Physical contexts, shape (galaxy, context).
        """
        architecture = find_preset(preset)
        coordinates = architecture.coordinates
        context_transform = coordinates.fit_context(context_names, context)
        star_transform = coordinates.fit_stars(columns, stars, context_transform(context))
        return cls(architecture, context_transform, star_transform)

    @classmethod
    def from_tensors(
        cls,
        architecture: Architecture,
        columns: tuple[str, ...],
        context_names: tuple[str, ...],
        tensors: dict[str, Tensor],
    ) -> FlowModel:
        """Rebuild from a state dict; raises ValueError if it does not fit."""
        try:
            transforms = architecture.coordinates.rebuild(columns, context_names, tensors)
            # Before the flow is built: a damaged file may promise any size.
            for name, shape in architecture.shapes(len(columns), len(context_names)).items():
                if (found := tuple(tensors[f"flow.{name}"].shape)) != shape:
                    raise ValueError(f"{name}: expected shape {shape}, got {found}")
            model = cls(architecture, *transforms)
            model.flow.to(_dtype_of_weights(tensors))
            model.load_state_dict(tensors)
        except (KeyError, RuntimeError, TypeError, IndexError, ValueError) as error:
            message = f"tensors do not fit a {architecture.name!r} model: {error}"
            raise ValueError(message) from error
        return model

    def forward(self, stars: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Map physical stars to base noise.

        Parameters
        ----------
        stars
            (star, feature).
        context
            Physical, (1, context) or (star, context).

        Returns
        -------
        noise : (star, feature)
        log_det : (star,), -inf outside the support
        """
        standard = self.context_transform(context)
        coordinates, log_det = self.coordinates(stars, standard)
        noise, flow_log_det = self.flow.inverse_and_log_det(
            coordinates.to(self._dtype), self._per_star(standard, len(stars))
        )
        return noise, log_det + flow_log_det

    def coordinates(self, stars: Tensor, standard: Tensor) -> tuple[Tensor, Tensor]:
        """Map physical stars to what the flow sees, at a standardised context.

        Returns
        -------
        coordinates : (star, feature)
        log_density : (star,)
            What the density gains besides that of the coordinates under the flow.
        """
        return self.star_transform(stars, standard)

    def inverse(self, noise: Tensor, context: Tensor) -> Tensor:
        """Map base noise (star, feature) to physical stars."""
        standard = self.context_transform(context)
        coordinates = self.flow(noise.to(self._dtype), self._per_star(standard, len(noise)))
        return self.star_transform.inverse(coordinates.to(torch.float64), standard)

    def log_prob(self, stars: Tensor, context: Tensor) -> Tensor:
        """Natural log of the density of physical stars, shape (star,)."""
        noise, log_det = self(stars, context)
        return log_det - 0.5 * (noise.square() + _LN_2PI).sum(dim=1)

    @property
    def _dtype(self) -> torch.dtype:
        return next(self.flow.parameters()).dtype

    def _per_star(self, standard: Tensor, stars: int) -> Tensor:
        # normflows does not broadcast a context over the stars.
        return standard.to(self._dtype).expand(stars, -1)


def _dtype_of_weights(tensors: dict[str, Tensor]) -> torch.dtype:
    weights = {
        t.dtype for n, t in tensors.items() if n.startswith("flow.") and t.is_floating_point()
    }
    return torch.float64 if weights == {torch.float64} else torch.float32
