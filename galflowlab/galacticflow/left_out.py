"""Which galaxies a published model has not seen.

Its file names them by their place in a listing of the authors' folder, which says nothing
elsewhere. But it holds mean and spread of all training stars, and these tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from galflowlab.edf import EDF
from galflowlab.galaxy import Galaxy
from galflowlab.schema import EDF_COLUMNS, star_matrix

# The published cleaning turns the major axis to x, either end of it: their means have no sign.
_EITHER_SIGN = ("x", "y", "vx", "vy")
_FIT = 1e-5  # standard deviations (of squares: variances) to which mean and spread must be met


@dataclass(frozen=True, eq=False)
class Moments:
    """What a galaxy adds to the mean and spread of all stars.

    Parameters
    ----------
    name
        Of the galaxy.
    stars
        Their number.
    mean, square
        Of every column and context entry and of its square, by name.
    """

    name: str
    stars: int
    mean: Mapping[str, float]
    square: Mapping[str, float]

    @classmethod
    def of(cls, galaxy: Galaxy) -> Moments:
        """Measure a galaxy that is cleaned as the training galaxies were."""
        columns = [name for name in EDF_COLUMNS if name in galaxy.columns]
        values = star_matrix(galaxy.stars, columns)
        mean = dict(zip(columns, values.mean(axis=0).tolist(), strict=True))
        square = dict(zip(columns, (values**2).mean(axis=0).tolist(), strict=True))
        context = galaxy.context
        mean |= context
        square |= {name: value**2 for name, value in context.items()}
        return cls(galaxy.name, len(galaxy), mean, square)


def left_out(edf: EDF, galaxies: Sequence[Moments]) -> list[str]:
    """Names of the galaxies of a data set that a published model was not trained on.

    Parameters
    ----------
    edf
        Made by `load_galacticflow`, or saved from such a one.
    galaxies
        Of the whole data set, cleaned as published (`galflowlab.data.galacticflow`), each of
        another name.

    Raises
    ------
    ValueError
        If the model does not say how many it left out or what the scales of its stars were, or
        if no choice of these galaxies has these scales.
    """
    scales, count = _of_card(edf.card)
    moments = _Equations(scales, galaxies)
    chosen = moments.solved(count)
    if (off := moments.off(~chosen)) > _FIT:
        raise ValueError(
            f"no {count} of these {len(galaxies)} galaxies leave the mean and spread of the "
            f"training stars: the nearest choice is off by {off:.2g} of a standard deviation"
        )
    return [galaxy.name for galaxy, out in zip(galaxies, chosen, strict=True) if out]


def _of_card(card: Mapping[str, Any]) -> tuple[Mapping[str, Sequence[float]], int]:
    try:
        scales = card["training"]["scales"]
        return scales, len(card["checkpoint"]["subset_params"]["leavout_vals"])
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"the card lacks {error}: not a published model that leaves galaxies out"
        ) from error


class _Equations:
    """Mean and spread of the training stars, as sums over galaxies.

    With n stars in a galaxy, those of x - mean are zero, and those of x^2 - mean^2 - std^2 are
    -std^2, since the published spread divides by the number of stars less one.
    """

    def __init__(self, scales: Mapping[str, Sequence[float]], galaxies: Sequence[Moments]) -> None:
        self._stars = np.array([galaxy.stars for galaxy in galaxies], dtype=float)
        rows, sums = [], []
        for name, (mean, std) in scales.items():
            if any(name not in galaxy.mean for galaxy in galaxies):
                raise ValueError(f"the galaxies lack {name!r}, which the model has")
            if name not in _EITHER_SIGN:
                rows.append([(galaxy.mean[name] - mean) / std for galaxy in galaxies])
                sums.append(0.0)
            square = mean**2 + std**2
            rows.append([(galaxy.square[name] - square) / std**2 for galaxy in galaxies])
            sums.append(-1.0)
        self._rows, self._sums = np.array(rows), np.array(sums)

    def off(self, seen: np.ndarray) -> float:
        """Largest difference of mean and spread of the galaxies seen from those of the model."""
        if not seen.any():
            return float("inf")
        differences = self._rows @ (seen * self._stars) - self._sums
        return float(np.abs(differences).max() / self._stars[seen].sum())

    def solved(self, count: int) -> np.ndarray:
        """Which so many galaxies to leave out for the smallest summed difference: booleans."""
        equations, galaxies = self._rows.shape
        if not 0 <= count < galaxies:
            raise ValueError(f"{count} galaxies cannot be left out of {galaxies}")
        everyone = self._stars.sum()
        shares, slack = self._rows * (self._stars / everyone), np.eye(equations)
        total = shares.sum(axis=1) - self._sums / everyone
        # Unknown: left out or not, and the size of what each equation is off by.
        below = LinearConstraint(np.hstack([shares, -slack]), ub=total)
        above = LinearConstraint(np.hstack([shares, slack]), lb=total)
        number = LinearConstraint(np.r_[np.ones(galaxies), np.zeros(equations)], count, count)
        result = milp(
            np.r_[np.zeros(galaxies), np.ones(equations)],
            integrality=np.r_[np.ones(galaxies), np.zeros(equations)],
            bounds=Bounds(0, np.r_[np.ones(galaxies), np.full(equations, np.inf)]),
            constraints=[below, above, number],
            options={"time_limit": 60.0},
        )
        if result.x is None:
            raise ValueError(f"no choice of {count} galaxies was found: {result.message}")
        return result.x[:galaxies] > 0.5
