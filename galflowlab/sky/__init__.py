"""The sky as seen by an observer inside the galaxy: coordinates, HEALPix maps, Mollweide figures.

Galactic coordinates are those of the Milky Way, right-handed: l = 0, b = 0 is the centre of the
galaxy, an observer who turns with the galaxy moves towards l = 90 degrees, and the north Galactic
pole b = 90 degrees is the side of the disc from which the galaxy turns clockwise, here -z.
"""

from galflowlab.sky.coordinates import OBSERVED, observe, observed_sightlines
from galflowlab.sky.figure import mollweide_figure
from galflowlab.sky.healpix import (
    QUANTITIES,
    HealpixMap,
    healpix_map,
    healpix_maps,
    nside_for,
)
from galflowlab.sky.mollweide import graticule, mollweide_pixels, mollweide_raster
from galflowlab.sky.observer import Observer
from galflowlab.sky.sightlines import Sightlines, sightlines

__all__ = [
    "OBSERVED",
    "QUANTITIES",
    "HealpixMap",
    "Observer",
    "Sightlines",
    "graticule",
    "healpix_map",
    "healpix_maps",
    "mollweide_figure",
    "mollweide_pixels",
    "mollweide_raster",
    "nside_for",
    "observe",
    "observed_sightlines",
    "sightlines",
]
