"""Forces from a density: what field keeps the stars of an eDF where they are.

In equilibrium the collisionless Boltzmann equation

    v · ∂ ln f/∂x + a · ∂ ln f/∂v = 0

holds for every velocity, and for stars of every age and abundance, with one acceleration a(x).
A differentiable eDF gives both gradients, and the acceleration follows by least squares over
velocities (Green & Ting 2020, arXiv:2011.04673; An et al. 2021, arXiv:2106.05981; Buckley et
al. 2023, arXiv:2205.01129). It is the field of all matter, seen or not.

Positions are in kpc, velocities in km/s, accelerations in (km/s)²/kpc, potentials in (km/s)²,
masses in Msun.
"""

from galflowlab.dynamics.boltzmann import Acceleration, acceleration
from galflowlab.dynamics.curves import (
    Curve,
    circular_velocity,
    enclosed_mass,
    vertical_force,
)
from galflowlab.dynamics.equilibrium import (
    ResidualMap,
    rates,
    residual_map,
    virial_ratio,
)
from galflowlab.dynamics.field import Field
from galflowlab.dynamics.mass_model import MassModel, fit_mass_model, mass_within

__all__ = [
    "Acceleration",
    "Curve",
    "Field",
    "MassModel",
    "ResidualMap",
    "acceleration",
    "circular_velocity",
    "enclosed_mass",
    "fit_mass_model",
    "mass_within",
    "rates",
    "residual_map",
    "vertical_force",
    "virial_ratio",
]
