"""Parameters of one mock galaxy: scaling relations plus intrinsic scatter.

Every scatter comes from a named latent, a standard normal deviate. The latents are drawn in a
fixed order and only then scaled, so that the same seed gives the same galaxy more or less far
from the median relations. Their widths are schematic where `relations` gives none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from galflowlab.mocks import relations

LATENTS = (
    "halo_mass",
    "concentration",
    "size",
    "gas",
    "bulge_fraction",
    "halo_fraction",
    "thick_fraction",
    "radial_dispersion",
    "flattening",
    "radial_heating",
    "vertical_heating",
    "thick_heating",
    "dispersion_length",
    "inside_out",
    "thick_size",
    "star_formation_time",
    "thick_age",
    "bulge_age",
    "halo_age",
    "metallicity",
    "gradient",
    "age_metallicity",
    "thick_metallicity",
    "bulge_metallicity",
    "halo_metallicity",
    "alpha",
    "bulge_size",
    "bulge_rotation",
    "halo_size",
    "halo_flattening",
    "halo_rotation",
)
"""Names of the standard normal deviates behind one galaxy, in the order they are drawn."""

CONTEXT_LATENTS = ("star_formation_time", "metallicity")
"""Those latents that move the ages and the metallicity of the whole galaxy."""


@dataclass(frozen=True)
class DiscParameters:
    """Structure and heating of the thin and the thick disc."""

    scale_length: float  # thin disc at an age of 5 Gyr, kpc
    inside_out: float  # d ln(scale length) / d(age / 10 Gyr), with the sign turned
    thick_length: float  # kpc
    dispersion_factor: float  # on the radial dispersion of the median galaxy
    vertical_ratio: float  # sigma_z / sigma_R
    radial_heating: float  # exponents of the age-velocity-dispersion relation
    vertical_heating: float
    thick_factor: float  # thick over thin disc, in dispersion at equal age
    dispersion_length: float  # exponential decline of the dispersions, kpc


@dataclass(frozen=True)
class SpheroidParameters:
    """Size and shape of bulge or stellar halo."""

    radius: float  # of the typical circular orbit, kpc
    inner: float  # exponents of the beta-prime law of the actions
    outer: float
    flattening: float  # weight of J_z + |L_z| against J_R
    rotation: float  # net share of prograde stars, from -1 to 1


@dataclass(frozen=True)
class ChemistryParameters:
    """Metallicities of the galaxy and its components (thin, thick, bulge, halo) [dex]."""

    mean_fe_h: float
    fe_h: tuple[float, float, float, float]
    o_fe: tuple[float, float, float, float]
    gradient: float  # of the thin disc, per scale length
    age_slope: float  # of the thin disc, per Gyr
    scatter: float  # of [Fe/H] in young thin-disc stars


@dataclass(frozen=True)
class Parameters:
    """Everything that defines a mock galaxy."""

    log10_mstar: float
    log10_mhalo: float  # M200, Msun
    concentration: float  # c200
    gas_fraction: float  # gas over stellar mass
    fractions: tuple[float, float, float, float]  # thin, thick, bulge, halo; sum to one
    half_mass_radius: float  # of the median relation plus scatter, kpc
    star_formation_time: float  # tau of the thin disc, Gyr
    mean_ages: tuple[float, float, float]  # thick, bulge, halo, Gyr
    disc: DiscParameters
    bulge: SpheroidParameters
    halo: SpheroidParameters
    chemistry: ChemistryParameters


def draw_latents(
    rng: np.random.Generator, scatter: float, context_scatter: float
) -> dict[str, float]:
    """Draw all latents and scale them: those of the context by `context_scatter`."""
    normal = rng.standard_normal(len(LATENTS))
    scale = dict.fromkeys(CONTEXT_LATENTS, context_scatter)
    return {
        name: float(x) * scale.get(name, scatter) for name, x in zip(LATENTS, normal, strict=True)
    }


def from_latents(log10_mstar: float, latents: Mapping[str, float]) -> Parameters:
    """Apply scaling relations and latents to a stellar mass [log10 Msun]."""
    lm, z = log10_mstar, latents
    halo = relations.halo_mass(lm) + (0.12 + 0.05 * max(0.0, 9 - lm)) * z["halo_mass"]
    halo = min(halo, 13.0)
    concentration = 10 ** (relations.halo_concentration(halo) + 0.11 * z["concentration"])
    median, width = relations.half_mass_radius(lm)
    half = median * float(np.exp(width * np.clip(z["size"], -2, 2)))
    gas = min(relations.gas_fraction(lm) * 10 ** (0.25 * z["gas"]), 20.0)
    tau_median = relations.star_formation_time(lm)
    tau = float(np.clip(tau_median * np.exp(0.5 * z["star_formation_time"]), 0.7, 80))
    ages = (
        _clip(8 + 0.6 * np.clip(lm - 9, -1, 2) + 0.9 * z["thick_age"], 5, 11.3),
        _clip(8.8 + 0.4 * np.clip(lm - 10, -1, 1) + z["bulge_age"], 5.5, 11.3),
        _clip(11 + 0.6 * z["halo_age"], 8, 12.3),
    )
    return Parameters(
        log10_mstar=lm,
        log10_mhalo=halo,
        concentration=concentration,
        gas_fraction=gas,
        fractions=_fractions(lm, z),
        half_mass_radius=half,
        star_formation_time=tau,
        mean_ages=ages,
        disc=_disc(lm, half / 1.678, z),  # half-mass radius of an exponential disc
        bulge=SpheroidParameters(
            radius=0.22 * half * float(np.exp(0.2 * z["bulge_size"])),
            inner=2.4,
            outer=3.6,
            flattening=0.68,
            rotation=_clip(0.5 + 0.15 * z["bulge_rotation"], 0, 0.9),
        ),
        halo=SpheroidParameters(
            radius=1.8 * half * float(np.exp(0.25 * z["halo_size"])),
            inner=3.0,
            outer=3.2,
            flattening=_clip(0.95 + 0.1 * z["halo_flattening"], 0.7, 1.2),
            rotation=_clip(0.1 + 0.25 * z["halo_rotation"], -0.6, 0.7),
        ),
        chemistry=_chemistry(lm, z),
    )


def _clip(value: float, low: float, high: float) -> float:
    return float(np.clip(value, low, high))


def _fractions(lm: float, z: Mapping[str, float]) -> tuple[float, float, float, float]:
    bulge = 0.35 * float(expit((lm - 10.3) * 2.2 + 0.8 * z["bulge_fraction"]))
    log_halo = relations.halo_fraction_log10(lm) + 0.35 * z["halo_fraction"]
    # the halo of dwarfs also stands for their missing dwarf-spheroidal body; smooth in mass
    dwarf = 0.05 * float(expit((8.5 - lm) * 8))
    halo = _clip(_clip(10**log_halo, 0.003, 0.3) + dwarf, 0, 0.3)
    thick = _clip(relations.thick_fraction(lm) * np.exp(0.3 * z["thick_fraction"]), 0.05, 0.6)
    disc = 1 - bulge - halo
    return disc * (1 - thick), disc * thick, bulge, halo


def _disc(lm: float, length: float, z: Mapping[str, float]) -> DiscParameters:
    ratio = 0.58 + 0.12 / (1 + 10 ** (lm - 9))
    return DiscParameters(
        scale_length=length,
        inside_out=_clip(0.35 + 0.15 * z["inside_out"], 0, 0.8),
        thick_length=length * float(np.exp(-0.15 + 0.15 * z["thick_size"])),
        dispersion_factor=float(np.exp(0.12 * z["radial_dispersion"])),
        vertical_ratio=_clip(ratio + 0.04 * z["flattening"], 0.4, 0.85),
        # exponents around those of Sharma et al. (2021) and Yu & Liu (2018)
        radial_heating=_clip(0.30 + 0.05 * z["radial_heating"], 0.15, 0.45),
        vertical_heating=_clip(0.42 + 0.05 * z["vertical_heating"], 0.2, 0.6),
        thick_factor=1.6 * float(np.exp(0.1 * z["thick_heating"])),
        dispersion_length=3 * length * float(np.exp(0.15 * z["dispersion_length"])),
    )


def _chemistry(lm: float, z: Mapping[str, float]) -> ChemistryParameters:
    width = 0.17 - 0.07 * float(expit((lm - 9) * 2))  # 0.17 dex: Kirby et al. (2013)
    mean = relations.mean_metallicity(lm) + width * z["metallicity"]
    alpha = 0.02 * z["alpha"]
    return ChemistryParameters(
        mean_fe_h=mean,
        fe_h=(
            mean + 0.08,
            mean - 0.45 + 0.05 * z["thick_metallicity"],
            mean + 0.05 + 0.08 * z["bulge_metallicity"],
            min(mean - 0.45, -1.45 + 0.35 * (lm - 10)) + 0.15 * z["halo_metallicity"],
        ),
        o_fe=(0.04 + alpha, 0.27 + alpha, 0.16 + alpha, 0.33 + alpha),
        gradient=-0.04 - 0.10 * float(expit((lm - 9) * 1.5)) + 0.03 * z["gradient"],
        age_slope=-0.03 + 0.008 * z["age_metallicity"],
        scatter=0.12 + 0.12 * float(expit((8.3 - lm) * 2)),
    )
