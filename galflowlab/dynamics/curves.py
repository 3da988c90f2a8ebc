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
    checked_velocities,
    equations,
)
from galflowlab.dynamics.mass_model import fit_mass_model
from galflowlab.dynamics.regression import robust_solve
from galflowlab.dynamics.trial_stars import TrialStars
from galflowlab.edf import EDF
from galflowlab.frozen import Seed
from galflowlab.schema import Quantity

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
        Shape (point,), in the unit of the quantity.
    quantity
        Name, unit and label.
    """

    at: np.ndarray
    values: np.ndarray
    errors: np.ndarray
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
        Shape (point,), above 0 [kpc].

    Returns
    -------
    Curve
        In km/s.

    Raises
    ------
    ValueError
        As `acceleration`, and for radii that are not positive.
    """
    radii = _checked("radii", radii, positive=True)
    values, errors = _meridional(edf, context, radii, np.zeros_like(radii), velocities, seed)
    speed = np.sqrt(np.maximum(-values[:, 0] * radii, 0.0))
    # d(v²) = 2 v dv; where v vanishes the error of v² bounds v itself.
    square = radii * errors[:, 0]
    error = np.minimum(square / np.maximum(2 * speed, 1e-300), np.sqrt(square))
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

    Far above the disc few stars tell, and the error, a spread between groups of them, is too
    small there: `MassModel.forces`, which all stars decide, are closer to the truth.

    Parameters
    ----------
    edf, context, velocities, seed
        As in `acceleration`; trial stars are at all azimuths.
    radius
        Cylindrical, above 0 [kpc].
    heights
        Shape (point,) [kpc].

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
    radii = np.full_like(heights, _checked("radius", [radius], positive=True)[0])
    values, errors = _meridional(edf, context, radii, heights, velocities, seed)
    return Curve(heights, values[:, 1], errors[:, 1], VERTICAL_FORCE)


def enclosed_mass(edf: EDF, context: Mapping[str, Any], radii: Any, *, seed: Seed) -> Curve:
    """Mass of all matter, dark or not, within spheres: that of `fit_mass_model`.

    Forces above the disc, which the mass within a sphere needs, are less certain point by point
    than those in its plane; a mass that explains all stars at once is not.

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
    values, errors = fit_mass_model(edf, context, seed=seed).enclosed_mass(radii)
    return Curve(radii, values, errors, ENCLOSED_MASS)


def _meridional(
    edf: EDF,
    context: Mapping[str, Any],
    R: np.ndarray,
    z: np.ndarray,
    velocities: int,
    seed: Seed,
) -> tuple[np.ndarray, np.ndarray]:
    """Radial and vertical acceleration and their errors, each of shape (point, 2)."""
    azimuths, drawing = np.random.default_rng(seed).spawn(2)
    phi = azimuths.uniform(0, 2 * np.pi, (len(R), checked_velocities(velocities)))
    cos, sin = np.cos(phi), np.sin(phi)
    height = np.broadcast_to(z[:, None], phi.shape)
    points = np.stack([R[:, None] * cos, R[:, None] * sin, height], axis=-1)
    stars = TrialStars.drawn(edf, context, seed=drawing).at(points)
    slopes, target, groups = equations(edf, context, stars)
    sx, sy, sz = np.moveaxis(slopes, -1, 0)
    around = np.stack([cos * sx + sin * sy, sz], axis=-1)  # no force along the azimuth
    values, errors, _ = robust_solve(around, target, groups)
    return values, errors


def _checked(name: str, values: Any, *, positive: bool = False) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"expected {name} of shape (point,) [kpc], got {values.shape}")
    if not np.isfinite(values).all() or (positive and not (values > 0).all()):
        raise ValueError(f"expected {name} {'above 0' if positive else 'that are finite'} [kpc]")
    return values
