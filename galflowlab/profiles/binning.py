"""What radial profiles and planes share: checks of columns and edges, sorting into bins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from galflowlab.schema import COLUMNS, Stars, column_values

EXACT = 1 - 1e-12
"""Forgives the rounding of cumulative sums that should reach a fraction of the total."""


def masked(values: np.ndarray, valid: np.ndarray) -> np.ma.MaskedArray:
    """Masked array that holds NaN below the mask."""
    return np.ma.MaskedArray(np.where(valid, values, np.nan), mask=~valid, fill_value=np.nan)


def columns(stars: Stars, names: Iterable[str]) -> list[np.ndarray]:
    """Finite columns of equal length; masses are not negative."""
    found: list[np.ndarray] = []
    for name in names:
        if name not in COLUMNS:
            raise ValueError(f"unknown star column {name!r}; known are {list(COLUMNS)}")
        values = column_values(stars, name).astype(np.float64)
        if found and len(values) != len(found[0]):
            raise ValueError(f"column {name!r} has {len(values)} stars, not {len(found[0])}")
        if bad := len(values) - int(np.count_nonzero(np.isfinite(values))):
            raise ValueError(f"column {name!r} has {bad} values that are not finite")
        if name == "mass" and len(values) and values.min() < 0:
            raise ValueError("column 'mass' has negative values")
        found.append(values)
    return found


def checked_edges(edges: Sequence[float] | np.ndarray) -> np.ndarray:
    """Edges as a float64 array; ValueError unless they are finite and increase."""
    edges = np.array(edges, dtype=np.float64)
    if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
        raise ValueError(f"expected at least two increasing edges, got {edges}")
    if not np.isfinite(edges).all():
        raise ValueError(f"expected finite edges, got {edges}")
    return edges


def bin_index(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Bin of each value; -1 below all and len(edges) - 1 above all."""
    return np.searchsorted(edges, values, side="right") - 1


def quantiles(values: np.ndarray, weights: np.ndarray, fractions: Sequence[float]) -> np.ndarray:
    """Smallest value with at least each fraction of the weight at or below it."""
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return values[order[np.searchsorted(total, np.asarray(fractions) * total[-1] * EXACT)]]
