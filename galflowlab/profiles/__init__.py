"""Profiles of star particles: along the radius of the disc, with age, and in abundance planes.

All averages, dispersions and percentiles are weighted by mass. A bin holds its lower edge but
not its upper one. Bins without a value are masked and hold NaN below the mask.
"""

from galflowlab.profiles.planes import Percentiles, age_metallicity, percentiles, plane
from galflowlab.profiles.radial import (
    QUANTITIES,
    RadialProfile,
    enclosing_radius,
    half_mass_radius,
    radial_edges,
    radial_profiles,
)

__all__ = [
    "QUANTITIES",
    "Percentiles",
    "RadialProfile",
    "age_metallicity",
    "enclosing_radius",
    "half_mass_radius",
    "percentiles",
    "plane",
    "radial_edges",
    "radial_profiles",
]
