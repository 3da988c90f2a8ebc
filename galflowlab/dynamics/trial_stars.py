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
_NEAR = 0.5  # of the distance from the centre


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

    def around(self, points: np.ndarray, count: int) -> np.ndarray:
        """Whether `count` stars are near each point (point, 3): not farther than half its radius.

        Beyond the stars of a galaxy, and in its very centre, none are.
        """
        reach, _ = self._tree.query(_meridional(points), k=[min(count, len(self._stars))])
        return reach[:, 0] <= _NEAR * np.linalg.norm(points, axis=1)

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

        Raises
        ------
        ValueError
            For more stars at a point than there are.
        """
        if points.shape[1] > len(self._stars):
            raise ValueError(
                f"expected at most {len(self._stars)} velocities at a point, got {points.shape[1]}"
            )
        x, y, z = np.moveaxis(points, -1, 0)
        _, nearest = self._tree.query(_meridional(points[:, 0]), k=points.shape[1])
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


def _meridional(points: np.ndarray) -> np.ndarray:
    """Cylindrical radius and distance from the plane, shape (point, 2)."""
    x, y, z = points.T
    return np.column_stack([np.hypot(x, y), np.abs(z)])
