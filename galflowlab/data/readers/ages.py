"""Formation scale factors to ages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from astropy.cosmology import LambdaCDM
from scipy.interpolate import CubicSpline

_NODES = 301  # a cubic spline is good to 1e-7 Gyr, to 2e-5 in an empty or closed Universe
_LATEST = 1.01  # times the scale factor of the snapshot
_ROUNDING = 1e-3  # Gyr by which single precision may put a birth after the snapshot


@dataclass(frozen=True)
class Cosmology:
    """Background cosmology of a simulation."""

    h: float
    omega_m: float
    omega_l: float
    origin: str  # where the numbers come from, for the provenance

    @property
    def likely(self) -> bool:
        """Whether h is not H0, and the densities make a Universe that began with a Big Bang."""
        return bool(0.1 < self.h < 2 and 0.01 < self.omega_m < 2 and 0 <= self.omega_l <= 1)

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

    Raises
    ------
    ValueError
        If a formation is not a scale factor in (0, `now`], but for 1 % of rounding.
    """
    born = np.asarray(formation, np.float64)
    strange = int(np.count_nonzero(~((born > 0) & (born <= _LATEST * now))))
    if strange:
        raise ValueError(
            f"column 'age' needs formation scale factors in (0, {now:.6g}], {strange} are not"
        )
    # Against a^(3/2), by which a young Universe grows, the time is almost a line.
    nodes = np.linspace(0.0, max(now, float(born.max(initial=0.0))) ** 1.5, _NODES)
    redshifts = nodes[1:] ** (-2 / 3) - 1.0
    times = np.concatenate([[0.0], _model(cosmology).age(redshifts).to_value("Gyr")])
    time = CubicSpline(nodes, times)
    result = time(now**1.5) - time(born**1.5)
    return np.where((result < 0) & (result > -_ROUNDING), 0.0, result)


def time_since_big_bang(now: float, cosmology: Cosmology) -> float:
    """Age of the Universe in Gyr at scale factor `now`."""
    return float(_model(cosmology).age(1.0 / now - 1.0).to_value("Gyr"))


def _model(cosmology: Cosmology) -> LambdaCDM:
    return LambdaCDM(
        H0=100.0 * cosmology.h, Om0=cosmology.omega_m, Ode0=cosmology.omega_l, Tcmb0=0.0
    )
