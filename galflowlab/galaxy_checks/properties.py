"""Properties of whole galaxies that published relations are about, with bootstrap errors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy import units as u

from galflowlab.galaxy_checks.published import PUBLISHED, PublishedRelation
from galflowlab.pixels import masked
from galflowlab.profiles import circular_velocity, enclosing_radius
from galflowlab.profiles.binning import columns, sorted_quantiles
from galflowlab.profiles.bootstrap import checked_resamples, resampled_sums, resampled_weights
from galflowlab.schema import Quantity, Stars

PROPERTIES: dict[str, Quantity] = {
    q.name: q
    for q in (
        Quantity("size", u.dex(u.kpc), "projected radius of half the mass, face-on", "log₁₀ R₁/₂"),
        Quantity(
            "rotation",
            u.dex(u.km / u.s),
            "circular velocity (Jeans) at the projected radius of 80 % of the mass",
            "log₁₀ V₈₀",
        ),
        Quantity("fe_h", u.dex, "mean [Fe/H], weighted with mass", "mean [Fe/H]"),
        Quantity("metallicity", u.dex, "log10 of the mean metal mass fraction", "log₁₀ mean Z"),
        Quantity("age", u.dex(u.Gyr), "log10 of the mean age, weighted with mass", "log₁₀ age"),
    )
}
"""What is measured of each galaxy; all are logarithms.

Against what the papers measure: half the mass lies within a smaller radius than half the light
where the disc grows inside out; 80 % of the mass likewise; the circular velocity is that of
cold gas; ages and metallicities weighted with light are those of younger stars. None of this is
corrected for.
"""

_LOGARITHM_OF_MEAN = ("metallicity", "age")


@dataclass(frozen=True, eq=False)
class MeasuredRelations:
    """Properties of galaxies against their stellar mass.

    Parameters
    ----------
    log10_mstar
        Shape (galaxy,) [dex(Msun)].
    values, errors
        By name in `PROPERTIES`: masked arrays of shape (galaxy,) [dex], masked where a galaxy
        has none. Errors are those of the finite number of stars.
    """

    log10_mstar: np.ndarray
    values: dict[str, np.ma.MaskedArray]
    errors: dict[str, np.ma.MaskedArray]

    def deviation(self, relation: PublishedRelation) -> np.ma.MaskedArray:
        """Measured minus published, in units of the published scatter, shape (galaxy,).

        Masked outside the masses of the relation and where the property is. Raises ValueError
        for a relation of a property that was not measured.
        """
        if relation.property not in self.values:
            raise ValueError(
                f"{relation.name} is about {relation.property!r}; measured are {list(self.values)}"
            )
        return relation.deviation(self.log10_mstar, self.values[relation.property])

    @property
    def published(self) -> tuple[PublishedRelation, ...]:
        """Those of `PUBLISHED` that are about a measured property."""
        return tuple(relation for relation in PUBLISHED if relation.property in self.values)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON-serialisable data, None where masked."""
        properties = {
            name: {
                "unit": PROPERTIES[name].unit.to_string(),
                "values": self.values[name].tolist(),
                "errors": self.errors[name].tolist(),
            }
            for name in self.values
        }
        published = {
            relation.name: {
                "reference": relation.reference,
                "property": relation.property,
                "checked": relation.checked,
                "built_into_mocks": relation.built_into_mocks,
                "deviation": self.deviation(relation).tolist(),
            }
            for relation in self.published
        }
        return {
            "log10_mstar": self.log10_mstar.tolist(),
            "properties": properties,
            "published": published,
        }


def measure_relations(
    galaxies: Iterable[Stars], *, seed: int | np.random.Generator, resamples: int = 50
) -> MeasuredRelations:
    """Measure size, rotation, metallicity and age of galaxies, against their stellar mass.

    Parameters
    ----------
    galaxies
        Tables or mappings of columns ``x y z vx vy vz mass``, the masses adding up to that of
        the galaxy; properties whose column (``fe_h``, ``metallicity``, ``age``) one of them
        lacks are left out. An iterator may make them one by one: none is kept.
    seed, resamples
        Of the Bayesian bootstrap over stars.

    Raises
    ------
    ValueError
        For no galaxy, a galaxy without mass, bad columns, or fewer than two resamples.
    """
    resamples, rng = checked_resamples(resamples), np.random.default_rng(seed)
    mass, rows = [], []
    for stars in galaxies:
        rows.append(_properties(stars, resamples, rng.spawn(1)[0]))
        mass.append(np.log10(columns(stars, ("mass",))[0].sum()))
    if not rows:
        raise ValueError("expected at least one galaxy to measure relations of")
    values, errors = {}, {}
    for name in PROPERTIES:
        if not all(name in row for row in rows):
            continue
        found = np.array([row[name] for row in rows])
        valid = np.isfinite(found).all(axis=1)
        values[name], errors[name] = (masked(found[:, k], valid) for k in (0, 1))
    return MeasuredRelations(np.array(mass), values, errors)


_NONE = (np.nan, np.nan)


def _properties(
    stars: Stars, resamples: int, rng: np.random.Generator
) -> dict[str, tuple[float, float]]:
    """Value and error [dex] of each property that the columns are of; NaN where there is none."""
    found = {
        "size": _size(stars, resamples, rng),
        "rotation": _rotation(stars, resamples, rng),
    }
    for name in PROPERTIES:
        if name not in found and name in getattr(stars, "colnames", stars):
            found[name] = _mean(stars, name, resamples, rng)
    return found


def _size(stars: Stars, resamples: int, rng: np.random.Generator) -> tuple[float, float]:
    radius = enclosing_radius(stars, 0.5, projected=True)
    if not radius > 0:
        return _NONE
    x, y, mass = columns(stars, ("x", "y", "mass"))
    R = np.hypot(x, y)
    order = np.argsort(R)
    weights = resampled_weights(mass[order], resamples, seed=rng)
    drawn = [sorted_quantiles(R[order], weight, (0.5,))[0] for weight in weights]
    return float(np.log10(radius)), float(np.std(drawn, ddof=1) / radius / np.log(10))


def _rotation(stars: Stars, resamples: int, rng: np.random.Generator) -> tuple[float, float]:
    """At a fixed radius: the curve is flat there, so that the error of the radius adds little."""
    radius = enclosing_radius(stars, 0.8, projected=True)
    if not radius > 0:
        return _NONE
    curve = circular_velocity(stars, [radius], seed=rng, resamples=resamples)
    if np.ma.getmaskarray(curve.values)[0]:
        return _NONE
    speed, error = float(curve.values[0]), float(curve.errors[0])
    return float(np.log10(speed)), error / speed / float(np.log(10))


def _mean(stars: Stars, name: str, resamples: int, rng: np.random.Generator) -> tuple[float, float]:
    values, mass = columns(stars, (name, "mass"))
    share = mass / mass.max()
    mean = float(np.average(values, weights=share))
    terms = share[:, None] * np.column_stack([np.ones(len(values)), values - mean])
    sums = resampled_sums(terms, resamples, seed=rng)
    error = float((sums[:, 1] / sums[:, 0]).std(ddof=1))
    if name not in _LOGARITHM_OF_MEAN:
        return mean, error
    return (float(np.log10(mean)), error / mean / float(np.log(10))) if mean > 0 else _NONE
