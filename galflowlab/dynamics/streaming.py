"""Both sides of the Boltzmann equation for stars, in cylindrical components."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from galflowlab.edf import EDF
from galflowlab.profiles.binning import cylindrical
from galflowlab.schema import PHASE_SPACE, POSITION, VELOCITY, Stars, finite_columns


@dataclass(frozen=True, eq=False)
class Streaming:
    """What the equation needs of each star; all arrays have shape (star,).

    Parameters
    ----------
    R, z
        Place [kpc].
    slope_R, slope_z
        Derivatives of ln f with respect to v_R and v_z [s/km]; a field that is symmetric about
        the spin axis does not act along the azimuth.
    target
        -v · ∂ ln f/∂x [km/s/kpc], which a_R slope_R + a_z slope_z should equal.
    groups
        Eight groups by the signs of v_R, of v_phi about its median, and of z v_z.
    """

    R: np.ndarray
    z: np.ndarray
    slope_R: np.ndarray
    slope_z: np.ndarray
    target: np.ndarray
    groups: np.ndarray

    def __len__(self) -> int:
        return len(self.R)

    def __getitem__(self, chosen: np.ndarray) -> Streaming:
        return Streaming(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @property
    def finite(self) -> np.ndarray:
        """Which stars have finite derivatives."""
        return np.isfinite(self.target) & np.isfinite(self.slope_R) & np.isfinite(self.slope_z)


def streaming(edf: EDF, context: Mapping[str, Any], stars: Stars) -> Streaming:
    """Differentiate an eDF at stars; errors are those of `EDF.log_prob`."""
    _, slope = edf.log_prob_gradient(stars, context)
    phase_space = [values.astype(float) for values in finite_columns(stars, PHASE_SPACE)]
    x, y, z, *v = phase_space
    R, v_R, v_phi = cylindrical(x, y, v[0], v[1])
    _, slope_R, _ = cylindrical(x, y, slope["vx"], slope["vy"])
    target = -sum(
        (speed * slope[name] for speed, name in zip(v, POSITION, strict=True)), np.zeros(len(x))
    )
    signs = (v_R > 0, v_phi > np.median(v_phi), z * v[2] > 0)
    groups = sum((sign * 2**i for i, sign in enumerate(signs)), np.zeros(len(x), int))
    return Streaming(R, z, slope_R, slope[VELOCITY[2]], target, groups)
