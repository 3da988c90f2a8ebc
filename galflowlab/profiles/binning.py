"""What radial profiles and planes share: checks of columns and edges, sorting into bins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from astropy import units as u

from galflowlab.schema import COLUMNS, Stars, finite_columns, in_unit

EXACT = 1 - 1e-12
"""Forgives the rounding of cumulative sums that should reach a fraction of the total."""


def columns(stars: Stars, names: Iterable[str]) -> list[np.ndarray]:
    """Finite columns of equal length in double precision; masses are not negative."""
    names = list(names)
    if unknown := [name for name in names if name not in COLUMNS]:
        raise ValueError(f"unknown star column {unknown[0]!r}; known are {list(COLUMNS)}")
    return [values.astype(np.float64) for values in finite_columns(stars, names)]


def cylindrical(
    x: np.ndarray, y: np.ndarray, vx: np.ndarray, vy: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """R [kpc], v_R and v_phi [km/s] around the z axis; on the axis R points along x."""
    radius = np.sqrt(x**2 + y**2)
    away = radius > 0
    safe = np.where(away, radius, 1.0)
    cos, sin = np.where(away, x / safe, 1.0), y / safe
    return radius, cos * vx + sin * vy, cos * vy - sin * vx


def checked_edges(edges: Any, unit: u.UnitBase) -> np.ndarray:
    """Edges as a float64 array in a unit; ValueError unless they are finite and increase."""
    edges = in_unit("edges", edges, unit)
    if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
        raise ValueError(f"expected at least two increasing edges, got {edges}")
    if not np.isfinite(edges).all():
        raise ValueError(f"expected finite edges, got {edges}")
    return edges


def checked_rings(edges: Any) -> np.ndarray:
    """Edges of rings or shells [kpc]; ValueError unless they increase from at least 0."""
    edges = checked_edges(edges, u.kpc)
    if edges[0] < 0:
        raise ValueError(f"expected radii of at least 0 kpc, got {edges[0]}")
    return edges


def checked_range(radii: Any) -> tuple[float, float]:
    """Two radii [kpc]; ValueError unless they increase from at least 0."""
    found = in_unit("radii", radii, u.kpc)
    if found.shape != (2,) or not 0 <= found[0] < found[1] < np.inf:
        raise ValueError(f"expected two radii that increase from at least 0 kpc, got {radii}")
    return float(found[0]), float(found[1])


def bin_index(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Bin of each value; -1 below all and len(edges) - 1 above all."""
    return np.searchsorted(edges, values, side="right") - 1


def quantiles(values: np.ndarray, weights: np.ndarray, fractions: Sequence[float]) -> np.ndarray:
    """Smallest value with at least each fraction of the weight at or below it."""
    order = np.argsort(values)
    return sorted_quantiles(values[order], weights[order], fractions)


def sorted_quantiles(
    values: np.ndarray, weights: np.ndarray, fractions: Sequence[float]
) -> np.ndarray:
    """`quantiles` of values that increase."""
    total = np.cumsum(weights)
    return values[np.searchsorted(total, np.asarray(fractions) * total[-1] * EXACT)]
