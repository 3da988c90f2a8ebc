"""Contexts that stand for those of training galaxies of which only mean and spread are known."""

from __future__ import annotations

import math

import numpy as np
from astropy import units as u
from scipy.special import ndtr, ndtri
from scipy.stats import qmc

from galflowlab.context import LOGARITHMIC
from galflowlab.schema import AGE_MAX, CONTEXT

NUMBER = 128
_POSSIBLE = {u.Gyr: (0.0, AGE_MAX), u.dex(u.Msun): (0.0, 20.0)}  # otherwise a mass fraction
_REACH = 2.0  # standard deviations on either side
_WIDEST = 1e3  # spread over mean of an entry that spans decades


def stand_ins(names: tuple[str, ...], mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Spread contexts evenly over a normal distribution, within two standard deviations.

    Every entry has this distribution by itself, since nothing is known of how they hang
    together; entries that span decades have it in their logarithm. Ages lie between 0 and 14
    Gyr, and the 10th percentile is not above the median.

    Parameters
    ----------
    names
        Context entries in order.
    mean, std
        Of each, shape (context,).

    Returns
    -------
    ndarray
        Shape (128, context), always the same from the same mean and spread.

    Raises
    ------
    ValueError
        For a mean that such an entry cannot have.
    """
    # The first Halton point is zero in every entry: the edge.
    even = qmc.Halton(len(names), scramble=False).random(NUMBER + 1)[1:]
    normal = ndtri(ndtr(-_REACH) + even * (ndtr(_REACH) - ndtr(-_REACH)))
    contexts = np.empty_like(normal)
    for i, name in enumerate(names):
        contexts[:, i] = _spread(name, normal[:, i], float(mean[i]), float(std[i]))
    if {"age_p10", "age_p50"} <= set(names):
        young, middle = names.index("age_p10"), names.index("age_p50")
        contexts[:, young] = np.minimum(contexts[:, young], contexts[:, middle])
    return contexts


def _spread(name: str, normal: np.ndarray, mean: float, std: float) -> np.ndarray:
    low, high = _POSSIBLE.get(CONTEXT[name].unit, (0.0, 1.0))
    if not low < mean < high:
        raise ValueError(f"expected a mean {name} of {low:g} to {high:g}, got {mean:.4g}")
    if name in LOGARITHMIC:
        # Of the lognormal with this mean and spread; a damaged file may hold any spread.
        sigma = math.sqrt(math.log1p(min(std / mean, _WIDEST) ** 2))
        return np.minimum(mean * np.exp(sigma * normal - 0.5 * sigma**2), high)
    return np.clip(mean + std * normal, low, high)
