"""Directions and distances of stars from an observer, as plain arrays for live views."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from galflowlab.schema import POSITION, VELOCITY, Stars, finite_columns
from galflowlab.sky.observer import Observer


@dataclass(frozen=True, eq=False)
class Sightlines:
    """Stars as seen by an observer.

    Parameters
    ----------
    directions
        Unit vectors, shape (3, star); their components point to (l, b) = (0, 0), (90, 0) and
        (0, 90) degrees.
    distance
        From the observer [kpc], shape (star,).
    v_los
        Velocity along the line of sight relative to the observer [km/s], positive for receding
        stars, shape (star,); None for stars without velocities.
    stars
        The further columns of the stars, such as mass and age.
    """

    directions: np.ndarray
    distance: np.ndarray
    v_los: np.ndarray | None
    stars: Stars

    def __len__(self) -> int:
        return len(self.distance)


def sightlines(stars: Stars, observer: Observer) -> Sightlines:
    """Look at stars from an observer: `coordinates.observe` without units and angles, quicker.

    Parameters
    ----------
    stars
        Table or mapping of columns; positions are required, velocities may be missing.
    observer
        Where to look from.

    Raises
    ------
    ValueError
        For a missing column, values that are not finite, or a star at the observer, which has
        no direction.
    """
    away = relative(stars, POSITION, observer.position)
    distance = lengths(away)
    refuse_at_observer(distance)
    directions = observer.axes @ away
    directions /= distance
    v_los = None
    if all(name in stars.keys() for name in VELOCITY):  # noqa: SIM118 (a table holds rows)
        velocity = relative(stars, VELOCITY, observer.velocity, len(distance))
        v_los = np.einsum("ij,ij->j", velocity, away)
        v_los /= distance
    return Sightlines(directions, distance, v_los, stars)


def relative(
    stars: Stars,
    names: tuple[str, ...],
    origin: tuple[float, float, float],
    length: int | None = None,
) -> np.ndarray:
    """Three columns less their origin in double precision, shape (3, star)."""
    columns = finite_columns(stars, names, length)
    out = np.empty((3, len(columns[0])))
    for row, values, zero in zip(out, columns, origin, strict=True):
        np.subtract(values, zero, out=row, dtype=np.float64)
    return out


def lengths(vectors: np.ndarray) -> np.ndarray:
    """Lengths of vectors of shape (3, star); infinite, without a warning, beyond 1e154."""
    return np.sqrt(np.einsum("ij,ij->j", vectors, vectors))


def refuse_at_observer(distance: np.ndarray) -> None:
    """Raise ValueError for distances that are zero, or too large to be squared."""
    bad = np.flatnonzero(~((distance > 0) & np.isfinite(distance)))
    if len(bad):
        raise ValueError(
            f"expected stars at a positive, finite distance from the observer, but {len(bad)} "
            f"are not, the first in row {bad[0]} at {distance[bad[0]]} kpc; leave them out"
        )
