"""EDF: the extended distribution function that users hold."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from astropy.table import QTable

from galflowlab.checkpoint import write_tensors
from galflowlab.flow.evaluation import log_prob, log_prob_and_gradient
from galflowlab.flow.frozen import FrozenModel
from galflowlab.flow.model import FlowModel
from galflowlab.frozen import BLOCK, FrozenContext, FrozenEDF, Seed
from galflowlab.population import ExtrapolationWarning, Population, why_outside
from galflowlab.schema import COLUMNS, Stars, not_finite, star_matrix

KIND = "edf"


class EDF:
    """Density of star particles given the context of their galaxy.

    p(x, v, Z, [Fe/H], [O/Fe], age | context) of Wolf & Buck (2023, arXiv:2312.06017), in the
    units of `schema.COLUMNS`, integrating to one over the columns for every context.

    Parameters
    ----------
    model
        The trained map between stars and Gaussian noise.
    population
        Contexts of the training galaxies.
    card
        What the model was made from and how: plain JSON-serialisable data.

    Attributes
    ----------
    source
        Name or path that `load` was given, if it was loaded.

    Examples
    --------
    >>> import galflowlab
    >>> edf = galflowlab.load("mock")
    >>> context = {"log10_mstar": 10.3, "mean_metallicity": 0.012}
    >>> stars = edf.sample(1000, context, seed=1)
    >>> stars["vx"].unit, len(stars)
    (Unit("km / s"), 1000)
    >>> edf.log_prob(stars, context).shape
    (1000,)
    >>> edf.support(context) > 1  # not extrapolated
    True
    """

    def __init__(self, model: FlowModel, population: Population, card: dict[str, Any]) -> None:
        self._model = model.eval().requires_grad_(False)
        self._frozen: FrozenModel | None = None  # made when first needed
        self.population = population
        self.card = card
        self.source: str | None = None  # what `load` was given
        self._warned = False  # of extrapolation

    def __repr__(self) -> str:
        return f"EDF({', '.join(self.columns)} | {', '.join(self.context_names)})"

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of which this is the density, in order."""
        return self._model.columns

    @property
    def context_names(self) -> tuple[str, ...]:
        """Entries of the context, in order."""
        return self._model.context_names

    @property
    def preset(self) -> str:
        """Name of the architecture."""
        return self._model.architecture.name

    @property
    def n_parameters(self) -> int:
        """Number of trained parameters."""
        return sum(p.numel() for p in self._model.flow.parameters())

    def complete(self, context: Mapping[str, Any], *, seed: Seed | None = None) -> dict[str, float]:
        """Fill in the context entries left out: conditional medians, or a draw if given a seed.

        Parameters and errors are those of `Population.complete`.
        """
        return self.population.complete(context, seed=seed)

    def support(self, context: Mapping[str, Any]) -> float:
        """Percentile, 0 to 100, of how typical a context is of the training galaxies.

        Below 1 the context is outside the region of 99 % of such galaxies, and the eDF
        extrapolates. Details and errors are those of `Population.support`.
        """
        return self.population.support(context)

    def sample(self, n: int, context: Mapping[str, Any], *, seed: Seed) -> QTable:
        """Draw a galaxy.

        Parameters
        ----------
        n
            Number of star particles.
        context
            Galaxy-level parameters by name, in the units of `schema.CONTEXT`; entries left
            out are filled in with what is typical at the others (`Population.complete`).
        seed
            The same seed gives the same stars, and slightly different contexts move them
            slightly; fewer stars are the first of more.

        Returns
        -------
        QTable
            One row per star: the columns of this eDF and, if the context has the stellar
            mass, ``mass``, an equal share of it.

        Warns
        -----
        ExtrapolationWarning
            The first time that an eDF samples or streams at a context whose `support` is
            below 1.

        Raises
        ------
        ValueError
            For an unknown or non-finite context entry (the message lists the valid names and
            ranges) or `n` below one.
        """
        frozen = self.freeze(context, n=n, seed=seed)
        self.warn_if_outside(context)
        return frozen.stars()

    def freeze(self, context: Mapping[str, Any], *, n: int, seed: Seed) -> FrozenEDF:
        """Fix the noise of `n` stars and fold a context into the weights.

        For following a slider: `FrozenEDF.update` moves to another context in about a
        millisecond, `FrozenEDF.arrays` and `FrozenEDF.stars` draw the same stars there. It
        never warns: ask `support`.

        Parameters and errors are those of `sample`.
        """
        return FrozenEDF(self._folded(), self.population, self.columns, context, n=n, seed=seed)

    def stream(
        self,
        n: int,
        context: Mapping[str, Any],
        *,
        seed: Seed,
        columns: Iterable[str] | None = None,
        block: int = BLOCK,
        start: int = 0,
        stop: int | None = None,
    ) -> Iterator[dict[str, np.ndarray]]:
        """Draw any number of stars in little memory, or any stretch of them.

        Parameters
        ----------
        n, context, seed
            As in `sample`, and the stars are the same.
        columns
            Names wanted, by default all and ``mass``: an equal share among the `n` stars.
        block
            Stars per step.
        start, stop
            First star, and the one after the last; all by default. Those before `start` are
            not drawn, which takes an integer seed. Unless `start` is a multiple of 4096, stars
            may differ by rounding from those of the whole.

        Returns
        -------
        iterator
            Yields dicts of arrays of shape (block,), the last one shorter, in the units of
            `schema.COLUMNS`.

        Raises
        ------
        ValueError
            As `sample`, and for an unknown column, a stretch that is not one of the `n` stars,
            or one that a Generator cannot begin with.

        Warns
        -----
        ExtrapolationWarning
            As `sample`.
        """
        at = self.at(context)
        blocks = at.stream(n, columns, seed=seed, block=block, start=start, stop=stop)
        self.warn_if_outside(context)
        return blocks

    def at(self, context: Mapping[str, Any]) -> FrozenContext:
        """Fold a context into the weights, without stars yet; never warns, like `freeze`.

        Raises
        ------
        ValueError
            For an unknown or non-finite context entry.
        """
        return FrozenContext.of(self._folded(), self.population, self.columns, context)

    def to(self, device: str | torch.device) -> EDF:
        """Return a copy on another device, where it samples and evaluates from then on."""
        moved = EDF(copy.deepcopy(self._model).to(device), self.population, self.card)
        moved.source = self.source
        return moved

    def warn_if_outside(self, context: Mapping[str, Any]) -> None:
        """Warn of extrapolation, `ExtrapolationWarning`, once in the life of this eDF."""
        if not (self._warned or self.population.inside(context)):
            self._warned = True
            text = f"{why_outside(self.population, context)}. This eDF says so only once."
            warnings.warn(text, ExtrapolationWarning, stacklevel=3)

    def _folded(self) -> FrozenModel:
        if self._frozen is None:
            self._frozen = FrozenModel(self._model)
        return self._frozen

    def log_prob(self, stars: Stars, context: Mapping[str, Any]) -> np.ndarray:
        """Natural log of the density of stars at a context.

        Parameters
        ----------
        stars
            Table or mapping with at least the columns of this eDF, each of shape (star,);
            plain numbers are taken in the units of `schema.COLUMNS`.
        context
            As in `sample`.

        Returns
        -------
        ndarray
            Shape (star,), per kpc^3 (km/s)^3 Gyr dex^2 as far as the columns go; -inf where
            the density is zero (ages outside 0 to 14 Gyr, metallicities outside 0 to 1).

        Raises
        ------
        ValueError
            For a missing column, values that are not finite, or an invalid context.
        """
        return log_prob(self._model, *self._physical(stars, context))

    def log_prob_gradient(
        self, stars: Stars, context: Mapping[str, Any]
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Log density of stars and its derivatives, by automatic differentiation.

        Parameters and errors are those of `log_prob`.

        Returns
        -------
        log_density : ndarray
            As of `log_prob`.
        gradient : dict of ndarray
            For each column d ln f / d column, shape (star,), per unit of `schema.COLUMNS`; NaN
            where the density is zero and on the spin axis.
        """
        value, slope = log_prob_and_gradient(self._model, *self._physical(stars, context))
        return value, dict(zip(self.columns, slope.T, strict=True))

    def _physical(
        self, stars: Stars, context: Mapping[str, Any]
    ) -> tuple[np.ndarray, torch.Tensor]:
        """Stars (star, feature) and the whole context (1, context), as the model takes them."""
        matrix = star_matrix(stars, self.columns)
        if bad := not_finite(matrix, self.columns):
            raise ValueError(f"stars hold values that are not finite in {bad}")
        return matrix, torch.from_numpy(self.population.row(context)).to(self._model.device)

    def save(self, path: str | Path) -> Path:
        """Write weights, transforms, population and card to one safetensors file."""
        header = {
            "preset": self.preset,
            "hyper": dict(self._model.architecture.hyper),
            "symmetric": self._model.symmetric,
            "columns": list(self.columns),
            "units": [COLUMNS[name].unit.to_string() for name in self.columns],
            "context_names": list(self.context_names),
            "stand_ins": self.population.stand_ins,
            "card": self.card,
        }
        tensors = dict(self._model.state_dict())
        tensors["population"] = torch.from_numpy(self.population.values)
        return write_tensors(path, KIND, tensors, header)
