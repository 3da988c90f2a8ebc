"""The acceleration that makes an eDF stationary, point by point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy import units as u

from galflowlab.dynamics.regression import robust_solve, spread
from galflowlab.dynamics.trial_stars import TrialStars
from galflowlab.edf import EDF
from galflowlab.frozen import Seed, at_least_one
from galflowlab.pixels import masked
from galflowlab.profiles.binning import cylindrical
from galflowlab.schema import POSITION, VELOCITY, in_unit

ACCELERATION = u.km**2 / u.s**2 / u.kpc
PER_GYR = float((u.km / u.s / u.kpc).to(1 / u.Gyr))
"""1/Gyr in one km/s/kpc."""

VELOCITIES = 1000
"""Trial velocities at a point."""

_FEWEST = 400  # of them: eight groups need thirty each
_AT_ONCE = 32  # points: 50 MB of gradients


@dataclass(frozen=True, eq=False)
class Acceleration:
    """Accelerations at points, and how well one acceleration does for all stars there.

    All but the points are masked where the galaxy has too few stars near by.

    Parameters
    ----------
    points
        Shape (point, 3) [kpc].
    values, errors
        Shape (point, 3) [(km/s)²/kpc]: components along x, y and z. The error is the spread
        among the accelerations that stars of different velocities ask for. It shows errors of the
        model and departures from equilibrium that velocities do not share; those which they do,
        such as all speeds being off by a per cent, it cannot see.
    residual
        Shape (point,) [1/Gyr]: robust root mean square, over velocities, of the rate D ln f/Dt at
        which the density would change in this field. Zero in equilibrium.
    streaming
        Shape (point,) [1/Gyr]: the same of v · ∂ ln f/∂x alone, the rate without any field.
    """

    points: np.ndarray
    values: np.ma.MaskedArray
    errors: np.ma.MaskedArray
    residual: np.ma.MaskedArray
    streaming: np.ma.MaskedArray

    unit = ACCELERATION

    @property
    def imbalance(self) -> np.ma.MaskedArray:
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
        Shape (point, 3), numbers in kpc or a Quantity.
    velocities
        Trial stars at each point, at least 400.
    seed
        Of the trial stars.

    Returns
    -------
    Acceleration
        Masked where so many stars are not within half the distance from the centre.

    Raises
    ------
    ValueError
        For points that are not finite or of another shape, too few or too many velocities, an
        invalid context, or where the model has no finite gradient, such as on the spin axis.

    Warns
    -----
    ExtrapolationWarning
        As `EDF.sample`.
    """
    points = in_unit("points", points, u.kpc)
    if points.ndim != 2 or points.shape[1] != 3 or not len(points):
        raise ValueError(f"expected points of shape (point, 3) [kpc], got {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError("expected finite points [kpc]")
    velocities = checked_velocities(velocities)
    edf.warn_if_outside(context)
    trial = TrialStars.drawn(edf, context, seed=seed)
    near = trial.around(points, velocities)
    values, errors, rates = np.zeros((3, *points.shape))
    for rows in blocks(near):
        places = np.repeat(points[rows, None], velocities, axis=1)
        slopes, target, groups = equations(edf, context, trial.at(places))
        values[rows], errors[rows], residuals = robust_solve(slopes, target, groups)
        rates[rows, 0], rates[rows, 1] = spread(residuals), spread(target)
    valid = np.broadcast_to(near[:, None], points.shape)
    rates *= PER_GYR
    return Acceleration(
        points,
        masked(values, valid),
        masked(errors, valid),
        masked(rates[:, 0].copy(), near),
        masked(rates[:, 1].copy(), near),
    )


def checked_velocities(velocities: int) -> int:
    """Return a number of trial velocities; ValueError if it is too small."""
    if at_least_one(velocities) < _FEWEST:
        raise ValueError(f"expected at least {_FEWEST} velocities at each point, got {velocities}")
    return velocities


def blocks(wanted: np.ndarray) -> Iterator[np.ndarray]:
    """Rows of the points that are wanted, a few at a time."""
    rows = np.flatnonzero(wanted)
    for start in range(0, len(rows), _AT_ONCE):
        yield rows[start : start + _AT_ONCE]


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
        Eight groups by the signs of v_R, v_phi and v_z about their medians at the point.
    """
    flat = stars.reshape(-1, stars.shape[-1])
    columns = dict(zip(edf.columns, flat.T, strict=True))
    _, gradient = edf.log_prob_gradient(columns, context)
    x_slope, v_slope, v = (
        np.stack([source[name] for name in names], axis=-1).reshape(*stars.shape[:2], 3)
        for source, names in ((gradient, POSITION), (gradient, VELOCITY), (columns, VELOCITY))
    )
    _, v_R, v_phi = cylindrical(*(columns[name] for name in ("x", "y", "vx", "vy")))
    turned = np.stack([v_R, v_phi, columns["vz"]], axis=-1).reshape(v.shape)
    above = turned > np.median(turned, axis=1, keepdims=True)
    return v_slope, -(v * x_slope).sum(axis=-1), (above * (1, 2, 4)).sum(axis=-1)
