"""The exact extended distribution function (eDF) of a mock galaxy.

    p(w) = (2 pi)^-3 p(log Z | [Fe/H], [O/Fe]) sum_k f_k p_k(age) p_k(J | age)
                     p_k([Fe/H] | J, age) p_k([O/Fe] | [Fe/H], age)

Actions are exact integrals of motion and d³x d³v = (2 pi)³ d³J at uniform angles, so that the
density is normalised and stationary. Stars are test particles: they orbit in the imposed field
of a disc and a dark halo, which is not derived from their own density (bulge and stellar halo
have no gravity of their own). All galaxies are dominated by discs, dwarfs included.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from astropy.table import QTable
from scipy.special import logsumexp

from galflowlab.mocks.actions import actions
from galflowlab.mocks.build import build_components, build_potential
from galflowlab.mocks.components import Component, Orbits, log_normal_pdf
from galflowlab.mocks.parameters import Parameters
from galflowlab.mocks.staeckel import StaeckelPotential
from galflowlab.mocks.tori import invert, sample_points
from galflowlab.schema import EDF_COLUMNS, PHASE_SPACE, Stars, as_stars, star_matrix

_CHUNK = 20_000  # stars handled at once: bounds memory at about 150 MB
_LOG_CELL = 3 * float(np.log(2 * np.pi))
_Z_SUN, _Z_SCATTER = 0.0142, 0.02  # Asplund et al. (2009); scatter in dex


def log10_metallicity(fe_h: np.ndarray, o_fe: np.ndarray) -> np.ndarray:
    """Mean log10 Z at given abundances: alpha-enhanced mixture of Salaris et al. (1993)."""
    return np.log10(_Z_SUN) + fe_h + np.log10(0.638 * 10**o_fe + 0.362)


class MockEDF:
    """Extended distribution function of one mock galaxy, known exactly.

    Parameters
    ----------
    parameters
        Scaling relations and latents of the galaxy.

    Attributes
    ----------
    parameters : Parameters
    potential : StaeckelPotential
        The field that the stars move in.
    components : tuple of Component
        Thin disc, thick disc, bulge and stellar halo.
    """

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.potential: StaeckelPotential = build_potential(parameters)
        self.components: tuple[Component, ...] = build_components(parameters, self.potential)

    def __repr__(self) -> str:
        return f"MockEDF(log10_mstar={self.parameters.log10_mstar:.3f})"

    # -- sampling

    def sample(self, n: int, *, seed: int | np.random.Generator) -> QTable:
        """Draw `n` independent star particles, each of mass M*/n.

        Parameters
        ----------
        n
            Number of stars, at least one.
        seed
            Integer or numpy Generator.

        Returns
        -------
        astropy.table.QTable
            All columns of `schema.COLUMNS`.
        """
        if n < 1:
            raise ValueError(f"expected at least one star, got n={n}")
        rng = np.random.default_rng(seed)
        rows = np.empty((n, len(EDF_COLUMNS)))
        for start in range(0, n, _CHUNK):
            rows[start : start + _CHUNK] = self._sample_chunk(min(_CHUNK, n - start), rng)
        columns = {name: rows[:, i].copy() for i, name in enumerate(EDF_COLUMNS)}
        columns["mass"] = np.full(n, 10**self.parameters.log10_mstar / n)
        return as_stars(columns)

    def _sample_chunk(self, n: int, rng: np.random.Generator) -> np.ndarray:
        which = rng.choice(len(self.components), n, p=[c.fraction for c in self.components])
        J, rest = np.empty((n, 3)), np.empty((n, 4))  # rest: Z, [Fe/H], [O/Fe], age
        for k, component in enumerate(self.components):
            rows = np.flatnonzero(which == k)
            age = component.ages.sample(len(rows), rng)
            J[rows] = component.actions.sample(age, rng)
            radius = self.potential.guiding_radius(J[rows, 2])
            fe_h, o_fe = component.chemistry.sample(radius, age, rng)
            rest[rows, 1:] = np.column_stack([fe_h, o_fe, age])
        mean = log10_metallicity(rest[:, 1], rest[:, 2])
        rest[:, 0] = 10 ** (mean + _Z_SCATTER * rng.standard_normal(n))
        phase_space = sample_points(self.potential, invert(self.potential, J), J[:, 2], rng)
        return np.column_stack([phase_space, rest])

    # -- density

    def log_prob(self, stars: Stars) -> np.ndarray:
        """Natural log of the density of each star.

        Parameters
        ----------
        stars
            Table or mapping with the columns `schema.EDF_COLUMNS`.

        Returns
        -------
        numpy.ndarray
            Per kpc³ (km/s)³ Z dex² Gyr, shape (star,); -inf outside the support (unbound
            stars, ages that no component has, Z <= 0).

        Raises
        ------
        ValueError
            For a missing column or values that are not finite.
        """
        matrix = star_matrix(stars, EDF_COLUMNS)
        return self._in_chunks(matrix, self._log_prob)

    def log_prob_phase_space(self, stars: Stars) -> np.ndarray:
        """Natural log of the phase-space density [kpc⁻³ (km/s)⁻³], all else integrated out.

        The abundances integrate in closed form, the ages of the thin disc by Gauss-Legendre
        quadrature (relative error below 1e-6).
        """
        return self._in_chunks(star_matrix(stars, PHASE_SPACE), self._log_prob_phase_space)

    @staticmethod
    def _in_chunks(matrix: np.ndarray, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        bad = int(np.count_nonzero(~np.isfinite(matrix).all(axis=1)))
        if bad:
            raise ValueError(f"expected finite stars, got {bad} of {len(matrix)} that are not")
        out = np.empty(len(matrix))
        for start in range(0, len(matrix), _CHUNK):
            with np.errstate(over="ignore", divide="ignore"):
                out[start : start + _CHUNK] = function(matrix[start : start + _CHUNK])
        return out

    def _orbits(self, phase_space: np.ndarray) -> tuple[Orbits, np.ndarray]:
        J = actions(self.potential, phase_space)
        bound = np.isfinite(J[:, 0])
        return Orbits.from_actions(self.potential, np.where(bound[:, None], J, 1.0)), bound

    def _log_prob(self, rows: np.ndarray) -> np.ndarray:
        orbits, bound = self._orbits(rows[:, :6])
        Z, fe_h, o_fe, age = rows[:, 6:10].T
        terms = [
            np.log(c.fraction)
            + c.ages.log_prob(age)
            + c.actions.log_prob(orbits, age)
            + c.chemistry.log_prob(fe_h, o_fe, orbits.radius, np.clip(age, 0, 20))
            for c in self.components
        ]
        metals = Z > 0
        safe = np.where(metals, Z, 1.0)
        log_Z = log_normal_pdf(np.log10(safe), log10_metallicity(fe_h, o_fe), _Z_SCATTER)
        total = logsumexp(terms, axis=0) - _LOG_CELL + log_Z - np.log(safe * np.log(10))
        return np.where(bound & metals, total, -np.inf)

    def _log_prob_phase_space(self, rows: np.ndarray, nodes: int = 24) -> np.ndarray:
        orbits, bound = self._orbits(rows)
        x, weight = np.polynomial.legendre.leggauss(nodes)
        terms = []
        for c in self.components:
            if not c.actions.uses_age:
                terms.append(np.log(c.fraction) + c.actions.log_prob(orbits, np.zeros(1)))
                continue
            oldest = c.ages.oldest
            ages, weights = 0.5 * oldest * (x + 1), 0.5 * oldest * weight
            terms += [
                np.log(c.fraction * w) + c.ages.log_prob(a) + c.actions.log_prob(orbits, a)
                for a, w in zip(ages, weights, strict=True)
            ]
        return np.where(bound, logsumexp(terms, axis=0) - _LOG_CELL, -np.inf)
