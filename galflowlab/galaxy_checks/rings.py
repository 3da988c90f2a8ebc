"""Means and dispersions in rings with bootstrap errors, from sums over stars.

All that is measured follows from sums over the stars of a ring, so that a resample is a row of
weights, and all resamples of a ring are one matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from galflowlab.profiles.binning import bin_index, columns, cylindrical
from galflowlab.profiles.bootstrap import resampled_sums
from galflowlab.schema import PHASE_SPACE, Stars

COLUMN_OF = {
    "mean_age": "age",
    "mean_metallicity": "metallicity",
    "mean_fe_h": "fe_h",
    "mean_o_fe": "o_fe",
}
"""Quantities that not all stars have, and the column that they need."""

_VALUE_OF = COLUMN_OF | {
    "mean_height": "height",
    "v_phi": "phi",
    "sigma_R": "R",
    "sigma_phi": "phi",
    "sigma_z": "z",
}


@dataclass(frozen=True, eq=False)
class Measured:
    """Quantities by name and their errors, each of shape (ring,), and stars in each ring."""

    values: dict[str, np.ndarray]
    errors: dict[str, np.ndarray]
    counts: np.ndarray


def measure(
    stars: Stars,
    edges: np.ndarray,
    names: Sequence[str],
    *,
    resamples: int,
    rng: np.random.Generator,
) -> Measured:
    """Measure quantities in rings; zero where a ring has no mass.

    Errors are the spread over resamples of the Bayesian bootstrap (`profiles.bootstrap`), scaled
    to the mass of the whole galaxy, which is known.
    """
    sums = _Sums(stars, edges, names, resamples, rng)
    drawn = {name: sums.statistic(name, sums.drawn) for name in names}
    return Measured(
        {name: sums.statistic(name, sums.once)[0] for name in names},
        {name: values.std(axis=0, ddof=1) for name, values in drawn.items()},
        sums.counts,
    )


class _Sums:
    """Sums of mass, and of mass times each value and its square, in rings.

    ``once`` and ``drawn`` have shape (resample, ring, term); the last ring is the rest of the
    galaxy, which counts in the total only.
    """

    def __init__(
        self,
        stars: Stars,
        edges: np.ndarray,
        names: Sequence[str],
        resamples: int,
        rng: np.random.Generator,
    ) -> None:
        radius, mass, per_star = _per_star(stars, names)
        n_rings = len(edges) - 1
        ring = bin_index(radius, edges)
        ring = np.where((ring < 0) | (ring >= n_rings), n_rings, ring)
        order = np.argsort(ring, kind="stable")
        bounds = np.searchsorted(ring[order], np.arange(n_rings + 2))
        self.counts = np.diff(bounds)[:-1]
        self._area = np.pi * np.diff(edges**2)
        self._index = {name: i for i, name in enumerate(per_star)}
        values = np.column_stack(list(per_star.values()))
        self._centre = np.zeros((n_rings + 1, values.shape[1]))
        self.once = np.zeros((1, n_rings + 1, 1 + 2 * values.shape[1]))
        self.drawn = np.zeros((resamples, *self.once.shape[1:]))
        for i in range(n_rings + 1):
            members = order[bounds[i] : bounds[i + 1]]
            if mass[members].sum() > 0:
                self._centre[i] = np.average(values[members], axis=0, weights=mass[members])
            offset = values[members] - self._centre[i]  # small, so that squares do not cancel
            terms = np.column_stack([np.ones(len(members)), offset, offset**2])
            terms *= mass[members, None]
            self.once[0, i] = terms.sum(axis=0)
            self.drawn[:, i] = resampled_sums(terms, resamples, seed=rng)

    def statistic(self, name: str, sums: np.ndarray) -> np.ndarray:
        """One quantity from sums, shape (resample, ring)."""
        mass = sums[:, :-1, 0]
        if name == "surface_density":
            total = sums[:, :, 0].sum(axis=1, keepdims=True)
            share = np.divide(mass, total, out=np.zeros_like(mass), where=total > 0)
            return share * self.once[:, :, 0].sum() / self._area
        i = self._index[_VALUE_OF[name]]
        first, second = (
            np.divide(sums[:, :-1, k], mass, out=np.zeros_like(mass), where=mass > 0)
            for k in (1 + i, 1 + i + len(self._index))
        )
        if name.startswith("sigma"):
            return np.sqrt(np.maximum(second - first**2, 0.0))
        return self._centre[:-1, i] + first


def _per_star(
    stars: Stars, names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Cylindrical radius, mass, and the values to average, each of shape (star,)."""
    extra = [COLUMN_OF[name] for name in names if name in COLUMN_OF]
    x, y, z, vx, vy, vz, mass, *others = columns(stars, (*PHASE_SPACE, "mass", *extra))
    if not mass.sum() > 0:
        raise ValueError("the stars have no mass: there is nothing to average")
    radius, v_R, v_phi = cylindrical(x, y, vx, vy)
    values = dict(zip(extra, others, strict=True))
    values |= {"height": np.abs(z), "R": v_R, "phi": v_phi, "z": vz}
    return radius, mass, values
