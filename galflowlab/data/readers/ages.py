"""Formation scale factors to ages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from astropy.cosmology import LambdaCDM

_NODES = 20_001  # linear interpolation between them is good to 1e-7 Gyr for a > 0.01
_ROUNDING = 1e-3  # Gyr by which single precision may put a birth after the snapshot


@dataclass(frozen=True)
class Cosmology:
    """Background cosmology of a simulation."""

    h: float
    omega_m: float
    omega_l: float
    origin: str  # where the numbers come from, for the provenance

    def __str__(self) -> str:
        numbers = f"h={self.h:.6g}, Omega_m={self.omega_m:.6g}, Omega_Lambda={self.omega_l:.6g}"
        return f"{numbers} ({self.origin})"


DEFAULTS = {
    "colibre": Cosmology(
        0.681,
        0.3046,
        0.6954,
        "not in the file: DES Y3 values of COLIBRE, Omega_m without neutrinos",
    ),
    "illustris": Cosmology(
        0.704, 0.2726, 0.7274, "not in the file: Illustris, WMAP9, Vogelsberger et al. 2014"
    ),
}
"""By the start of the run's name in lower case, for files whose header lacks densities."""


def ages(formation: np.ndarray, now: float, cosmology: Cosmology) -> np.ndarray:
    """Ages in Gyr at scale factor `now` of stars born at scale factors `formation`.

    Births less than 1 Myr after `now`, which rounding makes, get age 0.
    """
    model = LambdaCDM(
        H0=100.0 * cosmology.h, Om0=cosmology.omega_m, Ode0=cosmology.omega_l, Tcmb0=0.0
    )
    born = np.asarray(formation, np.float64)
    nodes = np.linspace(0.0, max(now, float(born.max(initial=0.0))), _NODES)
    times = np.concatenate([[0.0], model.age(1.0 / nodes[1:] - 1.0).to_value("Gyr")])
    result = np.interp(now, nodes, times) - np.interp(born, nodes, times)
    return np.where((result < 0) & (result > -_ROUNDING), 0.0, result)
