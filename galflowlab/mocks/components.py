"""Stellar components of a mock galaxy, each a normalised density that can be sampled exactly.

The density of a component factorises as

    p(age) p(J | age) p([Fe/H] | J, age) p([O/Fe] | [Fe/H], age),

with every factor normalised in closed form. Actions J are in kpc km/s, ages in Gyr.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from scipy import special

from galflowlab.mocks.staeckel import StaeckelPotential

_LOG_2PI = float(np.log(2 * np.pi))


def log_normal_pdf(x: np.ndarray, mean: np.ndarray, sd: np.ndarray | float) -> np.ndarray:
    """Natural log of the normal density."""
    return -0.5 * ((x - mean) / sd) ** 2 - np.log(sd) - 0.5 * _LOG_2PI


class Orbits(NamedTuple):
    """Actions and what the densities need of the guiding orbit, each of shape (star,)."""

    JR: np.ndarray
    Jz: np.ndarray
    Lz: np.ndarray
    radius: np.ndarray  # guiding radius, kpc
    kappa: np.ndarray  # km/s/kpc
    nu: np.ndarray  # km/s/kpc
    log_dR_dL: np.ndarray  # ln of d(guiding radius)/d|Lz|

    @classmethod
    def from_actions(cls, potential: StaeckelPotential, J: np.ndarray) -> Orbits:
        """Look up guiding orbits; `J` has shape (star, 3)."""
        circular = potential.epicycle(potential.guiding_radius(J[:, 2]))
        # L = Omega R² and dL/dR = kappa² R / (2 Omega)
        slope = np.log(2 * circular.omega) - 2 * np.log(circular.kappa) - np.log(circular.radius)
        JR, Jz, Lz = J.T
        return cls(JR, Jz, Lz, circular.radius, circular.kappa, circular.nu, slope)


class Ages(Protocol):
    """Age distribution of a component."""

    @property
    def oldest(self) -> float:
        """Upper end of the support [Gyr]."""
        ...

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw ages [Gyr]."""
        ...

    def log_prob(self, age: np.ndarray) -> np.ndarray:
        """Natural log density [1/Gyr]; -inf outside the support."""
        ...


@dataclass(frozen=True)
class DelayedExponential:
    """Star formation t exp(-t/tau) from `oldest` (an age) until today [Gyr]."""

    tau: float
    oldest: float = 13.0

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw ages by inverting the cumulative star-formation history."""
        total = special.gammainc(2, self.oldest / self.tau)
        return self.oldest - self.tau * special.gammaincinv(2, rng.random(n) * total)

    def log_prob(self, age: np.ndarray) -> np.ndarray:
        """Natural log density [1/Gyr]."""
        inside = (age >= 0) & (age < self.oldest)
        t = np.where(inside, self.oldest - age, 1.0)
        norm = 2 * np.log(self.tau) + np.log(special.gammainc(2, self.oldest / self.tau))
        return np.where(inside, np.log(t) - t / self.tau - norm, -np.inf)


@dataclass(frozen=True)
class BetaAges:
    """Single-peaked ages between 0 and `oldest` [Gyr] of given mean and standard deviation."""

    mean: float
    sd: float
    oldest: float = 13.6

    @property
    def shape(self) -> tuple[float, float]:
        """Exponents of the beta law."""
        m = self.mean / self.oldest
        k = m * (1 - m) / (self.sd / self.oldest) ** 2 - 1
        return m * k, (1 - m) * k

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw ages."""
        return self.oldest * rng.beta(*self.shape, n)

    def log_prob(self, age: np.ndarray) -> np.ndarray:
        """Natural log density [1/Gyr]."""
        inside = (age > 0) & (age < self.oldest)
        x = np.where(inside, age / self.oldest, 0.5)
        a, b = self.shape
        norm = special.betaln(a, b) + np.log(self.oldest)
        return np.where(inside, (a - 1) * np.log(x) + (b - 1) * np.log1p(-x) - norm, -np.inf)


@dataclass(frozen=True)
class Chemistry:
    """Normal [Fe/H] given guiding radius and age, normal [O/Fe] given [Fe/H] and age."""

    fe_h: float  # at 2 lengths and `pivot_age`
    gradient: float  # per length
    length: float  # kpc
    age_slope: float  # dex per Gyr
    pivot_age: float  # Gyr
    fe_h_scatter: float
    fe_h_scatter_slope: float  # dex per Gyr
    o_fe: float  # at `fe_h`
    o_fe_slope: float
    o_fe_age_slope: float  # dex per Gyr
    o_fe_scatter: float

    def _fe_h(self, radius: np.ndarray, age: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        lengths = np.minimum(radius / self.length, 6.0) - 2
        flattened = self.gradient * (1 - 0.6 * age / 14)  # old stars have mixed radially
        mean = self.fe_h + flattened * lengths + self.age_slope * (age - self.pivot_age)
        return mean, self.fe_h_scatter + self.fe_h_scatter_slope * age

    def _o_fe(self, fe_h: np.ndarray, age: np.ndarray) -> np.ndarray:
        knee = np.clip(fe_h - self.fe_h, -1.2, 1.2)
        return self.o_fe - self.o_fe_slope * knee + self.o_fe_age_slope * (age - self.pivot_age)

    def sample(
        self, radius: np.ndarray, age: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw [Fe/H] and [O/Fe] of stars with these guiding radii and ages."""
        mean, sd = self._fe_h(radius, age)
        fe_h = mean + sd * rng.standard_normal(len(age))
        o_fe = self._o_fe(fe_h, age) + self.o_fe_scatter * rng.standard_normal(len(age))
        return fe_h, o_fe

    def log_prob(
        self, fe_h: np.ndarray, o_fe: np.ndarray, radius: np.ndarray, age: np.ndarray
    ) -> np.ndarray:
        """Natural log density [1/dex²]."""
        iron = log_normal_pdf(fe_h, *self._fe_h(radius, age))
        return iron + log_normal_pdf(o_fe, self._o_fe(fe_h, age), self.o_fe_scatter)


class ActionLaw(Protocol):
    """Distribution of actions at given age."""

    @property
    def uses_age(self) -> bool:
        """Whether the actions depend on age."""
        ...

    def sample(self, age: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw actions, shape (star, 3)."""
        ...

    def log_prob(self, orbits: Orbits, age: np.ndarray) -> np.ndarray:
        """Natural log density per d³J [1/(kpc km/s)³]."""
        ...


@dataclass(frozen=True)
class Component:
    """A population of stars: its share of the galaxy and the factors of its density."""

    name: str
    fraction: float
    ages: Ages
    actions: ActionLaw
    chemistry: Chemistry
