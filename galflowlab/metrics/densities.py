"""Likelihood and divergence from a known eDF, judged against their own noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from galflowlab.metrics.comparison import Comparison
from galflowlab.metrics.estimates import kl_divergence, negative_log_likelihood
from galflowlab.metrics.splits import generator


def kl_to_truth(
    log_truth: ArrayLike,
    log_model: ArrayLike,
    *,
    resamples: int,
    seed: int | np.random.Generator,
) -> Comparison:
    """KL(truth‖model) in nats per star, and whether so many stars can tell it from zero.

    With a perfect model every log ratio is zero: there is no scatter to compare with. The null
    is therefore a model whose log ratios scatter as these do, but about zero: means of as many
    stars, drawn with replacement from the log ratios less their mean. A small p says that the
    divergence is measured rather than noise, not that it is large; that is for `value` to say.

    Parameters
    ----------
    log_truth, log_model
        Natural log densities of stars drawn from the truth, shape (star,), in the same units.
    resamples
        Number of null values.
    seed
        Integer or numpy Generator.

    Returns
    -------
    Comparison
        `value` and `error` (standard error) are those of `kl_divergence`. If the model gives no
        density to some stars, the value is infinite, ``details["impossible_stars"]`` counts
        them, and the null is that of the others.

    Raises
    ------
    ValueError
        As from `kl_divergence`, if a model density is infinite, or if fewer than two stars are
        possible.
    """
    model = np.asarray(log_model, dtype=np.float64)
    _refuse_infinite(model)
    known, rng = generator(seed)
    estimate = kl_divergence(log_truth, model)
    ratio = np.asarray(log_truth, dtype=np.float64) - model
    possible = ratio[np.isfinite(ratio)]
    if len(possible) < 2:
        raise ValueError(f"the model gives density to only {len(possible)} of {len(ratio)} stars")
    # A sample's variance about its own mean is too small by (n - 1) / n.
    noise = (possible - possible.mean()) * np.sqrt(len(possible) / (len(possible) - 1))
    details = {
        "stars": len(ratio),
        "impossible_stars": len(ratio) - len(possible),
        "seed": known,
    }
    null = _means(noise, len(ratio), resamples, rng)
    return Comparison("kl_to_truth", estimate.value, null, estimate.error, details)


def held_out_nll(
    log_model_held_out: ArrayLike,
    log_model_reference: ArrayLike,
    *,
    resamples: int,
    seed: int | np.random.Generator,
) -> Comparison:
    """Negative log-likelihood of held-out stars, against that of stars which the model expects.

    With stars drawn from the model itself as reference, the null says what as many stars would
    give if the model were true: a large `z` means that real stars lie where the model expects
    few, a very negative one that the model is too wide (only the upper tail counts for the p
    value). With the training stars as reference a large `z` means overfitting.

    Parameters
    ----------
    log_model_held_out, log_model_reference
        Natural log densities under the model, shapes (star,) and (reference star,), in the same
        units.
    resamples
        Number of null values.
    seed
        Integer or numpy Generator.

    Returns
    -------
    Comparison
        `value` [nats per star] and `error` (standard error) are those of
        `negative_log_likelihood`; infinite if the model gives no density to a held-out star.

    Raises
    ------
    ValueError
        If there are fewer than two stars, a density is NaN or infinite, or a reference star has
        no density.

    Notes
    -----
    The mean of the reference is itself uncertain. With n held-out and m reference stars their
    difference has the variance σ²(1/n + 1/m), that of a mean of nm/(n + m) stars: so many are
    drawn, with replacement, for each null value.
    """
    held_out = np.asarray(log_model_held_out, dtype=np.float64)
    reference = np.asarray(log_model_reference, dtype=np.float64)
    _refuse_infinite(held_out)
    estimate = negative_log_likelihood(held_out)
    if not np.isfinite(reference).all():
        bad = int((~np.isfinite(reference)).sum())
        raise ValueError(f"{bad} of {len(reference)} reference stars have no finite density")
    expected = negative_log_likelihood(reference)
    known, rng = generator(seed)
    n, m = len(held_out), len(reference)
    null = _means(-reference, max(1, round(n * m / (n + m))), resamples, rng)
    details = {"stars": n, "reference_stars": m, "reference": expected.value, "seed": known}
    return Comparison("held_out_nll", estimate.value, null, estimate.error, details)


def _means(values: np.ndarray, n: int, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Means of `n` values drawn with replacement."""
    if resamples < 2:
        raise ValueError(f"expected at least 2 resamples, got {resamples}")
    return np.array([values[rng.integers(len(values), size=n)].mean() for _ in range(resamples)])


def _refuse_infinite(log_model: np.ndarray) -> None:
    if np.isposinf(log_model).any():
        bad = int(np.isposinf(log_model).sum())
        raise ValueError(f"the model gives an infinite density to {bad} of {len(log_model)} stars")
