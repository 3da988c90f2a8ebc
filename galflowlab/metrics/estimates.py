"""Means over stars with their standard errors: likelihood, and divergence from a known eDF."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Estimate:
    """A mean over stars and its standard error."""

    value: float
    error: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ± {self.error:.3f}"


def mean_over_stars(values: ArrayLike) -> Estimate:
    """Mean and standard error of per-star values of shape (star,).

    Raises
    ------
    ValueError
        If there are fewer than two values or one is NaN.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or len(array) < 2:
        raise ValueError(f"expected at least two per-star values, got shape {array.shape}")
    if np.isnan(array).any():
        raise ValueError(f"{int(np.isnan(array).sum())} of {len(array)} values are NaN")
    if np.isinf(array).any():
        return Estimate(float(array.mean()), float("inf"))
    return Estimate(float(array.mean()), float(array.std(ddof=1) / np.sqrt(len(array))))


def negative_log_likelihood(log_model: ArrayLike) -> Estimate:
    """Held-out negative log-likelihood in nats per star."""
    return mean_over_stars(-np.asarray(log_model, dtype=np.float64))


def kl_divergence(log_truth: ArrayLike, log_model: ArrayLike) -> Estimate:
    """KL(truth‖model) in nats per star from stars drawn from the truth.

    Parameters
    ----------
    log_truth, log_model
        Natural log densities of the same stars, shape (star,), in the same units.

    Raises
    ------
    ValueError
        If the shapes differ, or a star drawn from the truth has zero true density.

    Examples
    --------
    >>> import galflowlab
    >>> from galflowlab import metrics, mocks
    >>> galaxy = mocks.make_galaxy(10.0, seed=7, n=2000, scatter=0.0)
    >>> truth = galaxy.truth.log_prob(galaxy.stars)
    >>> model = galflowlab.load("mock").log_prob(galaxy.stars, galaxy.context)
    >>> print(f"{metrics.kl_divergence(truth, model).value:.2f} nats per star")
    0.02 nats per star
    """
    truth = np.asarray(log_truth, dtype=np.float64)
    model = np.asarray(log_model, dtype=np.float64)
    if truth.shape != model.shape:
        raise ValueError(f"expected equal shapes, got {truth.shape} and {model.shape}")
    if not np.isfinite(truth).all():
        raise ValueError("the truth gives no density to some of its own stars")
    return mean_over_stars(truth - model)
