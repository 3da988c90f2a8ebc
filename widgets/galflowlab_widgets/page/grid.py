"""The contexts from which a page interpolates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev

from galflowlab.population import Population

MASS, METALLICITY = PLANE = ("log10_mstar", "mean_metallicity")
_SCAN = (61, 121)  # masses and offsets at which the support is looked up
_WIDEST = 1.0  # dex


@dataclass(frozen=True)
class ContextGrid:
    """Masses, and at each of them metallicities around what is typical there.

    A place on the grid is a pair of coordinates from -1 to 1: `along` the masses of training,
    and `off` the typical metallicity. The nodes lie where Chebyshev polynomials are
    interpolated best, which is denser towards the ends. The other entries of a context are
    what is typical at these two.

    Parameters
    ----------
    low, high
        Range of log10 of the stellar mass [dex(Msun)].
    width
        Largest offset of log10 of the mean metallicity from what is typical [dex].
    relation
        Chebyshev coefficients, in `along`, of the typical log10 mean metallicity.
    n_off
        Nodes across each mass; the masses are as many as `relation` has coefficients.
    """

    low: float
    high: float
    width: float
    relation: np.ndarray
    n_off: int

    @classmethod
    def around(cls, population: Population, n_along: int, n_off: int) -> ContextGrid:
        """Cover what the training galaxies support.

        Raises
        ------
        ValueError
            If the context has no mass or no metallicity, or all masses are the same.
        """
        if missing := [name for name in PLANE if name not in population.names]:
            raise ValueError(
                f"a page needs a model with {' and '.join(PLANE)} in its context; this one lacks "
                f"{' and '.join(missing)} and has {', '.join(population.names)}"
            )
        low, high = population.range(MASS)
        if not high > low:
            raise ValueError("a page needs a model of galaxies of different stellar masses")
        place = population.names.index(METALLICITY)
        masses = (low + high) / 2 + (high - low) / 2 * _nodes(n_along)
        typical = np.log10(population.complete_many((MASS,), masses[:, None])[:, place])
        relation = np.linalg.solve(chebyshev.chebvander(_nodes(n_along), n_along - 1), typical)
        return cls(low, high, _support_width(population, low, high, relation), relation, n_off)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of nodes along the masses and across each."""
        return len(self.relation), self.n_off

    def nodes(self) -> np.ndarray:
        """Coordinates of all nodes, shape (node, 2), mass by mass."""
        along, off = (_nodes(n) for n in self.shape)
        return np.stack(np.meshgrid(along, off, indexing="ij"), axis=-1).reshape(-1, 2)

    def polynomials(self, places: np.ndarray) -> np.ndarray:
        """Values of the products of polynomials, (place, 2) to (place, node)."""
        along, off = (chebyshev.chebvander(places[:, i], n - 1) for i, n in enumerate(self.shape))
        return (along[:, :, None] * off[:, None, :]).reshape(len(places), -1)

    def coefficients(self, values: np.ndarray) -> np.ndarray:
        """Coefficients of the polynomials through values at the nodes, (node, ...) to the same."""
        return np.linalg.solve(self.polynomials(self.nodes()), values.reshape(len(values), -1))

    def contexts(self, places: np.ndarray) -> np.ndarray:
        """Mass and metallicity in the units of `schema.CONTEXT`, (place, 2) to the same shape."""
        mass = (self.low + self.high) / 2 + (self.high - self.low) / 2 * places[:, 0]
        typical = chebyshev.chebval(places[:, 0], self.relation)
        return np.column_stack([mass, 10 ** (typical + self.width * places[:, 1])])


def _nodes(n: int) -> np.ndarray:
    """Zeros of the Chebyshev polynomial of a degree, shape (n,)."""
    return np.cos(np.pi * (np.arange(n) + 0.5) / n)


def _support_width(population: Population, low: float, high: float, relation: np.ndarray) -> float:
    """Largest offset [dex] from the relation, in steps of 0.05, that galaxies support."""
    along, offsets = np.linspace(-1, 1, _SCAN[0]), np.linspace(-_WIDEST, _WIDEST, _SCAN[1])
    typical = chebyshev.chebval(along, relation)
    masses = (low + high) / 2 + (high - low) / 2 * along
    metallicity = 10 ** np.add.outer(typical, offsets)
    rows = np.column_stack([np.repeat(masses, len(offsets)), metallicity.ravel()])
    inside = population.inside_many(population.complete_many(PLANE, rows)).reshape(_SCAN)
    reached = np.abs(offsets[inside.any(axis=0)])
    return max(0.1, float(np.ceil(20 * reached.max())) / 20) if len(reached) else 0.1
