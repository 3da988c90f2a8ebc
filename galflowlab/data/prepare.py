"""Preparation: from a simulated galaxy as it is to one that an eDF can be learned from.

Every step takes a galaxy and returns a new one; every cut is recorded in the provenance with
the number of star particles it kept and dropped.
"""

from __future__ import annotations

import numpy as np

from galflowlab.data.frame import align, centre, half_mass_radius, radii, turn_about_z
from galflowlab.galaxy import Cut, Galaxy
from galflowlab.schema import AGE_MAX, column_values

METALLICITY_MIN = 1e-6
"""Below, a metallicity is the numerical residue of a star without metals."""

FE_H_MIN, O_FE_MIN = -8.0, -1.0
"""dex; the limits of Wolf & Buck (2023)."""

_GALACTICFLOW_PERCENTILE = 95.0
_GALACTICFLOW_R_MAX = 27.7  # kpc
_GALACTICFLOW_METALS = 10  # star particles dropped at the high end of metallicity


def prepare(
    galaxy: Galaxy,
    *,
    half_mass_radii: float = 10.0,
    age_max: float = AGE_MAX,
    metallicity_min: float = METALLICITY_MIN,
    fe_h_min: float = FE_H_MIN,
    o_fe_min: float = O_FE_MIN,
    min_stars: int = 500,
) -> Galaxy:
    """Clean a galaxy, centre it and turn its spin to +z.

    Parameters
    ----------
    galaxy
        In any frame.
    half_mass_radii
        Star particles beyond this many half-mass radii are dropped; satellites within stay.
    age_max
        Gyr; ages outside [0, `age_max`] are dropped.
    metallicity_min, fe_h_min, o_fe_min
        Mass fraction and dex; lower or undefined values are dropped, where the galaxy has
        the column.
    min_stars
        Fewest star particles that may be left.

    Returns
    -------
    Galaxy
        Rotated about z arbitrarily; the context is measured anew. Preparing it again
        changes nothing but rounding.

    Raises
    ------
    ValueError
        If too few star particles are left or they have no angular momentum.

    Examples
    --------
    >>> import galflowlab
    >>> from galflowlab import mocks
    >>> galaxy = galflowlab.prepare(mocks.make_galaxy(10.0, seed=1, n=1000))
    >>> galaxy.provenance.cuts[-1].name
    'radius <= 10 half-mass radii'
    """
    galaxy = cut_ages(galaxy, age_max)
    galaxy = cut_metallicity(galaxy, metallicity_min)
    galaxy = cut_abundances(galaxy, fe_h_min, o_fe_min)
    galaxy = centre_and_cut(galaxy, half_mass_radii)
    return align(require_stars(galaxy, min_stars))


def galacticflow(galaxy: Galaxy) -> Galaxy:
    """Clean a galaxy as GalacticFlow does (Wolf & Buck 2023, as in its public code).

    Stars stay within the 95th percentile of radius; if that is beyond 27.7 kpc, within
    27.7 kpc and the 95th percentile of what is inside. The ten highest metallicities,
    [Fe/H] < -8 and [O/Fe] < -1 (or undefined) are dropped, at least 500 stars demanded, and
    the major axis of the densest tenth of the face-on image turned to x. All limits are taken
    from the whole galaxy, as published, so a second pass cuts again. The galaxy must be
    centred and aligned, which the NIHAO files are.
    """
    radius = radii(galaxy)
    limit = float(np.percentile(radius, _GALACTICFLOW_PERCENTILE))
    if limit > _GALACTICFLOW_R_MAX:
        inside = radius[radius <= _GALACTICFLOW_R_MAX]
        if not inside.size:
            raise ValueError(f"galaxy {galaxy.name!r}: no stars within 27.7 kpc; centre it first")
        limit = float(np.percentile(inside, _GALACTICFLOW_PERCENTILE))
    metal_poor = np.ones(len(galaxy), dtype=bool)
    order = np.argsort(_column(galaxy, "metallicity"), kind="stable")
    metal_poor[order[-_GALACTICFLOW_METALS:]] = False
    galaxy = _keep(
        galaxy,
        (f"radius <= {limit:.4g} kpc", radius <= limit),
        (f"not the {_GALACTICFLOW_METALS} highest metallicities", metal_poor),
    )
    galaxy = require_stars(cut_abundances(galaxy), 500)
    return turn_about_z(galaxy, -_major_axis(galaxy))


def centre_and_cut(galaxy: Galaxy, half_mass_radii: float) -> Galaxy:
    """Centre and drop far stars in turns, until neither changes anything."""
    if not half_mass_radii > 1:
        raise ValueError(f"half_mass_radii should be above 1, got {half_mass_radii}")
    before = len(galaxy)
    while True:
        galaxy = centre(galaxy)
        near = radii(galaxy) <= half_mass_radii * half_mass_radius(galaxy)
        if near.all():
            break
        galaxy = galaxy.with_stars(galaxy.stars[near])
    name = f"radius <= {half_mass_radii:g} half-mass radii"
    return galaxy.with_stars(galaxy.stars, Cut(name, len(galaxy), before - len(galaxy)))


def cut_radius(galaxy: Galaxy, r_max: float) -> Galaxy:
    """Drop star particles beyond `r_max` kpc of the origin."""
    return _keep(galaxy, (f"radius <= {r_max:g} kpc", radii(galaxy) <= r_max))


def cut_ages(galaxy: Galaxy, age_max: float = AGE_MAX) -> Galaxy:
    """Drop star particles with ages outside [0, `age_max`] Gyr; 0 is a newborn star."""
    age = _column(galaxy, "age")
    return _keep(galaxy, (f"0 <= age <= {age_max:g} Gyr", (age >= 0) & (age <= age_max)))


def cut_metallicity(galaxy: Galaxy, metallicity_min: float = METALLICITY_MIN) -> Galaxy:
    """Drop star particles whose mass fraction of metals is not in [`metallicity_min`, 1]."""
    if "metallicity" not in galaxy.stars.colnames:
        return galaxy
    metallicity = _column(galaxy, "metallicity")
    good = (metallicity > 0) & (metallicity >= metallicity_min) & (metallicity <= 1)
    return _keep(galaxy, (f"metallicity >= {metallicity_min:g}", good))


def cut_abundances(
    galaxy: Galaxy, fe_h_min: float = FE_H_MIN, o_fe_min: float = O_FE_MIN
) -> Galaxy:
    """Drop star particles whose [Fe/H] or [O/Fe] is undefined or below a limit in dex."""
    for name, label, limit in (("fe_h", "[Fe/H]", fe_h_min), ("o_fe", "[O/Fe]", o_fe_min)):
        if name in galaxy.stars.colnames:
            values = _column(galaxy, name)
            good = np.isfinite(values) & (values >= limit)
            galaxy = _keep(galaxy, (f"{label} >= {limit:g}", good))
    return galaxy


def require_stars(galaxy: Galaxy, min_stars: int) -> Galaxy:
    """Return the galaxy, or raise ValueError if it has fewer star particles than that."""
    if len(galaxy) < min_stars:
        raise ValueError(
            f"galaxy {galaxy.name!r} has {len(galaxy)} star particles; expected at least "
            f"{min_stars} after {_dropped(galaxy)}"
        )
    return galaxy


def _column(galaxy: Galaxy, name: str) -> np.ndarray:
    return column_values(galaxy.stars, name).astype(np.float64)


def _dropped(galaxy: Galaxy) -> str:
    cuts = [f"{cut.name} (dropped {cut.dropped})" for cut in galaxy.provenance.cuts]
    return ", ".join(cuts) or "no cuts"


def _keep(galaxy: Galaxy, *steps: tuple[str, np.ndarray]) -> Galaxy:
    """Keep the stars that pass all steps; each step counts what the ones before left it."""
    kept, cuts = np.ones(len(galaxy), dtype=bool), []
    for name, good in steps:
        before = int(kept.sum())
        kept = kept & good
        cuts.append(Cut(name, int(kept.sum()), before - int(kept.sum())))
        if not kept.any():
            raise ValueError(f"galaxy {galaxy.name!r}: no star particles left with {name}")
    return galaxy.with_stars(galaxy.stars[kept], *cuts)


def _major_axis(galaxy: Galaxy) -> float:
    """Angle in radians of the major axis of the densest tenth of the face-on image."""
    image, *edges = np.histogram2d(_column(galaxy, "x"), _column(galaxy, "y"), bins=100)
    x, y = (0.5 * (edge[1:] + edge[:-1]) for edge in edges)
    # Empty pixels never count, even if they are more than nine tenths of a sparse image.
    row, column = np.nonzero((image >= np.quantile(image, 0.9)) & (image > 0))
    covariance = np.atleast_2d(np.cov(x[row], y[column])) if len(row) > 1 else np.eye(2)
    axis = np.linalg.eigh(covariance).eigenvectors[:, -1]
    return float(np.arctan2(axis[1], axis[0]) if axis[0] > 0 else np.arctan2(-axis[1], -axis[0]))
