"""Where the observer of a sky stands while the galaxy around them changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import atan2, degrees, hypot

from galflowlab.profiles import half_mass_radius
from galflowlab.profiles.jeans import local_circular_velocity
from galflowlab.sky.observer import MILKY_WAY_SIZE, SUN_HEIGHT, SUN_RADIUS, Observer
from galflowlab_widgets.scales import NICE_WIDTHS, Columns, Scales, nice_above


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What of a galaxy is the same wherever in it the observer stands.

    Parameters
    ----------
    scales
        Of the galaxy seen face-on and of the quantity shown.
    size
        Cylindrical half-mass radius in those of the Milky Way.
    """

    scales: Scales
    size: float

    @classmethod
    def of(cls, stars: Columns, quantity: str) -> Surroundings:
        """Measure stars; raises ValueError if they have no finite extent."""
        names = ("surface_density", *([] if quantity == "counts" else [quantity]))
        size = half_mass_radius(stars, projected=True) / MILKY_WAY_SIZE
        return cls(Scales.of(stars, names), float(size))


def observer_at(stars: Columns, x: float, y: float, height: float) -> tuple[Observer, bool]:
    """Observer at a place [kpc] on the circular orbit there, and whether there is one.

    In the centre and beyond the stars there is none: the observer then rests.
    """
    radius = hypot(x, y)
    try:
        speed = local_circular_velocity(stars, radius)
    except ValueError:
        return Observer((x, y, -height)), False
    azimuth = degrees(atan2(y, x))
    return Observer.circular(stars, radius, height, azimuth=azimuth, circular_velocity=speed), True


class Place:
    """Place of the observer in the plane of the disc, and the field in which it is dragged.

    Attributes
    ----------
    scaled
        Whether the place, given in kpc, is that in a galaxy as large as the Milky Way, and is
        multiplied by the size of others.
    """

    def __init__(self) -> None:
        self.scaled = True
        self._at: tuple[float, float] | None = None  # by default where the Sun is
        self._size = 1.0
        self._field: tuple[float, float] | None = None  # wanted by the galaxy, shown

    @property
    def unit(self) -> float:
        """By which distances in the Milky Way are multiplied."""
        return self._size if self.scaled else 1.0

    @property
    def height(self) -> float:
        """Of the observer above the plane, to the north [kpc]."""
        return SUN_HEIGHT * self.unit

    @property
    def position(self) -> tuple[float, float]:
        """The place, x and y [kpc]."""
        x, y = self._at or (SUN_RADIUS, 0.0)
        return x * self.unit, y * self.unit

    def reset(self) -> None:
        """Go back to the place of the Sun."""
        self._at = self._field = None

    def scale(self, scaled: bool) -> None:
        """Scale with the galaxy from now on, or not; who has been dragged stays there."""
        x, y = self.position
        self.scaled = scaled
        if self._at:
            self._at = x / self.unit, y / self.unit

    def put(self, fractions: Sequence[float]) -> None:
        """Go to a place on the field, in fractions of its sides."""
        x, y = ((2 * f - 1) * self.half_width for f in fractions)
        self._at = x / self.unit, y / self.unit

    @property
    def half_width(self) -> float:
        """Half the side of the field [kpc]."""
        return self._field[1] if self._field else 1.0

    @property
    def fractions(self) -> tuple[float, float]:
        """The place in fractions of the sides of the field."""
        x, y = (0.5 + 0.5 * v / self.half_width for v in self.position)
        return x, y

    def settle(self, surroundings: Surroundings) -> None:
        """Take the size of a galaxy, and its field or one that holds the observer.

        While the observer is dragged in one galaxy the field stays as it is.
        """
        self._size = surroundings.size
        wanted = surroundings.scales.half_width
        reach = max(map(abs, self.position)) * (1 - 1e-9)  # at the very edge counts as inside
        if self._field and self._field[0] == wanted and reach <= self._field[1]:
            return
        self._field = wanted, max(wanted, nice_above(reach, NICE_WIDTHS)) if reach else wanted
