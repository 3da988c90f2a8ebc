"""Scaling relations of galaxies: as the data have them and as the model draws them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from astropy import units as u

from galflowlab.edf import EDF
from galflowlab.galaxy import Galaxy
from galflowlab.pixels import masked
from galflowlab.profiles import half_mass_radius, radial_profiles
from galflowlab.schema import CONTEXT, Quantity, Stars, finite_columns

PIVOT = 10.0
"""log10 of the stellar mass [Msun] at which the intercept of a `Line` is given."""

QUANTITIES: dict[str, Quantity] = {
    "size_mass": Quantity("half_mass_radius", u.kpc, "radius of half the mass", "r₁/₂"),
    "tully_fisher": Quantity("rotation", u.km / u.s, "rotation of the stars", "v_rot"),
    "mass_metallicity": CONTEXT["mean_metallicity"],
}
"""What each relation sets against the stellar mass."""


@dataclass(frozen=True)
class Line:
    """Least-squares straight line of a relation, in dex per dex of stellar mass.

    Parameters
    ----------
    slope, slope_error
        Slope and its standard error; the error is None for fewer than three galaxies.
    intercept
        Value at log10 M* = `PIVOT` [dex].
    scatter
        Root mean square distance from the line [dex].
    """

    slope: float
    slope_error: float | None
    intercept: float
    scatter: float

    def __call__(self, log10_mstar: np.ndarray) -> np.ndarray:
        """Value of the line [dex] at log10 of stellar masses [Msun]."""
        return self.intercept + self.slope * (np.asarray(log10_mstar) - PIVOT)


@dataclass(frozen=True, eq=False)
class Relation:
    """One property of all galaxies against their stellar mass.

    Parameters
    ----------
    quantity
        Name, unit and label of the property itself; the arrays hold its log10.
    log10_mstar
        Shape (galaxy,) [dex(Msun)].
    data, model
        Masked arrays of shape (galaxy,): log10 of the property of the data and of stars that
        the model draws at the context of the galaxy; masked where it is not positive.
    """

    quantity: Quantity
    log10_mstar: np.ndarray
    data: np.ma.MaskedArray
    model: np.ma.MaskedArray

    @property
    def residuals(self) -> np.ma.MaskedArray:
        """Model minus data [dex], shape (galaxy,), masked where either is."""
        return self.model - self.data

    @property
    def mean_residual(self) -> float | None:
        """Mean of the residuals [dex]; None if all are masked."""
        return float(self.residuals.mean()) if self.residuals.count() else None

    @property
    def scatter(self) -> float | None:
        """Standard deviation of the residuals [dex]; None for fewer than two."""
        return float(self.residuals.std(ddof=1)) if self.residuals.count() > 1 else None

    @property
    def data_line(self) -> Line | None:
        """Straight fit to the data; None for fewer than two masses."""
        return _line(self.log10_mstar, self.data)

    @property
    def model_line(self) -> Line | None:
        """Straight fit to the model; None for fewer than two masses."""
        return _line(self.log10_mstar, self.model)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON-serialisable data, None where masked."""
        lines = {"data_line": self.data_line, "model_line": self.model_line}
        return {
            "quantity": self.quantity.name,
            "unit": self.quantity.unit.to_string(),
            "log10_mstar": self.log10_mstar.tolist(),
            "log10_data": self.data.tolist(),
            "log10_model": self.model.tolist(),
            "mean_residual": self.mean_residual,
            "scatter": self.scatter,
            **{name: None if line is None else asdict(line) for name, line in lines.items()},
        }


@dataclass(frozen=True, eq=False)
class ScalingRelations:
    """Size-mass, Tully-Fisher and mass-metallicity relations of data and model.

    Parameters
    ----------
    names
        Of the galaxies, in the order of all arrays.
    relations
        ``size_mass`` (three-dimensional half-mass radius [kpc]), ``tully_fisher`` (rotation
        velocity of the stars [km/s]) and ``mass_metallicity`` (mean mass fraction of metals,
        weighted by mass).
    stars
        Number of stars drawn from the model for each galaxy.
    """

    names: tuple[str, ...]
    relations: dict[str, Relation]
    stars: int

    def __getitem__(self, name: str) -> Relation:
        return self.relations[name]

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON-serialisable data, None where masked."""
        relations = {name: relation.as_dict() for name, relation in self.relations.items()}
        return {"names": list(self.names), "stars": self.stars, "relations": relations}


def scaling_relations(
    edf: EDF, galaxies: Sequence[Galaxy], *, n: int, seed: int | np.random.Generator
) -> ScalingRelations:
    """Scaling relations of galaxies, and of the stars that a model draws at their contexts.

    The rotation velocity is the mass-weighted mean v_phi of the stars between 1 and 2 projected
    half-mass radii: for an exponential disc these are 1.7 to 3.4 scale lengths, around the peak
    of its rotation curve at 2.2. The mean over a third of the mass needs few stars, where
    a maximum over rings grows with the noise. It is the rotation of the stars, slower than the
    circular velocity by the asymmetric drift.

    Parameters
    ----------
    edf
        The model.
    galaxies
        Galaxies with a context, whose ``log10_mstar`` is the mass of the relations.
    n
        Stars to draw for each galaxy.
    seed
        Of the draws; that of a galaxy depends on its name, not on its place in the list.

    Returns
    -------
    ScalingRelations

    Raises
    ------
    ValueError
        If there is no galaxy, `n` is below one, a galaxy lacks a context, or stars lack
        ``metallicity``.
    """
    galaxies = list(galaxies)
    if not galaxies:
        raise ValueError("expected at least one galaxy to measure relations of")
    if bare := [g.name for g in galaxies if "log10_mstar" not in g.context]:
        raise ValueError(f"galaxies {bare} have no context log10_mstar")
    number = int(np.random.default_rng(seed).integers(2**63))
    data, model = [], []
    for galaxy in galaxies:
        own_seed = np.random.default_rng([number, zlib.crc32(galaxy.name.encode())])
        data.append(_properties(galaxy.stars))
        # Frozen, because `EDF.sample` would warn of the first galaxy that is extrapolated.
        drawn = edf.freeze(galaxy.context, n=n, seed=own_seed)
        model.append(_properties(drawn.stars()))
    mass = np.array([galaxy.context["log10_mstar"] for galaxy in galaxies])
    relations = {
        name: Relation(spec, mass, *(_log10([row[name] for row in rows]) for rows in (data, model)))
        for name, spec in QUANTITIES.items()
    }
    return ScalingRelations(tuple(g.name for g in galaxies), relations, n)


def _properties(stars: Stars) -> dict[str, float]:
    radius = half_mass_radius(stars, projected=True)
    ring = radial_profiles(stars, ["v_phi"], [radius, 2 * radius])["v_phi"]
    metallicity, mass = finite_columns(stars, ("metallicity", "mass"))
    return {
        "size_mass": half_mass_radius(stars),
        "tully_fisher": float(ring.values.filled(0.0)[0]),
        "mass_metallicity": float(np.average(metallicity.astype(np.float64), weights=mass)),
    }


def _log10(values: Sequence[float]) -> np.ma.MaskedArray:
    array = np.array(values)
    positive = array > 0
    return masked(np.log10(np.where(positive, array, 1.0)), positive)


def _line(log10_mstar: np.ndarray, values: np.ma.MaskedArray) -> Line | None:
    valid = ~np.ma.getmaskarray(values)
    x, y = log10_mstar[valid] - PIVOT, values.data[valid]
    if len(x) < 2 or np.ptp(x) == 0:
        return None
    slope, intercept = np.polyfit(x, y, 1)
    residual = y - intercept - slope * x
    error = None
    if len(x) > 2:
        error = float(np.sqrt((residual**2).sum() / (len(x) - 2) / ((x - x.mean()) ** 2).sum()))
    return Line(float(slope), error, float(intercept), float(np.sqrt((residual**2).mean())))
