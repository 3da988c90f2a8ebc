"""Stars that follow their context without the model: polynomials through a grid of contexts."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from galflowlab.edf import EDF
from galflowlab.frozen import FrozenEDF
from galflowlab.schema import AGE_MAX, POSITION
from galflowlab_widgets.page.grid import PLANE, ContextGrid

SHAPE = (20, 5)  # masses and metallicities of the grid
CORE = 0.5  # half-mass radii within which positions are resolved evenly, not by their logarithm
STEPS = {"age": 0.03, "fe_h": 0.005, "o_fe": 0.003}  # Gyr, dex, dex
FEWEST = 100
_POSITION_STEP = 0.005
_LARGEST = 2**15 - 1


@dataclass(frozen=True)
class InterpolatedStars:
    """The same stars at every context of a grid, rounded, and in between by interpolation.

    Positions are kept as arsinh(x / (`CORE` r)), where r is the half-mass radius. What is kept
    of each column are the coefficients of Chebyshev polynomials through the nodes: most are
    nearly zero, so that they pack into a fifth of what the values would need.

    Parameters
    ----------
    grid
        The contexts.
    columns
        Names, the positions first.
    coefficients
        Whole numbers of steps, shape (column, node, star).
    log_radius
        Coefficients of the logarithm of the half-mass radius [kpc], shape (node,).
    others
        Coefficients of the entries of the context that are neither mass nor metallicity, by
        name, shape (node,).
    """

    grid: ContextGrid
    columns: tuple[str, ...]
    coefficients: np.ndarray
    log_radius: np.ndarray
    others: dict[str, np.ndarray]

    @classmethod
    def of(cls, edf: EDF, n: int, *, seed: int) -> InterpolatedStars:
        """Draw stars at the nodes.

        Parameters
        ----------
        edf
            The model.
        n, seed
            Number of stars, and what fixes them: they are those of `EDF.freeze`.

        Raises
        ------
        ValueError
            For fewer than `FEWEST` stars, or if the model lacks positions, mass or metallicity,
            or spreads too far to be kept.
        """
        if n < FEWEST:
            raise ValueError(f"a page needs at least {FEWEST} stars, got {n}")
        if missing := [name for name in POSITION if name not in edf.columns]:
            raise ValueError(f"a page needs a model of positions; this one lacks {missing}")
        grid = ContextGrid.around(edf.population, *SHAPE)
        columns = (*POSITION, *(name for name in STEPS if name in edf.columns))
        contexts = grid.contexts(grid.nodes())
        frozen = edf.freeze(dict(zip(PLANE, contexts[0], strict=True)), n=n, seed=seed)
        values = np.stack([exact(frozen, context, columns) for context in contexts])
        radius = half_mass_radius(values)
        values[:, :3] = np.arcsinh(values[:, :3] / (CORE * radius[:, None, None]))
        fitted = grid.coefficients(values).reshape(values.shape).transpose(1, 0, 2)
        rounded = np.rint(fitted / steps(columns)[:, None, None])
        if not np.abs(rounded).max() <= _LARGEST:  # nor if it is not a number
            raise ValueError("the stars of this model spread too far for a page")
        rows = edf.population.complete_many(PLANE, contexts)
        others = {
            name: grid.coefficients(rows[:, i]).ravel()
            for i, name in enumerate(edf.context_names)
            if name not in PLANE
        }
        log_radius = grid.coefficients(np.log(radius)).ravel()
        return cls(grid, columns, rounded.astype(np.int16), log_radius, others)

    def at(self, place: Sequence[float]) -> np.ndarray:
        """Columns of all stars at a place of the grid, as the page makes them.

        Parameters
        ----------
        place
            Coordinates `along` and `off`, from -1 to 1.

        Returns
        -------
        ndarray
            Shape (column, star), in the units of `schema.COLUMNS`.
        """
        weights = self.grid.polynomials(np.array([place]))[0]
        out = np.einsum("n,cns->cs", weights, self.coefficients)
        out *= steps(self.columns)[:, None]
        out[:3] = CORE * np.exp(weights @ self.log_radius) * np.sinh(out[:3])
        if "age" in self.columns:
            age = out[self.columns.index("age")]
            np.clip(age, 0, AGE_MAX, out=age)
        return out

    def packed(self) -> bytes:
        """All coefficients by zlib: signs folded in, first all low bytes, then all high ones."""
        wide = self.coefficients.astype(np.int32)
        folded = np.where(wide >= 0, 2 * wide, -2 * wide - 1).astype("<u2")
        low, high = (folded & 255).astype(np.uint8), (folded >> 8).astype(np.uint8)
        return zlib.compress(low.tobytes() + high.tobytes(), 9)


def steps(columns: Sequence[str]) -> np.ndarray:
    """To what the coefficients of columns are rounded, shape (column,)."""
    return np.array([STEPS.get(name, _POSITION_STEP) for name in columns])


def exact(frozen: FrozenEDF, context: Sequence[float], columns: tuple[str, ...]) -> np.ndarray:
    """Columns at a mass and metallicity as the flow makes them, shape (column, star)."""
    frozen.update(dict(zip(PLANE, map(float, context), strict=True)))
    drawn = frozen.arrays(columns=columns)
    return np.stack([drawn[name] for name in columns]).astype(np.float64)


def half_mass_radius(values: np.ndarray) -> np.ndarray:
    """Median distance [kpc] from the centre; (..., column, star), positions first, to (...)."""
    return np.median(np.sqrt((values[..., :3, :] ** 2).sum(axis=-2)), axis=-1)
