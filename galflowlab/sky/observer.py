"""Where an observer stands in the galaxy, how they move, and which way their axes point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy import units as u

from galflowlab.profiles import half_mass_radius
from galflowlab.profiles.jeans import local_circular_velocity
from galflowlab.schema import Stars, in_unit

_KMS = u.km / u.s

SUN_RADIUS = 8.2
"""Distance of the Sun from the axis [kpc], 8.178 ± 0.026 in GRAVITY Collaboration (2019)."""
SUN_HEIGHT = 0.0208
"""Height of the Sun above the plane, to the north [kpc] (Bennett & Bovy 2019)."""
MILKY_WAY_SIZE = 3.62
"""Cylinder [kpc] with half the stellar mass of the Milky Way: thin disc, thick disc and bulge of
the best model of McMillan (2017), table 3."""


@dataclass(frozen=True)
class Observer:
    """Position and velocity of an observer in the frame of the stars.

    Plain numbers are in kpc and km/s, quantities are converted.

    Parameters
    ----------
    position
        Galactocentric x, y, z [kpc].
    velocity
        Galactocentric vx, vy, vz [km/s].

    Raises
    ------
    ValueError
        Unless both are three finite numbers with convertible units.
    """

    position: tuple[float, float, float]
    velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "position", _triple("position", self.position, u.kpc))
        object.__setattr__(self, "velocity", _triple("velocity", self.velocity, _KMS))

    @classmethod
    def solar(
        cls,
        stars: Stars,
        *,
        azimuth: float | u.Quantity = 0.0,
        circular_velocity: float | u.Quantity | None = None,
    ) -> Observer:
        """Observer where the Sun is in the Milky Way, on the circular orbit there.

        The Sun is 8.2 kpc from the axis (GRAVITY Collaboration 2019) and 20.8 pc to the north of
        the plane (Bennett & Bovy 2019). Its own motion relative to the circular orbit is left out.
        Parameters and errors are those of `circular`.
        """
        return cls.circular(
            stars, SUN_RADIUS, SUN_HEIGHT, azimuth=azimuth, circular_velocity=circular_velocity
        )

    @classmethod
    def scaled_solar(
        cls,
        stars: Stars,
        *,
        azimuth: float | u.Quantity = 0.0,
        circular_velocity: float | u.Quantity | None = None,
    ) -> Observer:
        """Observer at the place of the Sun in a galaxy that is larger or smaller than ours.

        Radius and height of `solar` are multiplied by the cylindrical half-mass radius of the
        stars over that of the Milky Way, 3.62 kpc in the best model of McMillan (2017, table 3):
        the observer is 2.27 such radii from the axis. Parameters and errors are those of
        `circular`.
        """
        scale = half_mass_radius(stars, projected=True) / MILKY_WAY_SIZE
        return cls.circular(
            stars,
            scale * SUN_RADIUS,
            scale * SUN_HEIGHT,
            azimuth=azimuth,
            circular_velocity=circular_velocity,
        )

    @classmethod
    def circular(
        cls,
        stars: Stars,
        radius: float | u.Quantity,
        height: float | u.Quantity = 0.0,
        *,
        azimuth: float | u.Quantity = 0.0,
        circular_velocity: float | u.Quantity | None = None,
    ) -> Observer:
        """Observer at some radius who moves on the circular orbit there.

        Plain numbers are in the units given, quantities are converted.

        Parameters
        ----------
        stars
            Of the galaxy: its circular velocity follows from the Jeans equation, see
            `profiles.jeans.local_circular_velocity`.
        radius
            Distance from the axis [kpc].
        height
            Distance from the plane [kpc], positive towards the north Galactic pole, which is -z.
        azimuth
            Counter-clockwise from the x axis as seen from +z [degree].
        circular_velocity
            To be taken instead of that of the stars [km/s].

        Raises
        ------
        ValueError
            For a radius that is not positive, numbers that are not finite, or stars that do not
            give a circular velocity, such as a galaxy that ends before this radius.
        """
        radius, height = _number("radius", radius, u.kpc), _number("height", height, u.kpc)
        angle = np.deg2rad(_number("azimuth", azimuth, u.deg))
        if radius <= 0:
            raise ValueError(f"expected a positive radius in kpc, got {radius}")
        if circular_velocity is None:
            speed = local_circular_velocity(stars, radius)
        else:
            speed = _number("circular_velocity", circular_velocity, _KMS)
        cos, sin = np.cos(angle).round(15), np.sin(angle).round(15)
        return cls(
            (radius * cos, radius * sin, -height),
            (-speed * sin, speed * cos, 0.0),
        )

    @property
    def axes(self) -> np.ndarray:
        """Unit vectors towards (l, b) = (0, 0), (90, 0) and (0, 90) degrees, as rows.

        The first points to the centre of the galaxy, the second along the rotation of the galaxy,
        which is about +z. Out of the plane the third is tilted from -z, as in the Milky Way,
        where the plane of b = 0 holds the Sun and the centre. On the axis, where no direction is
        along the rotation, the observer counts as one on the x axis.
        """
        x, y, z = self.position
        radius = np.hypot(x, y)
        cos, sin = (x / radius, y / radius) if radius > 0 else (1.0, 0.0)
        distance = np.hypot(radius, z)
        inward, down = (radius / distance, -z / distance) if distance > 0 else (1.0, 0.0)
        centre = np.array([-inward * cos, -inward * sin, down])
        forward = np.array([-sin, cos, 0.0])
        return np.array([centre, forward, np.cross(centre, forward)])


def _triple(name: str, value: Any, unit: u.UnitBase) -> tuple[float, float, float]:
    array = in_unit(f"{name} of the observer", value, unit)
    if array.shape != (3,) or not np.isfinite(array).all():
        raise ValueError(f"{name} of the observer should be three finite numbers, got {value!r}")
    return (float(array[0]), float(array[1]), float(array[2]))


def _number(name: str, value: Any, unit: u.UnitBase) -> float:
    array = in_unit(name, value, unit)
    if array.ndim or not np.isfinite(array):
        raise ValueError(f"expected one finite number as {name}, got {value!r}")
    return float(array)
