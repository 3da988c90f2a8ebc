"""Mixtures of Gaussians in standardised entries: about zero mean and unit spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

_MOST = 8  # Gaussians
_FEWEST = 4  # galaxies for each of them
_NOISE = 0.05  # spread below which contexts are not told apart: they are measured from stars
_PRIOR = 4.0  # galaxies' worth of belief that a Gaussian is shaped as all of them together
_CONVERGED = 0.3  # change of the summed log likelihood; the criterion weighs 1 per parameter
_STEPS = 200
_HALVINGS, _NEWTON = 8, 3  # of the interval that holds a median, and steps from there


@dataclass(frozen=True)
class Conditional:
    """Mixtures of the open entries at some rows of given ones.

    Parameters
    ----------
    weights
        Shape (row, Gaussian).
    means
        Shape (row, open, Gaussian).
    covariances
        The same for every row, shape (Gaussian, open, open).
    """

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray

    def medians(self) -> np.ndarray:
        """Median of every open entry by itself, shape (row, open)."""
        spread = np.sqrt(np.diagonal(self.covariances, axis1=1, axis2=2)).T
        weights, low, high = self.weights[:, None], self.means.min(axis=2), self.means.max(axis=2)
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            up = (weights * ndtr((middle[:, :, None] - self.means) / spread)).sum(axis=2) < 0.5
            low, high = np.where(up, middle, low), np.where(up, high, middle)
        value = 0.5 * (low + high)
        for _ in range(_NEWTON):
            offset = (value[:, :, None] - self.means) / spread
            excess = (weights * ndtr(offset)).sum(axis=2) - 0.5
            slope = (weights * np.exp(-0.5 * offset**2) / spread).sum(axis=2) / np.sqrt(2 * np.pi)
            value = np.clip(value - excess / np.maximum(slope, 1e-9), low, high)
        return value

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw `n` times at the first row, all open entries together: shape (n, open)."""
        which = rng.choice(self.weights.shape[1], size=n, p=self.weights[0])
        noise = rng.standard_normal((n, self.means.shape[1]))
        factors = np.linalg.cholesky(self.covariances)[which]
        return self.means[0].T[which] + (factors * noise[:, None]).sum(axis=2)


class Mixture:
    """A mixture of Gaussians.

    Parameters
    ----------
    weights, means, covariances
        Shapes (Gaussian,), (Gaussian, entry), (Gaussian, entry, entry).
    """

    def __init__(self, weights: np.ndarray, means: np.ndarray, covariances: np.ndarray) -> None:
        self.weights, self.means, self.covariances = weights, means, covariances

    def log_density(self, rows: np.ndarray) -> np.ndarray:
        """Natural log of the density of rows (row, entry), shape (row,)."""
        log_joint = self._log_joint(rows, list(range(self.means.shape[1])))
        return _shared(log_joint)[1]

    def given(self, known: list[int], values: np.ndarray) -> Conditional:
        """Distribution of the other entries at known ones, (row, known)."""
        unknown = [i for i in range(self.means.shape[1]) if i not in known]
        cross = self.covariances[:, unknown][:, :, known]
        slopes = np.linalg.solve(
            self.covariances[:, known][:, :, known], cross.swapaxes(1, 2)
        )  # (Gaussian, known, unknown)
        log_joint = self._log_joint(values, known)
        means = np.tile(self.means[:, unknown].T, (len(values), 1, 1))
        for j, entry in enumerate(known):
            offset = values[:, j, None] - self.means[:, entry]
            means += offset[:, None] * slopes[:, j].T
        return Conditional(
            _shared(log_joint)[0],
            means,
            self.covariances[:, unknown][:, :, unknown] - cross @ slopes,
        )

    def _log_joint(self, rows: np.ndarray, entries: list[int]) -> np.ndarray:
        """Log of weight times density of each Gaussian over some entries, (row, Gaussian)."""
        # Entry by entry and without BLAS: small arrays, and no row depends on how many there are.
        factors = np.linalg.cholesky(self.covariances[:, entries][:, :, entries])
        total = np.tile(np.log(self.weights), (len(rows), 1))
        whitened: list[np.ndarray] = []
        for i, entry in enumerate(entries):
            rest = rows[:, i, None] - self.means[:, entry]
            for j, before in enumerate(whitened):
                rest = rest - factors[:, i, j] * before
            whitened.append(rest / factors[:, i, i])
            total -= 0.5 * whitened[-1] ** 2 + np.log(factors[:, i, i] * np.sqrt(2 * np.pi))
        return total


def fitted(rows: np.ndarray) -> tuple[Mixture, np.ndarray]:
    """Mixture with the lowest Akaike criterion, and the shares of its Gaussians in each row."""
    n, d = rows.shape
    best, found = np.inf, None
    for count in range(1, max(1, min(_MOST, n // _FEWEST)) + 1):
        mixture, log_likelihood, share = maximised(rows, _slabs(rows, count))
        own = n / (n + count * _PRIOR)  # how far a covariance is its own, not that of all
        parameters = count * (1 + d) - 1 + d * (d + 1) / 2 * (1 + (count - 1) * own)
        if parameters - log_likelihood < best:
            best, found = parameters - log_likelihood, (mixture, share)
    assert found is not None
    return found


def _slabs(rows: np.ndarray, count: int) -> np.ndarray:
    """Start: rows cut into equal parts along the direction of their largest spread."""
    centred = rows - rows.mean(axis=0)
    direction = np.linalg.svd(centred, full_matrices=False)[2][0]
    share = np.zeros((len(rows), count))
    for k, part in enumerate(np.array_split(np.argsort(centred @ direction, kind="stable"), count)):
        share[part, k] = 1.0
    return share


def maximised(rows: np.ndarray, share: np.ndarray) -> tuple[Mixture, float, np.ndarray]:
    """Expectation maximisation (Dempster, Laird & Rubin 1977) from a share (row, Gaussian)."""
    n, d = rows.shape
    count, sphere = share.shape[1], np.eye(d)
    squares = (rows[:, :, None] * rows[:, None]).reshape(n, d * d)
    features = np.concatenate([np.ones((n, 1)), rows, squares], axis=1)
    last = -np.inf
    for _ in range(_STEPS):
        moments = share.T @ features
        size = moments[:, 0] + 1e-9
        means = moments[:, 1 : 1 + d] / size[:, None]
        outer = (size[:, None] * means)[:, :, None] * means[:, None]
        scatter = moments[:, 1 + d :].reshape(count, d, d) - outer
        pooled = (scatter.sum(axis=0) + sphere) / (n + 1)
        covariances = (scatter + _PRIOR * pooled) / (size + _PRIOR)[:, None, None]
        covariances += _NOISE**2 * sphere
        weights = (size + 1) / (n + count)
        log_joint = features @ _quadratics(weights, means, covariances).T
        share, log_density = _shared(log_joint)
        log_likelihood = float(log_density.sum())
        if abs(log_likelihood - last) < _CONVERGED:
            break
        last = log_likelihood
    return Mixture(weights, means, covariances), log_likelihood, share


def _shared(log_joint: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of each Gaussian in each row, and log of their sum; scipy's is slow for few rows."""
    highest = log_joint.max(axis=1, keepdims=True)
    parts = np.exp(log_joint - highest)
    total = parts.sum(axis=1, keepdims=True)
    return parts / total, (highest + np.log(total))[:, 0]


def _quadratics(weights: np.ndarray, means: np.ndarray, covariances: np.ndarray) -> np.ndarray:
    """Coefficients of log(weight times density) in 1, x and x xᵀ: (Gaussian, feature)."""
    d = means.shape[1]
    precisions = np.linalg.inv(covariances)
    linear = (precisions @ means[:, :, None])[:, :, 0]
    log_det = np.linalg.slogdet(covariances).logabsdet
    constant = np.log(weights) - 0.5 * (d * np.log(2 * np.pi) + log_det)
    constant -= 0.5 * (linear * means).sum(axis=1)
    return np.concatenate([constant[:, None], linear, -0.5 * precisions.reshape(-1, d * d)], axis=1)
