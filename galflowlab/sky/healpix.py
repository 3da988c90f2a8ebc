"""All-sky maps: stars sorted into the equal-area pixels of HEALPix (Górski et al. 2005)."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

import healpy
import numpy as np
from astropy import units as u
from astropy.table import Table

from galflowlab import maps
from galflowlab.pixels import MEAN_OF, WeightedSums, masked
from galflowlab.schema import Quantity, finite_columns, in_unit
from galflowlab.sky.coordinates import observed_sightlines
from galflowlab.sky.pooling import pooled
from galflowlab.sky.sightlines import Sightlines

QUANTITIES: dict[str, Quantity] = {
    q.name: q
    for q in (
        Quantity("counts", u.one, "number of stars", "stars in the pixel"),
        Quantity("mass", u.Msun / u.deg**2, "mass per solid angle", "mass per solid angle"),
        Quantity(
            "surface_density",
            u.Msun / u.kpc**2,
            "mass per area along the line of sight",
            "surface density",
        ),
        *(q for name, q in maps.QUANTITIES.items() if name != "surface_density"),
    )
}
"""What `healpix_map` can map; all averages are weighted by mass.

``surface_density`` is the density integrated along the line of sight, the sum of mass / distance²
over the solid angle: what the sky looks like if all stars shine alike for their mass.
"""

MAX_NSIDE = 4096  # two hundred million pixels

_STARS_PER_PIXEL = 10


@dataclass(frozen=True, eq=False)
class HealpixMap:
    """One quantity in the pixels of the sky, in ring order and Galactic coordinates.

    Parameters
    ----------
    values
        Masked array of shape (12 nside²,). Pixels without a value are masked and hold NaN below
        the mask.
    counts
        Number of stars in each pixel, never pooled.
    quantity
        Name in `QUANTITIES`.
    nside
        Resolution, a power of two.
    distance
        Nearest and farthest distance of the stars [kpc].
    """

    values: np.ma.MaskedArray
    counts: np.ndarray
    quantity: str
    nside: int
    distance: tuple[float, float]

    @property
    def unit(self) -> u.UnitBase:
        """Unit of `values`."""
        return QUANTITIES[self.quantity].unit

    @property
    def label(self) -> str:
        """Label without the unit."""
        return QUANTITIES[self.quantity].label

    @property
    def axis_label(self) -> str:
        """Label with unit, for colour bars."""
        return QUANTITIES[self.quantity].axis_label

    @property
    def pixel_area(self) -> float:
        """Solid angle of one pixel [deg²]."""
        return healpy.nside2pixarea(self.nside, degrees=True)


def healpix_map(
    seen: Sightlines | Table,
    nside: int,
    quantity: str,
    *,
    distance: tuple[float, float] | u.Quantity = (0.0, np.inf),
    min_stars: int = 1,
) -> HealpixMap:
    """Map one quantity of the stars over the whole sky.

    Parameters
    ----------
    seen
        What `sightlines` or `observe` returns, with the columns that the quantity is made of.
    nside
        Resolution, a power of two; the sky has 12 nside² pixels of equal area. See `nside_for`.
    quantity
        Name in `QUANTITIES`.
    distance
        Nearest and farthest distance of the stars [kpc] or a quantity; the nearest belongs to the
        shell, the farthest does not.
    min_stars
        Pixels with fewer stars are pooled with such of their neighbours until they have so many,
        or are all that is poor in one of the twelve pixels of nside 1; all pixels of a pool have
        the value of the pool, and sums over the sky stay the same. See `pooling.pooled`.

    Returns
    -------
    HealpixMap
        Pixels without stars are masked, in ``sigma_los`` also those with a single star; all
        but ``counts`` also where the stars have no mass.

    Raises
    ------
    ValueError
        For an unknown quantity, an nside that is no power of two, a shell that is empty,
        fewer than one of `min_stars`, a missing column, values that are not finite, or a
        negative mass.

    Examples
    --------
    >>> import galflowlab
    >>> from galflowlab import sky
    >>> seen = sky.observe(galflowlab.load("mock").sample(10_000, {"log10_mstar": 10.7}, seed=1))
    >>> near = sky.healpix_map(seen, 8, "mean_age", distance=(0, 5))  # stars within 5 kpc
    >>> near.values.shape, near.unit
    ((768,), Unit("Gyr"))
    """
    return healpix_maps(seen, nside, (quantity,), distance=distance, min_stars=min_stars)[quantity]


def healpix_maps(
    seen: Sightlines | Table,
    nside: int,
    quantities: Iterable[str],
    *,
    distance: tuple[float, float] | u.Quantity = (0.0, np.inf),
    min_stars: int = 1,
) -> dict[str, HealpixMap]:
    """Map several quantities of the same stars, sorting them into pixels once.

    Parameters and errors are those of `healpix_map`; the maps are returned by name, in the
    order of `quantities`.
    """
    names = list(quantities)
    if unknown := [name for name in names if name not in QUANTITIES]:
        raise ValueError(f"unknown sky quantities {unknown}; valid are {list(QUANTITIES)}")
    nside = checked_nside(nside)
    ends = in_unit("distance", distance, u.kpc)
    if ends.shape != (2,) or not 0 <= ends[0] < ends[1]:
        raise ValueError(f"expected two distances from 0 kpc that increase, got {distance!r:.80}")
    near, far = float(ends[0]), float(ends[1])
    if not (1 <= min_stars < np.inf) or min_stars != int(min_stars):
        raise ValueError(f"expected a whole number of min_stars, at least 1, got {min_stars}")
    seen = seen if isinstance(seen, Sightlines) else observed_sightlines(seen)
    inside = (seen.distance >= near) & (seen.distance < far)
    sky = _Sky(seen, nside, inside, int(min_stars))
    found = {}
    for name in names:
        values, valid = sky.compute(name)
        found[name] = HealpixMap(masked(values, valid), sky.counts, name, nside, (near, far))
    return found


def nside_for(stars: int, *, stars_per_pixel: float = _STARS_PER_PIXEL) -> int:
    """Finest nside at which pixels hold so many stars on average, at least 1.

    Away from the disc pixels hold fewer. Raises ValueError for a negative number of stars, or if
    no positive number is to be in a pixel.
    """
    if not stars >= 0 or not stars_per_pixel > 0:
        raise ValueError(
            f"expected at least 0 stars and more than 0 per pixel, got {stars}, {stars_per_pixel}"
        )
    finest = np.sqrt(stars / (12 * stars_per_pixel))
    return int(2 ** np.floor(np.log2(min(finest, MAX_NSIDE)))) if finest >= 1 else 1


def checked_nside(nside: int) -> int:
    """Nside as an integer; ValueError unless it is a power of two up to `MAX_NSIDE`."""
    if not (1 <= nside <= MAX_NSIDE and nside == int(nside) and int(nside).bit_count() == 1):
        raise ValueError(f"expected an nside that is a power of two to {MAX_NSIDE}, got {nside}")
    return int(nside)


class _Sky:
    """Sums over the stars inside a shell by region, shared between quantities."""

    def __init__(self, seen: Sightlines, nside: int, inside: np.ndarray, min_stars: int) -> None:
        self._seen, self._inside, self._all = seen, inside, bool(inside.all())
        directions = seen.directions if self._all else seen.directions[:, inside]
        self._index = healpy.vec2pix(nside, *directions)
        self.counts = np.bincount(self._index, minlength=12 * nside**2)
        self._pixels = np.ones(len(self.counts))  # in each region
        self._region: np.ndarray | None = None
        if min_stars > 1:
            self._region = pooled(self.counts, nside, min_stars)
            self._index = self._region[self._index]
            self._pixels = np.bincount(self._region).astype(np.float64)
        self._area = self._pixels * healpy.nside2pixarea(nside)
        self._stars = np.bincount(self._index, minlength=len(self._pixels))

    def compute(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Values of a quantity by pixel, and which of them are valid."""
        values, valid = self._by_region(name)
        return (
            (values, valid) if self._region is None else (values[self._region], valid[self._region])
        )

    def _by_region(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        if name == "counts":
            return self._stars / self._pixels, self._stars > 0
        sums = self._sums
        occupied = sums.mass > 0
        if name == "mass":
            return sums.mass / (self._area * np.rad2deg(1) ** 2), occupied
        if name == "surface_density":
            distance = self._select(self._seen.distance)
            return sums.sum(self._weight / distance**2) / self._area, occupied
        if name == "v_los":
            return self._v_los[1], occupied
        if name == "sigma_los":
            return sums.dispersion(*self._v_los)
        return sums.mean(self._column(MEAN_OF[name])), occupied

    @functools.cached_property
    def _weight(self) -> np.ndarray:
        return self._column("mass").astype(np.float64)

    @functools.cached_property
    def _sums(self) -> WeightedSums:
        return WeightedSums(self._index, self._weight, len(self._pixels))

    @functools.cached_property
    def _v_los(self) -> tuple[np.ndarray, np.ndarray]:
        """Velocity of each star and mean of each region."""
        if self._seen.v_los is None:
            raise ValueError("the stars have no velocities, and v_los is not known")
        velocity = self._select(self._seen.v_los)
        return velocity, self._sums.mean(velocity)

    def _column(self, name: str) -> np.ndarray:
        return self._select(finite_columns(self._seen.stars, (name,), len(self._inside))[0])

    def _select(self, values: np.ndarray) -> np.ndarray:
        return values if self._all else values[self._inside]
