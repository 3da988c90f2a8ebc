"""Oblate Staeckel potential of confocal Kuzmin-Kutuzov components, with analytic derivatives.

Prolate spheroidal coordinates with focal distance D are used throughout as ``s`` and ``t``,

    s + t = R² + z² + D²,    s t = z² D²,    0 <= t <= D² <= s,

and the numerically harmless pair ``w = s - D²`` and ``d = D² - t`` with ``w d = R² D²``. The
potential of component k is

    Phi_k = -G M_k / (sqrt(s + c_k²) + sqrt(t + c_k²)) = -[F_k(s) - F_k(t)] / (s - t),
    F_k(x) = G M_k (sqrt(x + c_k²) - c_k).

A sum over components with the same D is again of Staeckel form, so that all orbits have exact
actions. Sources: Dejonghe & de Zeeuw (1988, ApJ 333, 90); Batsleer & Dejonghe (1994, A&A 287, 43)
for the confocal disc and halo.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

_GRID = np.geomspace(1e-7, 1e6, 1200)  # guiding radii of the look-up table, in units of D
_TINY = 1e-300


class Spheroidal(NamedTuple):
    """Prolate spheroidal coordinates, all in kpc²."""

    w: np.ndarray  # s - D²
    t: np.ndarray
    d: np.ndarray  # D² - t


class Epicycle(NamedTuple):
    """Circular orbit of given angular momentum and the frequencies of small departures."""

    radius: np.ndarray  # kpc
    omega: np.ndarray  # azimuthal frequency, km/s/kpc
    kappa: np.ndarray  # radial frequency, km/s/kpc
    nu: np.ndarray  # vertical frequency, km/s/kpc


@dataclass(frozen=True)
class StaeckelPotential:
    """Sum of confocal Kuzmin-Kutuzov spheroids.

    Parameters
    ----------
    gm
        G times mass of each component [kpc (km/s)²].
    c
        Short-axis scale of each component [kpc]; its long-axis scale is sqrt(D² + c²).
    focus
        Focal distance D common to all components [kpc].
    """

    gm: tuple[float, ...]
    c: tuple[float, ...]
    focus: float
    _table: tuple[np.ndarray, np.ndarray, np.ndarray] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.gm) != len(self.c) or not self.gm:
            raise ValueError(f"expected one c per gm, got {self.gm} and {self.c}")
        if not all(v > 0 and np.isfinite(v) for v in (*self.gm, *self.c, self.focus)):
            raise ValueError("gm, c and focus should be positive and finite")
        R = self.focus * _GRID
        Lz = R * self.circular_velocity(R)
        energy = 0.5 * self.circular_velocity(R) ** 2 + self(R, np.zeros_like(R))
        object.__setattr__(self, "_table", (np.log(Lz), np.log(R), energy))

    @property
    def components(self) -> tuple[tuple[float, float], ...]:
        """Pairs (G M, c)."""
        return tuple(zip(self.gm, self.c, strict=True))

    @property
    def focus2(self) -> float:
        """D² [kpc²]."""
        return self.focus**2

    def coordinates(self, R: np.ndarray, z: np.ndarray) -> Spheroidal:
        """Spheroidal coordinates of a point; free of cancellation also on axis and in plane."""
        D2 = self.focus2
        b = R * R + z * z - D2
        root = np.sqrt(b * b + 4 * R * R * D2)
        larger = np.maximum(0.5 * (root + np.abs(b)), _TINY)
        smaller = R * R * D2 / larger
        w, d = np.where(b > 0, larger, smaller), np.where(b > 0, smaller, larger)
        return Spheroidal(w, np.minimum(z * z * D2 / (w + D2), D2), np.minimum(d, D2))

    def F(self, x: np.ndarray) -> np.ndarray:
        """The function F of one coordinate that defines the potential [kpc² (km/s)²]."""
        return sum((gm * x / (np.sqrt(x + c * c) + c) for gm, c in self.components), np.zeros(()))

    def dF(self, x: np.ndarray) -> np.ndarray:
        """First derivative of `F` [(km/s)²]."""
        return sum((0.5 * gm / np.sqrt(x + c * c) for gm, c in self.components), np.zeros(()))

    def d2F(self, x: np.ndarray) -> np.ndarray:
        """Second derivative of `F` [(km/s)² kpc⁻²]."""
        return sum((-0.25 * gm / (x + c * c) ** 1.5 for gm, c in self.components), np.zeros(()))

    def __call__(self, R: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Potential [(km/s)²] at cylindrical radius R and height z [kpc]; zero at infinity."""
        w, t, _ = self.coordinates(np.asarray(R, float), np.asarray(z, float))
        s = w + self.focus2
        terms = (-gm / (np.sqrt(s + c * c) + np.sqrt(t + c * c)) for gm, c in self.components)
        return sum(terms, np.zeros(()))

    def forces(self, R: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Radial and vertical acceleration [(km/s)² / kpc] at R, z [kpc]."""
        R, z = np.asarray(R, float), np.asarray(z, float)
        w, t, d = self.coordinates(R, z)
        s = w + self.focus2
        phi_s = phi_t = np.zeros(())
        for gm, c in self.components:
            a, b = np.sqrt(s + c * c), np.sqrt(t + c * c)
            common = 0.5 * gm / (a + b) ** 2
            phi_s, phi_t = phi_s + common / a, phi_t + common / b
        # ds/dR² = s/(s-t), dt/dR² = -t/(s-t), ds/dz² = w/(s-t), dt/dz² = d/(s-t). In the focus
        # s = t; the gradient there is the limit, reached by any tiny denominator.
        split = np.maximum(w + d, _TINY)
        return -2 * R * (phi_s * s - phi_t * t) / split, -2 * z * (phi_s * w + phi_t * d) / split

    def circular_velocity(self, R: np.ndarray) -> np.ndarray:
        """Speed of the circular orbit in the plane [km/s] at R [kpc]."""
        R = np.asarray(R, float)
        return R * np.sqrt(self._plane(R)[0])

    def _plane(self, R: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Squares of Omega, kappa and nu in the plane."""
        R2 = R * R
        s = R2 + self.focus2
        omega2 = slope = nu2 = np.zeros(())
        for gm, c in self.components:
            b = np.sqrt(s + c * c)
            common = gm / (b + c) ** 2
            omega2 = omega2 + common / b
            slope = slope + common * R2 * (3 * b + c) / (b**3 * (b + c))  # -R d(omega²)/dR
            nu2 = nu2 + common * (R2 / b + self.focus2 / c) / s
        return omega2, 4 * omega2 - slope, nu2

    def epicycle(self, R: np.ndarray) -> Epicycle:
        """Frequencies at guiding radius R [kpc]."""
        omega2, kappa2, nu2 = self._plane(R)
        return Epicycle(R, np.sqrt(omega2), np.sqrt(kappa2), np.sqrt(nu2))

    def guiding_radius(self, Lz: np.ndarray) -> np.ndarray:
        """Radius [kpc] of the circular orbit with angular momentum |Lz| [kpc km/s]."""
        log_L, log_R, _ = self._table
        target = np.log(np.maximum(np.abs(Lz), np.exp(log_L[0])))
        x = np.interp(target, log_L, log_R)
        for _ in range(2):  # Newton: the table is good to 1e-5, two steps reach round-off
            omega2, kappa2, _ = self._plane(np.exp(x))
            x = x - (2 * x + 0.5 * np.log(omega2) - target) * 2 * omega2 / kappa2
        return np.exp(x)

    def circular_energy(self, Lz: np.ndarray) -> np.ndarray:
        """Energy [(km/s)²] of the circular orbit with angular momentum |Lz|, from the table."""
        log_L, _, energy = self._table
        return np.interp(np.log(np.maximum(np.abs(Lz), _TINY)), log_L, energy)
