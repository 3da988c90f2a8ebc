"""Published relations of nearby galaxies between stellar mass and size, rotation, metals, age.

Masses are for the initial mass functions of the papers (Kroupa or Chabrier, which differ by less
than 0.05 dex) and are not converted. `PublishedRelation.checked` tells against what the numbers
were checked; no paper itself was at hand.

Some are built into `galflowlab.mocks` (`PublishedRelation.built_into_mocks`): that a model trained
on mocks agrees with them shows that it has learned the mocks, not that it is right about galaxies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from galflowlab.mocks import relations as mock_relations
from galflowlab.pixels import masked


@dataclass(frozen=True)
class PublishedRelation:
    """Median and scatter of one property at given stellar mass.

    Parameters
    ----------
    name
        Paper and sample.
    reference
        Where in which paper.
    measures
        What the paper measured, in words.
    property
        Name in `galflowlab.galaxy_checks.PROPERTIES` of what it is compared with.
    mass_range
        log10 of the stellar masses [Msun] that the relation holds for.
    checked
        What the coefficients were checked against.
    built_into_mocks
        Whether the median mock galaxy is made to follow it.
    median, scatter
        Functions of log10 of the stellar mass [Msun]: median in the unit of the property [dex],
        and standard deviation of the galaxies about it [dex].
    """

    name: str
    reference: str
    measures: str
    property: str
    mass_range: tuple[float, float]
    checked: str
    built_into_mocks: bool
    median: Callable[[np.ndarray], np.ndarray]
    scatter: Callable[[np.ndarray], np.ndarray]

    def deviation(self, log10_mstar: ArrayLike, values: ArrayLike) -> np.ma.MaskedArray:
        """Values minus the median in units of the scatter; masked outside `mass_range`.

        Parameters
        ----------
        log10_mstar, values
            log10 of the stellar mass [Msun], and the property [dex], each of shape (galaxy,).
        """
        mass = np.asarray(log10_mstar, dtype=np.float64)
        found: np.ma.MaskedArray = np.ma.asarray(values)
        inside = (mass >= self.mass_range[0]) & (mass <= self.mass_range[1])
        valid = inside & ~np.ma.getmaskarray(found)
        kept = np.clip(mass, *self.mass_range)
        return masked((found.data - self.median(kept)) / self.scatter(kept), valid)


def _constant(value: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda log10_mstar: np.full(np.shape(log10_mstar), value)


def _line(value: float, slope: float, pivot: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda log10_mstar: value + slope * (np.asarray(log10_mstar) - pivot)


def _gallazzi(values: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    return lambda log10_mstar: np.interp(log10_mstar, _GALLAZZI[0], values)


def _shen(log10_mstar: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    radius, scatter = np.vectorize(mock_relations.half_mass_radius)(log10_mstar)
    return np.log10(radius), scatter / np.log(10)


SHEN_2003 = PublishedRelation(
    name="Shen et al. 2003, late types",
    reference="MNRAS 343, 978, eqs. 18 and 19, Table 1 (Fig. 11)",
    measures="radius of half the light in z, Sersic fits in circular apertures, SDSS",
    property="size",
    mass_range=(8.5, 11.5),
    checked="coefficients against public code; the range is from memory",
    built_into_mocks=True,
    median=lambda log10_mstar: _shen(log10_mstar)[0],
    scatter=lambda log10_mstar: _shen(log10_mstar)[1],
)

VAN_DER_WEL_2014_LATE = PublishedRelation(
    name="van der Wel et al. 2014, late types",
    reference="ApJ 788, 28, Table 1 at z = 0.25",
    measures="major axis of half the light at 0.5 um, Sersic fits, 3D-HST + CANDELS",
    property="size",
    mass_range=(9.5, 11.5),
    checked="coefficients against a transcription in public code; the range is from memory",
    built_into_mocks=False,
    median=_line(0.86, 0.25, np.log10(5e10)),
    scatter=_constant(0.16),
)

VAN_DER_WEL_2014_EARLY = PublishedRelation(
    name="van der Wel et al. 2014, early types",
    reference="ApJ 788, 28, Table 1 at z = 0.25",
    measures="major axis of half the light at 0.5 um, Sersic fits, 3D-HST + CANDELS",
    property="size",
    mass_range=(10.3, 11.5),
    checked="coefficients against a transcription in public code; the range is from memory",
    built_into_mocks=False,
    median=_line(0.60, 0.75, np.log10(5e10)),
    scatter=_constant(0.10),
)

REYES_2011 = PublishedRelation(
    name="Reyes et al. 2011, discs",
    reference="MNRAS 417, 2347, eq. 39",
    measures="rotation of the gas at the radius of 80 % of the i-band light; intrinsic scatter",
    property="rotation",
    mass_range=(9.0, 11.0),
    checked="against the abstract",
    built_into_mocks=False,
    median=_line(2.142, 0.278, 10.10),
    scatter=_constant(0.036),
)

KIRBY_2013 = PublishedRelation(
    name="Kirby et al. 2013, dwarfs",
    reference="ApJ 779, 102, eq. 4",
    measures="mean [Fe/H] of red giants in dwarfs of the Local Group",
    property="fe_h",
    mass_range=(3.5, 9.0),
    checked="slope against the abstract, intercept against public code; scatter from memory",
    built_into_mocks=True,
    median=_line(*mock_relations.KIRBY_2013),
    scatter=_constant(0.17),
)

_GALLAZZI = mock_relations.GALLAZZI_2005
_GALLAZZI_SUN = 0.02  # solar mass fraction of metals of their models

GALLAZZI_2005_METALS = PublishedRelation(
    name="Gallazzi et al. 2005, metallicity",
    reference="MNRAS 362, 41, Table 2",
    measures="Z weighted with light in the SDSS fibre; scatter: half of 16 to 84 %, with its noise",
    property="metallicity",
    mass_range=(8.91, 11.91),
    checked="against a transcription of the table in public code",
    built_into_mocks=True,
    median=_gallazzi(_GALLAZZI[1] + np.log10(_GALLAZZI_SUN)),
    scatter=_gallazzi(0.5 * (_GALLAZZI[3] - _GALLAZZI[2])),
)

GALLAZZI_2005_AGES = PublishedRelation(
    name="Gallazzi et al. 2005, age",
    reference="MNRAS 362, 41, Table 2",
    measures="age weighted with light in r, younger than the mean by mass wherever stars form",
    property="age",
    mass_range=(8.91, 11.91),
    checked="against a transcription of the table in public code",
    built_into_mocks=False,
    median=_gallazzi(_GALLAZZI[4] - 9),
    scatter=_gallazzi(0.5 * (_GALLAZZI[6] - _GALLAZZI[5])),
)

PUBLISHED = (
    SHEN_2003,
    VAN_DER_WEL_2014_LATE,
    VAN_DER_WEL_2014_EARLY,
    REYES_2011,
    KIRBY_2013,
    GALLAZZI_2005_METALS,
    GALLAZZI_2005_AGES,
)
"""All of them."""
