"""Velocities, ages and abundances to write the Boltzmann equation with, at any place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from galflowlab.edf import EDF
from galflowlab.frozen import Seed
from galflowlab.schema import PHASE_SPACE, star_matrix

_DRAWN = 200_000
_SHAPE = "(point, 3)"


class TrialStars:
    """Stars of a galaxy, to be moved to where a force is wanted.

    The equation holds for every velocity, so that any trial velocities do; those of stars near
    by, in radius and height, are where the density is known best. Azimuth is turned away, and
    stars below the plane stand for ones above.

    Parameters
    ----------
    stars
        Shape (star, feature), float64.
    columns
        Names of the features.
    """

    def __init__(self, stars: np.ndarray, columns: Sequence[str]) -> None:
        self._stars = stars
        self._place = [columns.index(name) for name in PHASE_SPACE]
        x, y, z = self._stars[:, self._place[:3]].T
        self._azimuth = np.arctan2(y, x)
        self._tree = cKDTree(np.column_stack([np.hypot(x, y), np.abs(z)]))

    @classmethod
    def drawn(cls, edf: EDF, context: Mapping[str, Any], *, seed: Seed) -> TrialStars:
        """Those that a model draws; errors are those of `EDF.freeze`."""
        drawn = edf.freeze(context, n=_DRAWN, seed=seed).arrays()
        return cls(star_matrix(drawn, edf.columns), edf.columns)

    def at(self, points: np.ndarray) -> np.ndarray:
        """Put the nearest stars in the meridional plane at points.

        Parameters
        ----------
        points
            Shape (point, star, 3) [kpc]; those of one point share radius and height.

        Returns
        -------
        ndarray
            Shape (point, star, feature): the columns of the eDF.
        """
        x, y, z = np.moveaxis(points, -1, 0)
        radius = np.hypot(x, y)
        where = np.column_stack([radius[:, 0], np.abs(z[:, 0])])
        _, nearest = self._tree.query(where, k=points.shape[1])
        stars = self._stars[nearest]
        turn = np.arctan2(y, x) - self._azimuth[nearest]
        _, _, height, vx, vy, vz = (stars[..., i] for i in self._place)
        flip = np.where(height * z < 0, -1.0, 1.0)
        moved = (
            *(x, y, z),
            np.cos(turn) * vx - np.sin(turn) * vy,
            np.sin(turn) * vx + np.cos(turn) * vy,
            flip * vz,
        )
        for i, values in zip(self._place, moved, strict=True):
            stars[..., i] = values
        return stars


def checked_points(points: Any) -> np.ndarray:
    """Points of shape (point, 3) in float64; ValueError for others or ones not finite."""
    points = np.asarray(points, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3 or not len(points):
        raise ValueError(f"expected points of shape {_SHAPE} [kpc], got {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError("expected finite points [kpc]")
    return points
