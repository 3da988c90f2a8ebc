"""The acceleration that makes an eDF stationary, point by point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy import units as u

from galflowlab.dynamics.regression import robust_solve, spread
from galflowlab.dynamics.trial_stars import TrialStars, checked_points
from galflowlab.edf import EDF
from galflowlab.frozen import Seed, at_least_one
from galflowlab.schema import POSITION, VELOCITY

ACCELERATION = u.km**2 / u.s**2 / u.kpc
PER_GYR = float((u.km / u.s / u.kpc).to(1 / u.Gyr))
"""1/Gyr in one km/s/kpc."""

VELOCITIES = 1000
"""Trial velocities at a point."""


@dataclass(frozen=True, eq=False)
class Acceleration:
    """Accelerations at points, and how well one acceleration does for all stars there.

    Parameters
    ----------
    points
        Shape (point, 3) [kpc].
    values, errors
        Shape (point, 3) [(km/s)²/kpc]: components along x, y and z. The error is the spread
        among the accelerations that stars of different velocities ask for: it contains the
        error of the model and departures from equilibrium, and does not shrink with more
        velocities.
    residual
        Shape (point,) [1/Gyr]: robust root mean square, over velocities, of the rate D ln f/Dt at
        which the density would change in this field. Zero in equilibrium.
    streaming
        Shape (point,) [1/Gyr]: the same of v · ∂ ln f/∂x alone, the rate without any field.
    """

    points: np.ndarray
    values: np.ndarray
    errors: np.ndarray
    residual: np.ndarray
    streaming: np.ndarray

    unit = ACCELERATION

    @property
    def imbalance(self) -> np.ndarray:
        """Residual as a share of the streaming that the field has to balance, shape (point,)."""
        return self.residual / self.streaming


def acceleration(
    edf: EDF,
    context: Mapping[str, Any],
    points: Any,
    *,
    velocities: int = VELOCITIES,
    seed: Seed,
) -> Acceleration:
    """Find the acceleration at points from the collisionless Boltzmann equation.

    Nothing is assumed of the shape of the galaxy, only that it is in equilibrium. At each point
    a · ∂ ln f/∂v = -v · ∂ ln f/∂x is solved for a by biweight least squares over trial stars
    (Green & Ting 2020, arXiv:2011.04673, section 2; the linear system as in An et al. 2021,
    arXiv:2106.05981).

    Parameters
    ----------
    edf
        The model.
    context
        Galaxy-level parameters by name; entries left out are filled in.
    points
        Shape (point, 3) [kpc].
    velocities
        Trial stars at each point, at least 100.
    seed
        Of the trial stars.

    Returns
    -------
    Acceleration

    Raises
    ------
    ValueError
        For points that are not finite or of another shape, too few velocities, an invalid
        context, or where the model has no finite gradient.
    """
    points = checked_points(points)
    trial = TrialStars.drawn(edf, context, seed=seed)
    places = np.repeat(points[:, None, :], checked_velocities(velocities), axis=1)
    slopes, target, groups = equations(edf, context, trial.at(places))
    values, errors, residuals = robust_solve(slopes, target, groups)
    rates = (PER_GYR * spread(r) for r in (residuals, target))
    return Acceleration(points, values, errors, *rates)


def checked_velocities(velocities: int) -> int:
    """Return a number of trial velocities; ValueError if it is too small."""
    if at_least_one(velocities) < 100:
        raise ValueError(f"expected at least 100 velocities at each point, got {velocities}")
    return velocities


def equations(
    edf: EDF, context: Mapping[str, Any], stars: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Write the Boltzmann equation for stars of shape (point, star, feature).

    Returns
    -------
    slopes : (point, star, 3)
        ∂ ln f/∂v [s/km].
    target : (point, star)
        -v · ∂ ln f/∂x [km/s/kpc].
    groups : (point, star)
        Eight groups by the signs of the velocities about their median at the point.
    """
    flat = stars.reshape(-1, stars.shape[-1])
    columns = dict(zip(edf.columns, flat.T, strict=True))
    _, gradient = edf.log_prob_gradient(columns, context)
    x_slope, v_slope, v = (
        np.stack([source[name] for name in names], axis=-1).reshape(*stars.shape[:2], 3)
        for source, names in ((gradient, POSITION), (gradient, VELOCITY), (columns, VELOCITY))
    )
    above = v > np.median(v, axis=1, keepdims=True)
    return v_slope, -(v * x_slope).sum(axis=-1), (above * (1, 2, 4)).sum(axis=-1)
