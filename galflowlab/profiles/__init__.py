"""Profiles of star particles: along the radius of the disc, with age, and in abundance planes.

All averages, dispersions and percentiles are weighted by mass. A bin holds its lower edge but
not its upper one. Bins without a value are masked and hold NaN below the mask. Errors of
`RadialProfile` are formulas, all others come from the Bayesian bootstrap over stars. Radii, edges
and ranges are quantities, or numbers in kpc and the units of the columns.
"""

from galflowlab.profiles.anisotropy import anisotropy, dispersion_ratio
from galflowlab.profiles.circularity import (
    CircularityDistribution,
    Potential,
    circularity,
    circularity_distribution,
)
from galflowlab.profiles.fits import ExponentialFit, SersicFit, fit_exponential, fit_sersic
from galflowlab.profiles.gradients import Gradient, gradient, metallicity_gradient
from galflowlab.profiles.jeans import circular_velocity, local_circular_velocity
from galflowlab.profiles.planes import (
    Percentiles,
    age_metallicity,
    percentile_errors,
    percentiles,
    plane,
)
from galflowlab.profiles.profile import Profile
from galflowlab.profiles.radial import (
    QUANTITIES,
    RadialProfile,
    enclosing_radius,
    half_mass_radius,
    radial_edges,
    radial_profiles,
)
from galflowlab.profiles.spherical import SphericalPotential
from galflowlab.profiles.vertical import SECH2, rms_height, scale_height

__all__ = [
    "QUANTITIES",
    "SECH2",
    "CircularityDistribution",
    "ExponentialFit",
    "Gradient",
    "Percentiles",
    "Potential",
    "Profile",
    "RadialProfile",
    "SersicFit",
    "SphericalPotential",
    "age_metallicity",
    "anisotropy",
    "circular_velocity",
    "circularity",
    "circularity_distribution",
    "dispersion_ratio",
    "enclosing_radius",
    "fit_exponential",
    "fit_sersic",
    "gradient",
    "half_mass_radius",
    "local_circular_velocity",
    "metallicity_gradient",
    "percentile_errors",
    "percentiles",
    "plane",
    "radial_edges",
    "radial_profiles",
    "rms_height",
    "scale_height",
]
