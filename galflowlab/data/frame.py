"""The frame of a galaxy: its centre, its bulk velocity and the direction of its spin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from galflowlab.galaxy import Galaxy
from galflowlab.schema import PHASE_SPACE, POSITION, VELOCITY, column_values, star_matrix

_SHRINK = 0.95  # factor from one sphere to the next
_CORE_FRACTION, _CORE_STARS = 0.01, 100  # the last sphere keeps at least this many stars
_DISC = 2.0  # half-mass radii within which the spin is measured


def centre(galaxy: Galaxy) -> Galaxy:
    """Put the galaxy's densest point at the origin and at rest.

    The centre comes from spheres that shrink by 5 % around the centre of mass of the stars
    inside, until 1 % of the star particles (at least 100) are left, so that satellites and
    far stars do not matter. The bulk velocity is the mass-weighted mean within the half-mass
    radius. A known truth is dropped: it holds in the old frame.
    """
    position, mass = star_matrix(galaxy.stars, POSITION), _mass(galaxy)
    velocity = star_matrix(galaxy.stars, VELOCITY)
    position = position - _shrinking_sphere(position, mass)
    radius = np.linalg.norm(position, axis=1)
    inner = radius <= _half_mass(radius, mass)
    velocity = velocity - np.average(velocity[inner], axis=0, weights=mass[inner])
    return _moved(galaxy, position, velocity)


def align(galaxy: Galaxy) -> Galaxy:
    """Turn the spin to +z, by the smallest rotation that does it.

    The spin is the angular momentum of the stars within two half-mass radii of the origin:
    inside one, a bulge leaves it noisy; beyond, satellites turn it away. A known truth is
    dropped: it holds in the old frame.

    Raises
    ------
    ValueError
        If these stars have no angular momentum at all.
    """
    position, mass = star_matrix(galaxy.stars, POSITION), _mass(galaxy)
    velocity = star_matrix(galaxy.stars, VELOCITY)
    radius = np.linalg.norm(position, axis=1)
    disc = radius <= _DISC * _half_mass(radius, mass)
    spin = mass[disc] @ np.cross(position[disc], velocity[disc])
    length = float(np.linalg.norm(spin))
    if not length > 0:
        raise ValueError(f"galaxy {galaxy.name!r}: the stars have no angular momentum to align")
    rotation = _to_z(spin / length)
    return _moved(galaxy, position @ rotation.T, velocity @ rotation.T)


def turn_about_z(galaxy: Galaxy, angle: float) -> Galaxy:
    """Rotate positions and velocities by `angle` radians from x towards y."""
    cos, sin = np.cos(angle), np.sin(angle)
    rotation = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    position = star_matrix(galaxy.stars, POSITION) @ rotation.T
    return _moved(galaxy, position, star_matrix(galaxy.stars, VELOCITY) @ rotation.T)


def radii(galaxy: Galaxy) -> np.ndarray:
    """Distances of the star particles from the origin in kpc."""
    return np.linalg.norm(star_matrix(galaxy.stars, POSITION), axis=1)


def half_mass_radius(galaxy: Galaxy) -> float:
    """Radius in kpc of the sphere around the origin that holds half the stellar mass."""
    return _half_mass(radii(galaxy), _mass(galaxy))


def _mass(galaxy: Galaxy) -> np.ndarray:
    mass = column_values(galaxy.stars, "mass").astype(np.float64)
    bad = int(np.count_nonzero(~(mass > 0)))
    if bad:
        raise ValueError(f"galaxy {galaxy.name!r}: column 'mass' has {bad} values that are not > 0")
    return mass


def _half_mass(radius: np.ndarray, mass: np.ndarray) -> float:
    order = np.argsort(radius)
    inside = np.cumsum(mass[order])
    return float(radius[order][np.searchsorted(inside, inside[-1] / 2)])


def _shrinking_sphere(position: np.ndarray, mass: np.ndarray) -> np.ndarray:
    fewest = min(len(mass), max(_CORE_STARS, int(_CORE_FRACTION * len(mass))))
    middle = np.average(position, axis=0, weights=mass)
    distance = np.linalg.norm(position - middle, axis=1)
    limit = float(distance.max())
    while True:
        # Stars that left a sphere may return to a later one, whose centre has moved.
        limit *= _SHRINK
        inside = distance < limit
        if np.count_nonzero(inside) < fewest or limit == 0.0:
            return middle
        middle = np.average(position[inside], axis=0, weights=mass[inside])
        distance = np.linalg.norm(position - middle, axis=1)


def _to_z(direction: np.ndarray) -> np.ndarray:
    """Smallest rotation that takes a unit vector to +z (Rodrigues' formula)."""
    x, y, z = direction
    if z < -1 + 1e-12:
        return np.diag([1.0, -1.0, -1.0])
    cross = np.array([[0.0, 0.0, -x], [0.0, 0.0, -y], [x, y, 0.0]])
    return np.eye(3) + cross + cross @ cross / (1 + z)


def _moved(galaxy: Galaxy, position: np.ndarray, velocity: np.ndarray) -> Galaxy:
    stars = galaxy.stars.copy()
    for name, values in zip(PHASE_SPACE, np.column_stack([position, velocity]).T, strict=True):
        stars[name] = values * stars[name].unit
    return replace(galaxy, stars=stars, truth=None)
