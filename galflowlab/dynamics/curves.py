"""Rotation curve, vertical force and enclosed mass of a galaxy that is round seen face-on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy import units as u

from galflowlab.dynamics.boltzmann import (
    ACCELERATION,
    VELOCITIES,
    blocks,
    checked_velocities,
    equations,
)
from galflowlab.dynamics.mass_model import fit_mass_model
from galflowlab.dynamics.regression import robust_solve
from galflowlab.dynamics.trial_stars import TrialStars
from galflowlab.edf import EDF
from galflowlab.frozen import Seed
from galflowlab.pixels import masked
from galflowlab.schema import Quantity, in_unit

CIRCULAR_VELOCITY = Quantity("circular_velocity", u.km / u.s, "speed of a circular orbit", "v_c")
VERTICAL_FORCE = Quantity("vertical_force", ACCELERATION, "pull towards the plane", "K_z")
ENCLOSED_MASS = Quantity("enclosed_mass", u.Msun, "mass of all matter within a sphere", "M(<r)")


@dataclass(frozen=True, eq=False)
class Curve:
    """A quantity along a coordinate.

    Parameters
    ----------
    at
        Radii or heights [kpc], shape (point,).
    values, errors
        Masked arrays of shape (point,), in the unit of the quantity. Masked where the galaxy has
        too few stars near by; for what errors do not see, see `Acceleration`.
    quantity
        Name, unit and label.
    """

    at: np.ndarray
    values: np.ma.MaskedArray
    errors: np.ma.MaskedArray
    quantity: Quantity


def circular_velocity(
    edf: EDF,
    context: Mapping[str, Any],
    radii: Any,
    *,
    velocities: int = VELOCITIES,
    seed: Seed,
) -> Curve:
    """Speed of circular orbits in the plane of the disc.

    The acceleration of `acceleration` with trial stars at all azimuths, which averages over
    them. Where the acceleration points outwards there is no circular orbit: the value is 0.

    Parameters
    ----------
    edf, context, velocities, seed
        As in `acceleration`.
    radii
        Shape (point,), above 0; numbers in kpc or a Quantity.

    Returns
    -------
    Curve
        In km/s.

    Raises
    ------
    ValueError
        As `acceleration`, and for radii that are not positive.

    Examples
    --------
    >>> import galflowlab
    >>> from galflowlab import dynamics
    >>> edf = galflowlab.load("mock")
    >>> curve = dynamics.circular_velocity(edf, {"log10_mstar": 10.7}, [4, 8], seed=1)
    >>> print(curve.values.round(-1), curve.quantity.unit)
    [220.0 220.0] km / s
    """
    radii = _checked("radii", radii, positive=True)
    values, errors = _meridional(edf, context, radii, np.zeros_like(radii), velocities, seed)
    speed = np.ma.sqrt(np.ma.maximum(-values[:, 0] * radii, 0.0))
    # d(v²) = 2 v dv; where v vanishes the error of v² bounds v itself.
    square = radii * errors[:, 0]
    error = np.ma.minimum(square / np.ma.maximum(2 * speed, 1e-300), np.ma.sqrt(square))
    return Curve(radii, speed, error, CIRCULAR_VELOCITY)


def vertical_force(
    edf: EDF,
    context: Mapping[str, Any],
    radius: float,
    heights: Any,
    *,
    velocities: int = VELOCITIES,
    seed: Seed,
) -> Curve:
    """Vertical acceleration K_z above and below the disc, negative above it.

    Weaker than the radial force, and less well known: on mock discs it is off by
    some 14 % rms, near the plane as well as far above. `MassModel.forces`, which all stars decide,
    are closer to the truth.

    Parameters
    ----------
    edf, context, velocities, seed
        As in `acceleration`; trial stars are at all azimuths.
    radius
        Cylindrical, above 0; in kpc or a Quantity.
    heights
        Shape (point,), numbers in kpc or a Quantity.

    Returns
    -------
    Curve
        In (km/s)²/kpc.

    Raises
    ------
    ValueError
        As `circular_velocity`.
    """
    heights = _checked("heights", heights)
    radii = np.full_like(heights, _checked("radius", np.atleast_1d(radius), positive=True)[0])
    values, errors = _meridional(edf, context, radii, heights, velocities, seed)
    return Curve(heights, values[:, 1], errors[:, 1], VERTICAL_FORCE)


def enclosed_mass(edf: EDF, context: Mapping[str, Any], radii: Any, *, seed: Seed) -> Curve:
    """Mass of all matter, dark or not, within spheres: that of `fit_mass_model`.

    Forces above the disc, which the mass within a sphere needs, are less certain point by point
    than those in its plane; a mass that explains all stars at once is not. Masked beyond the reach
    of the fit, six half-mass radii of the stars.

    Parameters
    ----------
    edf, context, radii, seed
        As in `circular_velocity`.

    Returns
    -------
    Curve
        In Msun.

    Raises
    ------
    ValueError
        As `circular_velocity`.
    """
    radii = _checked("radii", radii, positive=True)
    model = fit_mass_model(edf, context, seed=seed)
    values, errors = model.enclosed_mass(radii)
    known = radii <= model.reach[1]
    return Curve(radii, masked(values, known), masked(errors, known), ENCLOSED_MASS)


def _meridional(
    edf: EDF,
    context: Mapping[str, Any],
    R: np.ndarray,
    z: np.ndarray,
    velocities: int,
    seed: Seed,
) -> tuple[np.ma.MaskedArray, np.ma.MaskedArray]:
    """Radial and vertical acceleration and their errors, each of shape (point, 2)."""
    velocities = checked_velocities(velocities)
    edf.warn_if_outside(context)
    azimuths, drawing = np.random.default_rng(seed).spawn(2)
    trial = TrialStars.drawn(edf, context, seed=drawing)
    near = trial.around(np.column_stack([R, np.zeros_like(R), z]), velocities)
    values, errors = np.zeros((2, len(R), 2))
    for rows in blocks(near):
        phi = azimuths.uniform(0, 2 * np.pi, (len(rows), velocities))
        cos, sin, radius = np.cos(phi), np.sin(phi), R[rows, None]
        height = np.broadcast_to(z[rows, None], phi.shape)
        stars = trial.at(np.stack([radius * cos, radius * sin, height], axis=-1))
        slopes, target, groups = equations(edf, context, stars)
        sx, sy, sz = np.moveaxis(slopes, -1, 0)
        around = np.stack([cos * sx + sin * sy, sz], axis=-1)  # no force along the azimuth
        values[rows], errors[rows], _ = robust_solve(around, target, groups)
    valid = np.broadcast_to(near[:, None], values.shape)
    return masked(values, valid), masked(errors, valid)


def _checked(name: str, values: Any, *, positive: bool = False) -> np.ndarray:
    values = in_unit(name, values, u.kpc)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"expected {name} of shape (point,) [kpc], got {values.shape}")
    if not np.isfinite(values).all() or (positive and not (values > 0).all()):
        raise ValueError(f"expected {name} {'above 0' if positive else 'that are finite'} [kpc]")
    return values
