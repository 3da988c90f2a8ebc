"""Published scaling relations: medians at redshift 0 as functions of the stellar mass.

The coefficients follow the paper that a function names. Functions marked as schematic only
follow a published trend: chosen to resemble nearby galaxies, not fitted.
"""

from __future__ import annotations

import numpy as np

from galflowlab.constants import G

_HUBBLE = 0.0671  # km/s/kpc, Planck 2013, as Dutton & Maccio (2014)

KIRBY_2013 = (-1.69, 0.30, 6.0)
"""Mean [Fe/H] at the pivot, slope, and pivot in log10 M* [Msun] (their eq. 4)."""

GALLAZZI_2005 = np.array(
    [  # log10 M*; median, 16th and 84th percentile of log10 Z/Zsun, and of log10 age [yr]
        (8.91, -0.60, -1.11, 0.00, 9.06, 8.80, 9.46),
        (9.11, -0.61, -1.07, 0.00, 9.09, 8.81, 9.48),
        (9.31, -0.65, -1.10, -0.05, 9.11, 8.85, 9.44),
        (9.51, -0.61, -1.03, -0.01, 9.17, 8.89, 9.49),
        (9.72, -0.52, -0.97, 0.05, 9.23, 8.94, 9.57),
        (9.91, -0.41, -0.90, 0.09, 9.32, 9.00, 9.71),
        (10.11, -0.23, -0.80, 0.14, 9.46, 9.09, 9.85),
        (10.31, -0.11, -0.65, 0.17, 9.61, 9.23, 9.93),
        (10.51, -0.01, -0.41, 0.20, 9.73, 9.34, 9.98),
        (10.72, 0.04, -0.24, 0.22, 9.82, 9.48, 10.03),
        (10.91, 0.07, -0.14, 0.24, 9.87, 9.60, 10.06),
        (11.11, 0.10, -0.09, 0.25, 9.90, 9.67, 10.08),
        (11.31, 0.12, -0.06, 0.26, 9.92, 9.72, 10.09),
        (11.51, 0.13, -0.04, 0.28, 9.94, 9.75, 10.11),
        (11.72, 0.14, -0.03, 0.29, 9.95, 9.76, 10.12),
        (11.91, 0.15, -0.03, 0.30, 9.96, 9.77, 10.12),
    ]
).T
"""Their Table 2: a row of masses, three of metallicities, three of ages."""


def halo_mass(log10_mstar: float) -> float:
    """Return log10 of the halo mass M200 [Msun] at redshift 0 (Moster et al. 2013, eq. 2)."""
    log_halo = np.linspace(9, 15.5, 2000)
    x = 10 ** (log_halo - 11.590)
    log_stars = log_halo + np.log10(2 * 0.0351 / (x**-1.376 + x**0.608))
    return float(np.interp(log10_mstar, log_stars, log_halo))


def halo_concentration(log10_mhalo: float) -> float:
    """Return log10 c200 of NFW haloes at redshift 0 (Dutton & Maccio 2014, eq. 8)."""
    return 0.905 - 0.101 * (log10_mhalo - 12 + np.log10(0.671))


def nfw_velocity2(r: np.ndarray, log10_mhalo: float, concentration: float) -> np.ndarray:
    """Circular velocity squared [(km/s)²] at r [kpc] of an NFW halo (Navarro et al. 1997)."""
    mass = 10**log10_mhalo
    r200 = (G * mass / (100 * _HUBBLE**2)) ** (1 / 3)
    x = r * concentration / r200

    def enclosed(x: np.ndarray | float) -> np.ndarray:
        return np.log1p(x) - x / (1 + x)

    return G * mass / r * enclosed(x) / enclosed(concentration)


def half_mass_radius(log10_mstar: float) -> tuple[float, float]:
    """Half-light radius [kpc] of late types and its scatter in ln R (Shen et al. 2003, eqs. 18-19).

    Coefficients from their Table 1, Fig. 11; light is taken to trace mass.
    """
    mass, turn = 10**log10_mstar, 3.98e10
    radius = 0.1 * mass**0.14 * (1 + mass / turn) ** (0.39 - 0.14)
    return radius, 0.34 + (0.47 - 0.34) / (1 + (mass / turn) ** 2)


def gas_fraction(log10_mstar: float) -> float:
    """Cold gas over stellar mass: H I of Papastergis et al. (2012) times 1.33 for helium."""
    return 1.33 * 10 ** (-0.43 * log10_mstar + 3.75)


def mean_metallicity(log10_mstar: float) -> float:
    """Mean [Fe/H] of a galaxy.

    Kirby et al. (2013, eq. 4) below 10^9 Msun, medians of Gallazzi et al. (2005, Table 2; there
    log Z/Zsun) above 10^9.9, joined by a straight line in between.
    """
    value, slope, pivot = KIRBY_2013
    dwarfs = np.array([pivot, 9.0])
    mass, metals = GALLAZZI_2005[:2]
    giants = mass > 9.9
    log_mass = [*dwarfs, *mass[giants]]
    fe_h = [*(value + slope * (dwarfs - pivot)), *metals[giants]]
    return float(np.interp(log10_mstar, log_mass, fe_h))


def star_formation_time(log10_mstar: float) -> float:
    """Time scale tau [Gyr] of a star-formation rate t exp(-t/tau); schematic.

    Long for dwarfs with extended histories (Weisz et al. 2014), short for massive galaxies
    (Gallazzi et al. 2005), old again for the faintest dwarfs.
    """
    log_mass = [6, 7, 8, 9, 10, 10.7, 11.3]
    return float(np.interp(log10_mstar, log_mass, [4.0, 7.0, 12.0, 12.0, 8.0, 5.0, 3.5]))


def thick_fraction(log10_mstar: float) -> float:
    """Thick-disc share of the disc mass; schematic, trend of Yoachim & Dalcanton (2006)."""
    return 0.12 + 0.28 / (1 + 10 ** ((log10_mstar - 9.6) * 0.9))


def halo_fraction_log10(log10_mstar: float) -> float:
    """Return log10 of the stellar-halo share; schematic (Merritt et al. 2016)."""
    return -1.9 + 0.45 * (log10_mstar - 10)
