"""How far stars are from equilibrium in a field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy import units as u
from scipy.stats import binned_statistic_2d

from galflowlab.dynamics.boltzmann import PER_GYR
from galflowlab.dynamics.field import Field
from galflowlab.dynamics.regression import spread
from galflowlab.dynamics.streaming import streaming
from galflowlab.edf import EDF
from galflowlab.frozen import Seed
from galflowlab.pixels import masked
from galflowlab.schema import PHASE_SPACE, Stars, finite_columns, in_unit

_FEWEST = 10  # stars of a pixel that shows a value


def virial_ratio(stars: Stars, field: Field) -> float:
    """Twice the kinetic energy over the virial of Clausius, 2T/|W|: one in equilibrium.

    W = Σ m x · a (Binney & Tremaine 2008, section 4.8.3), which needs no potential and holds for
    stars in the field of any matter.

    Parameters
    ----------
    stars
        Table or mapping with ``x`` to ``vz`` and ``mass``.
    field
        In which they move.

    Raises
    ------
    ValueError
        For missing columns, values that are not finite, or a field that does not bind the stars
        (W is not negative).
    """
    x, y, z, vx, vy, vz, mass = (
        values.astype(float) for values in finite_columns(stars, (*PHASE_SPACE, "mass"))
    )
    R = np.hypot(x, y)
    radial, vertical = field.forces(R, z)
    virial = float(mass @ (R * radial + z * vertical))
    if not virial < 0:
        raise ValueError(f"the field does not bind the stars: their virial is {virial:g}")
    return float(mass @ (vx**2 + vy**2 + vz**2)) / -virial


def rates(
    edf: EDF, context: Mapping[str, Any], stars: Stars, field: Field
) -> tuple[np.ndarray, np.ndarray]:
    """Rate D ln f/Dt at which a field would change an eDF, and that of streaming alone.

    Returns
    -------
    rate, streaming : ndarray
        Shape (star,) [1/Gyr]; NaN where the eDF has no finite gradient.
    """
    found = streaming(edf, context, stars)
    radial, vertical = field.forces(found.R, found.z)
    push = radial * found.slope_R + vertical * found.slope_z
    rate = np.where(found.finite, push - found.target, np.nan)
    return PER_GYR * rate, -PER_GYR * np.where(found.finite, found.target, np.nan)


@dataclass(frozen=True, eq=False)
class ResidualMap:
    """Where an eDF is not in equilibrium, seen face-on.

    Parameters
    ----------
    values
        Masked array of shape (bins, bins), rows along y: robust root mean square of D ln f/Dt
        over the stars of a pixel [1/Gyr]; masked with fewer than ten.
    imbalance
        The same as a share of the rate of streaming without a field.
    half_width
        Half the side [kpc].
    """

    values: np.ma.MaskedArray
    imbalance: np.ma.MaskedArray
    half_width: float


def residual_map(
    edf: EDF,
    context: Mapping[str, Any],
    field: Field,
    *,
    half_width: float,
    bins: int = 32,
    n: int = 50_000,
    seed: Seed,
) -> ResidualMap:
    """Map how far a generated galaxy is from equilibrium in a field.

    Parameters
    ----------
    edf, context
        The model and the galaxy.
    field
        In which its stars move, such as `fit_mass_model` finds.
    half_width
        Half the side of the map, above 0; in kpc or a Quantity.
    bins
        Pixels along a side.
    n, seed
        Number of stars, and what fixes them.

    Returns
    -------
    ResidualMap

    Raises
    ------
    ValueError
        For a half-width or number of bins that is not positive, or an invalid context.
    """
    half_width = float(in_unit("half_width", half_width, u.kpc))
    if not half_width > 0 or not np.isfinite(half_width) or bins < 1:
        raise ValueError(f"expected a positive field and bins, got {half_width} kpc, {bins}")
    stars = edf.freeze(context, n=n, seed=seed).arrays(columns=edf.columns)
    rate, flow = rates(edf, context, stars, field)
    valid = np.isfinite(rate) & np.isfinite(flow)
    y, x = (stars[name][valid] for name in ("y", "x"))
    edges = np.linspace(-half_width, half_width, bins + 1)
    found, _, _, _ = binned_statistic_2d(
        y, x, [rate[valid], flow[valid]], lambda v: spread(v) if len(v) else 0.0, [edges, edges]
    )
    counts, _, _, _ = binned_statistic_2d(y, x, None, "count", [edges, edges])
    enough = counts >= _FEWEST
    flows = enough & (found[1] > 0)
    share = np.divide(found[0], found[1], out=np.zeros_like(found[0]), where=flows)
    return ResidualMap(masked(found[0], enough), masked(share, flows), half_width)
