"""From galaxies to what a flow trains on: features, contexts, and what is held out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from galflowlab.flow.canonical import Canonical
from galflowlab.galaxy import Galaxy
from galflowlab.schema import CONTEXT, edf_columns, not_finite, star_matrix

_GALAXIES_TO_HOLD_OUT_GALAXIES = 10


@dataclass(frozen=True)
class TrainingSet:
    """Stars of several galaxies with the context of each.

    Parameters
    ----------
    names
        Galaxy identifiers.
    columns, context_names
        Names of the features and of the context entries.
    stars
        One (star, feature) float64 tensor per galaxy, physical units.
    context
        Physical, shape (galaxy, context).
    """

    names: tuple[str, ...]
    columns: tuple[str, ...]
    context_names: tuple[str, ...]
    stars: list[Tensor]
    context: Tensor

    @classmethod
    def from_galaxies(cls, galaxies: Sequence[Galaxy]) -> TrainingSet:
        """Collect the columns that all galaxies share.

        Raises
        ------
        ValueError
            If there is no galaxy, one lacks a context, or stars cannot be trained on (values
            that are not finite, ages outside 0 to 14 Gyr, metallicities outside 0 to 1).
        """
        galaxies = list(galaxies)
        if not galaxies:
            raise ValueError("expected at least one galaxy to train on")
        shared = set(galaxies[0].columns).intersection(*(g.columns for g in galaxies))
        columns = edf_columns(shared)
        context_names = tuple(CONTEXT)
        for galaxy in galaxies:
            require_context(galaxy)
        stars = [trainable_stars(g, columns) for g in galaxies]
        context = torch.tensor(
            [[g.context[name] for name in context_names] for g in galaxies], dtype=torch.float64
        )
        return cls(tuple(g.name for g in galaxies), columns, context_names, stars, context)

    def __len__(self) -> int:
        return len(self.stars)

    @property
    def n_stars(self) -> int:
        """Number of stars in all galaxies."""
        return sum(len(s) for s in self.stars)

    def fingerprint(self) -> str:
        """Hash that changes with the galaxies, their stars or the columns."""
        digest = hashlib.sha256(repr((self.names, self.columns, self.context_names)).encode())
        digest.update(self.context.numpy().tobytes())
        for stars in self.stars:
            digest.update(str(tuple(stars.shape)).encode())
            digest.update(stars.sum(dim=0).numpy().tobytes())
        return digest.hexdigest()

    def split(self, fraction: float, rng: np.random.Generator) -> tuple[TrainingSet, TrainingSet]:
        """Hold out `fraction` of the galaxies, or of the stars if there are fewer than ten.

        Returns
        -------
        training, held_out
        """
        if out := held_out_galaxies(self.names, fraction, rng):
            rest = [i for i in range(len(self)) if i not in set(out)]
            return self._pick(rest), self._pick(out)
        kept, held = [], []
        for stars in self.stars:
            order_ = torch.from_numpy(rng.permutation(len(stars)))
            count = max(1, round(fraction * len(stars)))
            if count >= len(stars):
                raise ValueError(f"a galaxy with {len(stars)} stars is too small to hold any out")
            held.append(stars[order_[:count]])
            kept.append(stars[order_[count:]])
        return self._with(kept), self._with(held)

    def sample(self) -> TrainingSet:
        """Stars to fit transforms to: all of them."""
        return self

    def with_images(self, image: Callable[[Tensor], Tensor]) -> TrainingSet:
        """The same galaxies with an image of every star beside it."""
        return self._with([torch.cat([s, image(s)]) for s in self.stars])

    def _with(self, stars: list[Tensor]) -> TrainingSet:
        return TrainingSet(self.names, self.columns, self.context_names, stars, self.context)

    def _pick(self, which: Sequence[int]) -> TrainingSet:
        return TrainingSet(
            tuple(self.names[i] for i in which),
            self.columns,
            self.context_names,
            [self.stars[i] for i in which],
            self.context[list(which)],
        )


def held_out_galaxies(names: Sequence[str], fraction: float, rng: np.random.Generator) -> list[int]:
    """Places of the galaxies to hold out, in order; none if there are fewer than ten.

    Which ones they are follows from their names, whatever the order in which they come.

    Raises
    ------
    ValueError
        For a fraction that is not between 0 and 1.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"expected a held-out fraction between 0 and 1, got {fraction}")
    if len(names) < _GALAXIES_TO_HOLD_OUT_GALAXIES:
        return []
    by_name = sorted(range(len(names)), key=lambda i: names[i])
    order = rng.permutation(len(names))
    return sorted(by_name[i] for i in order[: max(1, round(fraction * len(names)))])


def require_context(galaxy: Galaxy) -> None:
    """Raise ValueError unless a galaxy has a whole context."""
    missing = [name for name in CONTEXT if name not in galaxy.context]
    if missing:
        raise ValueError(f"galaxy {galaxy.name!r} has no context {missing}")


def trainable_stars(galaxy: Galaxy, columns: tuple[str, ...]) -> Tensor:
    """Stars of a galaxy as (star, feature) float64.

    Raises
    ------
    ValueError
        If values are not finite, or where no eDF has a density.
    """
    matrix = star_matrix(galaxy.stars, columns)
    if bad := not_finite(matrix, columns):
        raise ValueError(
            f"galaxy {galaxy.name!r} has values that are not finite in {bad}; "
            "galflowlab.prepare drops such stars"
        )
    stars = torch.from_numpy(matrix)
    _, log_det = Canonical(columns)(stars)
    outside = int((~torch.isfinite(log_det)).sum())
    if outside:
        raise ValueError(
            f"galaxy {galaxy.name!r} has {outside} stars with an age outside 0 to 14 Gyr or a "
            "metallicity outside 0 to 1; galflowlab.prepare drops such stars"
        )
    return stars
