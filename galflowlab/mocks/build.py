"""From the parameters of a mock galaxy to its potential and its stellar components."""

from __future__ import annotations

import numpy as np

from galflowlab.constants import G
from galflowlab.mocks import relations
from galflowlab.mocks.components import (
    ActionLaw,
    Ages,
    BetaAges,
    Chemistry,
    Component,
    DelayedExponential,
)
from galflowlab.mocks.laws import DiscLaw, Dispersion, SpheroidLaw
from galflowlab.mocks.parameters import Parameters, SpheroidParameters
from galflowlab.mocks.staeckel import StaeckelPotential

_OLD = 9.0  # age [Gyr] at which the thick disc was heated, for all its stars


def build_potential(parameters: Parameters) -> StaeckelPotential:
    """Kuzmin-Kutuzov disc of stars and gas plus the dark halo fitted to an NFW rotation curve."""
    lm, length = parameters.log10_mstar, parameters.disc.scale_length
    focus = length * (1 + 0.4 / (1 + 10 ** ((lm - 10) * 1.5)))
    flattening = 0.08 + 0.30 / (1 + 10 ** (lm - 9))  # dwarfs have thicker discs
    baryons = 10**lm * (1 + parameters.gas_fraction)
    halo_gm, halo_c = _fit_halo(parameters, focus)
    return StaeckelPotential((G * baryons, halo_gm), (flattening * focus, halo_c), focus)


def _fit_halo(parameters: Parameters, focus: float) -> tuple[float, float]:
    """G M and c of the confocal spheroid closest in ln v_c to the halo over the stellar disc."""
    R = parameters.disc.scale_length * np.geomspace(0.5, 12, 30)
    dark = 0.9  # share of the halo mass that is not baryons, about 1 - Omega_b/Omega_m
    target = dark * relations.nfw_velocity2(R, parameters.log10_mhalo, parameters.concentration)
    c = focus * np.geomspace(1, 40, 60)[:, None]
    b = np.sqrt(R**2 + focus**2 + c**2)
    log_ratio = np.log(target * (b + c) ** 2 * b / R**2)  # ln GM that each radius asks for
    best = int(np.argmin(log_ratio.std(axis=1)))
    return float(np.exp(log_ratio[best].mean())), float(c[best, 0])


def build_components(p: Parameters, potential: StaeckelPotential) -> tuple[Component, ...]:
    """Thin disc, thick disc, bulge and stellar halo."""
    ages: tuple[Ages, ...] = (
        DelayedExponential(p.star_formation_time),
        *(BetaAges(mean, sd) for mean, sd in zip(p.mean_ages, (1.8, 1.8, 1.0), strict=True)),
    )
    laws: tuple[ActionLaw, ...] = (
        _disc_law(p, potential, thick=False),
        _disc_law(p, potential, thick=True),
        _spheroid_law(p.bulge, potential),
        _spheroid_law(p.halo, potential),
    )
    names = ("thin disc", "thick disc", "bulge", "halo")
    return tuple(
        Component(name, fraction, age, law, chemistry)
        for name, fraction, age, law, chemistry in zip(
            names, p.fractions, ages, laws, _chemistries(p), strict=True
        )
    )


def _disc_law(p: Parameters, potential: StaeckelPotential, *, thick: bool) -> DiscLaw:
    disc = p.disc
    length = disc.scale_length
    speed = float(potential.circular_velocity(np.asarray(2.2 * length)))
    radial = (0.17 * speed + 5) * disc.dispersion_factor
    heating = disc.radial_heating, disc.vertical_heating
    factor_R = factor_z = 1.0
    if thick:  # one dispersion for all ages: that of the thin disc when old, scaled up
        old = (_OLD + 0.2) / 10
        factor_R, factor_z = (disc.thick_factor * old**power for power in heating)
        heating = 0.0, 0.0
    floor = 4 + 0.012 * speed
    shared = {"pivot": 2.2 * length, "limit": 8 * length}
    return DiscLaw(
        potential,
        length=disc.thick_length if thick else length,
        inside_out=0.0 if thick else disc.inside_out,
        radial=Dispersion(
            radial * factor_R, heating[0], disc.dispersion_length, floor=floor, **shared
        ),
        vertical=Dispersion(
            radial * disc.vertical_ratio * factor_z,
            heating[1],
            disc.dispersion_length / 0.9,
            floor=0.7 * floor,
            **shared,
        ),
        turnover=(1.5 * disc.thick_factor if thick else 0.9) * length * radial,
    )


def _spheroid_law(spheroid: SpheroidParameters, potential: StaeckelPotential) -> SpheroidLaw:
    speed = float(potential.circular_velocity(np.asarray(spheroid.radius)))
    return SpheroidLaw.with_median(
        spheroid.radius * speed,
        spheroid.inner,
        spheroid.outer,
        spheroid.flattening,
        spheroid.rotation,
    )


def _chemistries(p: Parameters) -> tuple[Chemistry, ...]:
    c, length = p.chemistry, p.disc.scale_length
    # per component: age slope, pivot age, extra scatter, slope and scatter of [O/Fe]
    table = (
        (c.age_slope, 5.0, 0.0, 0.14, 0.035),
        (-0.05, 9.0, 0.10, 0.12, 0.035),
        (-0.04, 9.0, 0.12, 0.18, 0.05),
        (-0.08, 11.0, 0.20, 0.05, 0.06),
    )
    return tuple(
        Chemistry(
            fe_h=c.fe_h[k],
            gradient=c.gradient if k == 0 else 0.0,
            length=length,
            age_slope=age_slope,
            pivot_age=pivot,
            fe_h_scatter=c.scatter + extra,
            fe_h_scatter_slope=0.004 if k == 0 else 0.0,
            o_fe=c.o_fe[k],
            o_fe_slope=slope,
            o_fe_age_slope=0.008 if k == 0 else 0.0,
            o_fe_scatter=scatter,
        )
        for k, (age_slope, pivot, extra, slope, scatter) in enumerate(table)
    )
