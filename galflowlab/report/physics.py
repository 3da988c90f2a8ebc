"""The field that the density of a model asks for, and how stars move in it, for one galaxy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from galflowlab import dynamics, profiles
from galflowlab.dynamics import Curve, Field, MassModel, ResidualMap
from galflowlab.dynamics.regression import spread
from galflowlab.edf import EDF
from galflowlab.galaxy import Galaxy
from galflowlab.mocks import MockEDF
from galflowlab.mocks.staeckel import StaeckelPotential
from galflowlab.profiles import Profile
from galflowlab.schema import PHASE_SPACE, Stars, column_values, finite_columns

REACH = (0.5, 3.0)
"""Least and largest radius, in half-mass radii of the stars that the model draws."""

MOST_IMBALANCE, MOST_VIRIAL = 0.3, 0.1
"""A density that its own field leaves farther from equilibrium is not weighed by that field."""

_RADII = 8
_DRAWN, _MAPPED, _RATED = 50_000, 20_000, 10_000  # stars of the model
_MOST_DATA = 100_000  # as many of a larger galaxy, drawn at random
_GROUPS = 10  # whose scatter is the error of the virial ratio
_BINS = 24


@dataclass(frozen=True, eq=False)
class Physics:
    """What a galaxy weighs by its stars, and whether they are in equilibrium.

    Parameters
    ----------
    boltzmann
        Circular velocity [km/s] by the Boltzmann equation of the model.
    jeans
        The same by the Jeans equation, of the stars of the ``data`` and of the ``model``.
    mass_model
        Mass whose field balances the model best.
    potential
        The field that the stars truly move in, if it is known.
    residual
        Imbalance of the model in the field of the mass model, seen face-on.
    stars
        Phase space and ``mass`` of the stars of the ``data`` and of the ``model``.
    entry
        All numbers as plain data, see `measure`.
    """

    boltzmann: Curve
    jeans: Mapping[str, Profile]
    mass_model: MassModel
    potential: StaeckelPotential | None
    residual: ResidualMap
    stars: Mapping[str, dict[str, np.ndarray]]
    entry: dict[str, Any]


def measure(
    edf: EDF, context: Mapping[str, float], galaxy: Galaxy, *, seed: int | np.random.Generator
) -> Physics:
    """Weigh a galaxy by the density of the model, and compare with its stars.

    Parameters
    ----------
    edf, context
        The model, and the galaxy-level parameters of the galaxy.
    galaxy
        With the phase space and ``mass``. The field that a mock was made in is the truth.
    seed
        Of trial stars and resamples.

    Returns
    -------
    Physics
        Its ``entry`` holds ``half_mass_radius`` of the stars that the model draws [kpc]; eight
        ``radii`` within `REACH` of it [kpc]; ``circular_velocity`` [km/s], ``values`` and
        ``errors`` of each way, and of the ``true`` one if known; the ``deviation`` of the
        Boltzmann one from it: ``largest`` share, at which ``radius``, ``rms``, and the ``count``
        of radii that it is known at;
        ``jeans_residual``, the share by which that of the Jeans equation from stars of the
        ``data`` and of the ``model`` differs: ``rms``, and the ``noise`` expected; ``in_field``
        of the ``mass_model`` and, if known, the ``true`` one: ``imbalance`` of the model, robust
        |D ln f/Dt| over that of streaming, and ``virial_ratio``, 2T/|W| of ``data`` and
        ``model`` as ``value`` and ``error``; ``mass`` [Msun] within the largest radius; and
        ``sound``: whether the model is near enough to equilibrium for all this to mean
        something. None is what is not known.

    Raises
    ------
    ValueError
        Where the model has no finite gradient.
    """
    rngs = np.random.default_rng(seed).spawn(6)
    drawn = edf.freeze(context, n=_DRAWN, seed=rngs[0]).stars()
    stars = {"data": _thinned(galaxy.stars, rngs[1]), "model": _thinned(drawn, rngs[1])}
    size = profiles.half_mass_radius(drawn)
    radii = size * np.geomspace(*REACH, _RADII)
    boltzmann = dynamics.circular_velocity(edf, context, radii, seed=rngs[2])
    mass_model = dynamics.fit_mass_model(edf, context, seed=rngs[3])
    potential = galaxy.truth.potential if isinstance(galaxy.truth, MockEDF) else None
    jeans = {
        name: profiles.circular_velocity(some, radii, seed=rngs[4]) for name, some in stars.items()
    }
    settings: Any = {"half_width": REACH[1] * size, "bins": _BINS, "n": _MAPPED}
    residual = dynamics.residual_map(edf, context, mass_model, seed=rngs[5], **settings)
    few = {name: column_values(drawn, name)[:_RATED] for name in edf.columns}
    in_fields = {
        name: None if field is None else _in_field(edf, context, few, stars, field)
        for name, field in (("mass_model", mass_model), ("true", potential))
    }
    entry = {
        "half_mass_radius": size,
        "radii": radii.tolist(),
        **_speeds(boltzmann, jeans, potential),
        "in_field": in_fields,
        "mass": _masses(mass_model, stars, float(radii[-1])),
        "sound": _sound(in_fields["mass_model"]),
    }
    return Physics(boltzmann, jeans, mass_model, potential, residual, stars, entry)


def _thinned(stars: Stars, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Phase space and mass in random order, of at most `_MOST_DATA` stars that weigh as all."""
    names = (*PHASE_SPACE, "mass")
    values = dict(zip(names, finite_columns(stars, names), strict=True))
    count = len(values["mass"])
    chosen = rng.permutation(count)[:_MOST_DATA]
    values = {name: column[chosen].astype(float) for name, column in values.items()}
    values["mass"] *= count / len(chosen)
    return values


def _speeds(
    found: Curve, jeans: Mapping[str, Profile], potential: StaeckelPotential | None
) -> dict[str, Any]:
    """Circular velocity by each way, and how far apart they are."""
    speeds: dict[str, Any] = {
        "boltzmann": _listed(found.values, found.errors),
        **{f"jeans_{name}": _listed(p.values, p.errors) for name, p in jeans.items()},
    }
    deviation = None
    if potential is not None:
        true = potential.circular_velocity(found.at)
        speeds["true"] = {"values": true.tolist(), "errors": None}
        deviation = _deviation(np.abs(found.values / true - 1), found.at)
    return {
        "circular_velocity": speeds,
        "deviation": deviation,
        "jeans_residual": {name: _apart(profile, found) for name, profile in jeans.items()},
    }


def _deviation(share: np.ma.MaskedArray, radii: np.ndarray) -> dict[str, float] | None:
    """Largest and rms of shares; None where all are masked."""
    if not share.count():
        return None
    worst = int(share.argmax())
    return {
        "largest": float(share[worst]),
        "radius": float(radii[worst]),
        "rms": float(np.sqrt(np.mean(share**2))),
        "count": int(share.count()),
    }


def _listed(values: np.ndarray, errors: np.ndarray) -> dict[str, Any]:
    return {"values": values.tolist(), "errors": errors.tolist()}


def _apart(profile: Profile, found: Curve) -> dict[str, float] | None:
    share = np.ma.MaskedArray(found.values / profile.values - 1)
    if not share.count():
        return None
    noise = np.ma.MaskedArray(profile.errors / profile.values, mask=np.ma.getmaskarray(share))
    return {name: float(np.sqrt(np.mean(v**2))) for name, v in (("rms", share), ("noise", noise))}


def _in_field(
    edf: EDF,
    context: Mapping[str, float],
    few: Stars,
    stars: Mapping[str, Stars],
    field: Field,
) -> dict[str, Any]:
    rate, flow = dynamics.rates(edf, context, few, field)
    return {
        "imbalance": float(spread(rate) / spread(flow)),
        "virial_ratio": {name: _virial_ratio(some, field) for name, some in stars.items()},
    }


def _virial_ratio(stars: Mapping[str, np.ndarray], field: Field) -> dict[str, float] | None:
    """Ratio and its error, from the scatter of tenths of the stars; None for stars at one point."""
    try:
        value = dynamics.virial_ratio(stars, field)
        parts = [
            dynamics.virial_ratio({name: v[k::_GROUPS] for name, v in stars.items()}, field)
            for k in range(_GROUPS)
        ]
    except ValueError:
        return None
    return {"value": value, "error": float(np.std(parts, ddof=1) / np.sqrt(_GROUPS))}


def _masses(mass_model: MassModel, stars: Mapping[str, Stars], radius: float) -> dict[str, float]:
    total, error = mass_model.enclosed_mass([radius])
    within = {name: stellar_mass(some, np.array([radius]))[0] for name, some in stars.items()}
    return {
        "radius": radius,
        "total": float(total[0]),
        "total_error": float(error[0]),
        **{f"stars_{name}": float(value) for name, value in within.items()},
    }


def stellar_mass(stars: Stars, radii: np.ndarray) -> np.ndarray:
    """Mass of stars [Msun] within spheres of given radii [kpc], shape (radius,)."""
    x, y, z, mass = (column_values(stars, name) for name in ("x", "y", "z", "mass"))
    r = np.sqrt(x**2 + y**2 + z**2)
    order = np.argsort(r)
    total = np.concatenate([[0.0], np.cumsum(mass[order], dtype=float)])
    return total[np.searchsorted(r[order], radii, side="right")]


def _sound(found: Mapping[str, Any] | None) -> bool:
    model = None if found is None else found["virial_ratio"]["model"]
    if found is None or model is None:
        return False
    return found["imbalance"] < MOST_IMBALANCE and abs(model["value"] - 1) < MOST_VIRIAL
