"""Galaxies symmetric about their axis and their plane, exactly, in density and in samples.

The azimuth leaves the flow: it is uniform. Of every star the flow sees one height; the density
is the mean over the star and its mirror image in the plane z = 0, and a sampled star is mirrored
or not at even odds. One normal number of base noise says both: its sign mirrors, its size is the
azimuth, and the two are independent.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from galflowlab.flow.model import FlowModel

AZIMUTH = "y"  # the canonical coordinate in its place: the normal quantile of the azimuth
MIRRORED = ("z", "vz")
_LN_2PI = math.log(2 * math.pi)


class SymmetricModel(FlowModel):
    """A `FlowModel` whose density is axisymmetric and mirror-symmetric, and still normalised.

    `forward` leads to the noise of the flow only, of the star as it is and not of its mirror
    image; `inverse` takes the noise of all columns.
    """

    symmetric = True

    def _columns_seen(self) -> list[int]:
        return [i for i, name in enumerate(self.columns) if name != AZIMUTH]

    def coordinates(self, stars: Tensor, standard: Tensor) -> tuple[Tensor, Tensor]:
        """Map physical stars to what the flow sees, and what the azimuth adds to the density."""
        coordinates, log_det = self.star_transform(stars, standard)
        quantile = coordinates[:, self.columns.index(AZIMUTH)]
        return coordinates[:, self.seen], log_det - 0.5 * (quantile.square() + _LN_2PI)

    def inverse(self, noise: Tensor, context: Tensor) -> Tensor:
        """Map base noise (star, feature) to physical stars."""
        standard = self.context_transform(context)
        azimuth = self.columns.index(AZIMUTH)
        seen = self.flow(noise[:, self.seen].to(self._dtype), self._per_star(standard, len(noise)))
        coordinates = torch.empty(noise.shape, dtype=torch.float64, device=noise.device)
        coordinates[:, self.seen] = seen.to(torch.float64)
        coordinates[:, azimuth] = quantile_of_azimuth(noise[:, azimuth].to(torch.float64))
        stars = self.star_transform.inverse(coordinates, standard)
        return torch.where(noise[:, azimuth : azimuth + 1] < 0, self.mirrored(stars), stars)

    def log_prob(self, stars: Tensor, context: Tensor) -> Tensor:
        """Natural log of the density of physical stars, shape (star,)."""
        both = [
            super(SymmetricModel, self).log_prob(s, context) for s in (stars, self.mirrored(stars))
        ]
        return torch.logaddexp(*both) - math.log(2)

    def mirrored(self, stars: Tensor) -> Tensor:
        """Physical stars (star, feature) on the other side of the plane."""
        sign = [-1.0 if name in MIRRORED else 1.0 for name in self.columns]
        return stars * torch.tensor(sign, dtype=stars.dtype, device=stars.device)


def quantile_of_azimuth(noise: Tensor) -> Tensor:
    """Standard normal number from the size of another, whose sign is then free."""
    fraction = torch.special.erf(noise.abs() / math.sqrt(2))
    least = torch.finfo(noise.dtype).eps
    return torch.special.ndtri(fraction.clamp(least, 1 - least))
