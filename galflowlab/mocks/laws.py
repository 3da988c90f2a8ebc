"""Action distributions: a quasi-isothermal-like disc and a double power-law spheroid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from galflowlab.mocks.components import Orbits
from galflowlab.mocks.staeckel import StaeckelPotential

_TINY = 1e-300


@dataclass(frozen=True)
class Dispersion:
    """Velocity dispersion that declines with guiding radius and grows with age.

    ``sigma² = [amplitude ((age + 0.2)/10)^heating exp(-(R - pivot)/length)]² + floor²``; the
    exponential stops at `limit`, so that the outermost discs keep a finite dispersion.
    """

    amplitude: float  # km/s at 10 Gyr and the pivot
    heating: float
    length: float  # kpc
    pivot: float  # kpc
    limit: float  # kpc
    floor: float  # km/s

    def squared(self, radius: np.ndarray, age: np.ndarray) -> np.ndarray:
        """sigma² [(km/s)²] at guiding radius [kpc] and age [Gyr]."""
        decline = np.exp(-(np.minimum(radius, self.limit) - self.pivot) / self.length)
        # outside the support of the ages any finite value does: the density is zero there
        warm = ((np.clip(age, 0, 20) + 0.2) / 10) ** self.heating
        return (self.amplitude * warm * decline) ** 2 + self.floor**2


@dataclass(frozen=True)
class DiscLaw:
    """Exponential disc of guiding radii, exponential in J_R and J_z.

    Guiding radii follow ``R exp(-R/Rd)``, J_R and J_z exponentials of mean sigma_R²/kappa and
    sigma_z²/nu (after the quasi-isothermal of Binney 2010, MNRAS 401, 2318, but with each
    factor normalised on its own); a smooth function of L_z decides the sense of rotation.
    """

    potential: StaeckelPotential
    length: float  # kpc, at 5 Gyr
    inside_out: float  # younger stars extend farther
    radial: Dispersion
    vertical: Dispersion
    turnover: float  # L_z below which rotation fades, kpc km/s

    @property
    def uses_age(self) -> bool:
        """Whether the actions depend on age."""
        return bool(self.inside_out or self.radial.heating or self.vertical.heating)

    def _length(self, age: np.ndarray) -> np.ndarray:
        return self.length * np.exp(-self.inside_out * (np.clip(age, 0, 20) - 5) / 10)

    def sample(self, age: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw actions, shape (star, 3)."""
        n = len(age)
        radius = np.maximum(self._length(age) * rng.gamma(2, 1, n), 1e-6 * self.length)
        circular = self.potential.epicycle(radius)
        L = circular.omega * radius**2
        prograde = rng.random(n) < special.expit(2 * L / self.turnover)
        JR = rng.exponential(self.radial.squared(radius, age) / circular.kappa)
        Jz = rng.exponential(self.vertical.squared(radius, age) / circular.nu)
        return np.column_stack([JR, Jz, np.where(prograde, L, -L)])

    def log_prob(self, orbits: Orbits, age: np.ndarray) -> np.ndarray:
        """Natural log density per d³J."""
        length = self._length(age)
        guiding = np.log(orbits.radius) - 2 * np.log(length) - orbits.radius / length
        rate_R = orbits.kappa / self.radial.squared(orbits.radius, age)
        rate_z = orbits.nu / self.vertical.squared(orbits.radius, age)
        exponentials = np.log(rate_R * rate_z) - rate_R * orbits.JR - rate_z * orbits.Jz
        sense = -np.logaddexp(0, -2 * orbits.Lz / self.turnover)
        return guiding + orbits.log_dR_dL + exponentials + sense


@dataclass(frozen=True)
class SpheroidLaw:
    """Double power law in h = J_R + flattening (J_z + |L_z|) (cf. Posti et al. 2015).

    h / scale is beta-prime distributed and, at given h, the actions are uniform; L_z changes
    sign with a preference that grows with |L_z|.
    """

    scale: float  # kpc km/s
    inner: float
    outer: float
    flattening: float
    rotation: float
    turnover: float  # kpc km/s

    uses_age = False

    @classmethod
    def with_median(
        cls, momentum: float, inner: float, outer: float, flattening: float, rotation: float
    ) -> SpheroidLaw:
        """Spheroid whose median h is 0.85 of a circular orbit's `momentum` [kpc km/s]."""
        median = special.betaincinv(inner, outer, 0.5)
        scale = 0.85 * momentum * (1 - median) / median
        return cls(scale, inner, outer, flattening, rotation, 0.25 * momentum)

    def _prograde(self, Lz: np.ndarray) -> np.ndarray:
        return 0.5 * (1 + self.rotation * np.tanh(Lz / self.turnover))

    def sample(self, age: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw actions, shape (star, 3)."""
        n = len(age)
        x = rng.beta(self.inner, self.outer, n)
        shares = rng.dirichlet([1, 1, 1], n) * (self.scale * x / (1 - x))[:, None]
        L = shares[:, 2] / self.flattening
        L = np.where(rng.random(n) < self._prograde(L), L, -L)
        return np.column_stack([shares[:, 0], shares[:, 1] / self.flattening, L])

    def log_prob(self, orbits: Orbits, age: np.ndarray) -> np.ndarray:
        """Natural log density per d³J."""
        h = np.maximum(orbits.JR + self.flattening * (orbits.Jz + np.abs(orbits.Lz)), _TINY)
        x = h / self.scale
        law = (self.inner - 1) * np.log(x) - (self.inner + self.outer) * np.log1p(x)
        norm = special.betaln(self.inner, self.outer) + np.log(self.scale)
        simplex = np.log(2 * self.flattening**2) - 2 * np.log(h)
        return law - norm + simplex + np.log(self._prograde(orbits.Lz))
