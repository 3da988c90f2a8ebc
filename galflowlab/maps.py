"""Projected maps: star particles binned on the sky as seen from any direction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from astropy import units as u

from galflowlab.pixels import AVERAGED, MEAN_OF, Pixels, masked
from galflowlab.schema import COLUMNS, POSITION, Quantity, Stars

_KMS = u.km / u.s


def _mean(name: str, spec: Quantity) -> Quantity:
    return Quantity(name, spec.unit, f"mass-weighted mean {spec.label}", f"mean {spec.label}")


QUANTITIES: dict[str, Quantity] = {
    q.name: q
    for q in (
        Quantity("surface_density", u.Msun / u.kpc**2, "mass per area", "surface density"),
        *(_mean(name, COLUMNS[column]) for name, column in MEAN_OF.items()),
        Quantity("v_los", _KMS, "mass-weighted mean line-of-sight velocity", "v (line of sight)"),
        Quantity("sigma_los", _KMS, "line-of-sight velocity dispersion", "σ (line of sight)"),
    )
}
"""What `project` can map; all averages are weighted by mass."""


@dataclass(frozen=True)
class Map:
    """One quantity on a square grid of pixels on the sky.

    Parameters
    ----------
    values
        Masked array of shape (bins, bins), indexed ``[iy, ix]`` with ``[0, 0]`` at the lower
        left. Pixels without a value are masked and hold NaN below the mask.
    quantity
        Name in `QUANTITIES`.
    unit
        Unit of `values`.
    label
        Label for axes and colour bars, without the unit.
    half_width
        Half the side of the field of view [kpc].
    inclination, azimuth
        Viewing direction [degree], see `project`.
    centre
        Middle of the field on the sky [kpc].
    """

    values: np.ma.MaskedArray
    quantity: str
    unit: u.UnitBase
    label: str
    half_width: float
    inclination: float
    azimuth: float
    centre: tuple[float, float] = (0.0, 0.0)

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top edge [kpc], as matplotlib's ``imshow`` takes it."""
        (right, up), half = self.centre, self.half_width
        return (right - half, right + half, up - half, up + half)

    @property
    def pixel_area(self) -> float:
        """Area of one pixel [kpc^2]."""
        return (2 * self.half_width / self.values.shape[0]) ** 2

    @property
    def axis_label(self) -> str:
        """Label with unit, for colour bars."""
        return QUANTITIES[self.quantity].axis_label


def columns_needed(quantity: str) -> tuple[str, ...]:
    """Columns of the stars that a quantity is made from.

    Raises
    ------
    ValueError
        For an unknown quantity.
    """
    _known([quantity])
    return (*POSITION, "mass", *AVERAGED.get(quantity, ()))


def project(
    stars: Stars,
    quantity: str,
    inclination: float,
    azimuth: float,
    half_width: float,
    bins: int,
    centre: tuple[float, float] = (0.0, 0.0),
) -> Map:
    """Map one quantity of the stars as seen from a given direction.

    The galaxy is first turned by `azimuth` about its spin axis (counter-clockwise as seen
    from +z), then its upper half is tilted away from the observer by `inclination`. With
    a = azimuth and i = inclination the sky coordinates are::

        right = x cos a - y sin a
        up    = (x sin a + y cos a) cos i + z sin i

    and the line-of-sight velocity, positive for receding stars, is::

        v_los = (vx sin a + vy cos a) sin i - vz cos i

    So inclination 0 is face-on, looking down -z (x to the right, y up), and inclination 90 is
    edge-on, looking along +y (x to the right, z up).

    Parameters
    ----------
    stars
        Table or mapping of columns: positions, ``mass`` and what the quantity needs.
    quantity
        Name in `QUANTITIES`.
    inclination, azimuth
        Viewing direction [degree].
    half_width
        Half the side of the square field of view [kpc]. Stars outside it are left out; the
        left and lower edges belong to the field, the right and upper ones do not.
    bins
        Number of pixels along each side.
    centre
        Sky coordinates (right, up) of the middle of the field [kpc].

    Returns
    -------
    Map
        Pixels without stars are masked, in ``sigma_los`` also those with a single star. The
        dispersion is the mass-weighted root mean square about the mean of the pixel.

    Raises
    ------
    ValueError
        For an unknown quantity, a missing column, a value that is not finite, a negative
        mass, a field of view that is not positive, or fewer than one bin.

    Examples
    --------
    >>> import galflowlab
    >>> from galflowlab import maps
    >>> stars = galflowlab.load("mock").sample(10_000, {"log10_mstar": 10.3}, seed=1)
    >>> edge_on = maps.project(stars, "surface_density", 90, 0, half_width=15, bins=64)
    >>> edge_on.values.shape, edge_on.axis_label
    ((64, 64), 'surface density [M☉ kpc⁻²]')
    >>> print(f"{(edge_on.values * edge_on.pixel_area).sum() / stars['mass'].value.sum():.2f}")
    1.00
    """
    maps = project_many(stars, (quantity,), inclination, azimuth, half_width, bins, centre)
    return maps[quantity]


def project_many(
    stars: Stars,
    quantities: Iterable[str],
    inclination: float,
    azimuth: float,
    half_width: float,
    bins: int,
    centre: tuple[float, float] = (0.0, 0.0),
) -> dict[str, Map]:
    """Map several quantities of the same stars, binning them once.

    Parameters and errors are those of `project`; the maps are returned by name, in the order
    of `quantities`.
    """
    pixels = Pixels(stars, inclination, azimuth, half_width, bins, centre)
    return project_sorted(pixels, quantities)


def project_sorted(pixels: Pixels, quantities: Iterable[str]) -> dict[str, Map]:
    """Map several quantities of stars that are sorted into pixels already; see `project_many`."""
    view = (pixels.half_width, pixels.inclination, pixels.azimuth, pixels.centre)
    maps = {}
    for name in _known(quantities):
        values, valid = pixels.compute(name)
        grid, spec = masked(values, valid).reshape(pixels.bins, pixels.bins), QUANTITIES[name]
        maps[name] = Map(grid, name, spec.unit, spec.label, *view)
    return maps


def _known(quantities: Iterable[str]) -> list[str]:
    names = list(quantities)
    if unknown := [name for name in names if name not in QUANTITIES]:
        raise ValueError(f"unknown map quantities {unknown}; valid are {list(QUANTITIES)}")
    return names
