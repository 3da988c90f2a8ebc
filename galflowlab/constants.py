"""Constants of nature in our units."""

from astropy import constants
from astropy import units as u

G = float(constants.G.to_value(u.kpc * (u.km / u.s) ** 2 / u.Msun))
"""Gravitational constant [kpc (km/s)²/Msun]."""
