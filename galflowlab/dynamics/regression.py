"""Robust least squares: the few stars where a density has a kink must not decide."""

from __future__ import annotations

import numpy as np

_CUT = 4.685  # of Tukey's biweight: 95 % efficient for normal residuals
_MAD_TO_SIGMA = 1.4826
_STEPS = 25


def spread(residuals: np.ndarray) -> np.ndarray:
    """Robust root mean square about zero: 1.4826 times the median size; NaN are left out."""
    return _MAD_TO_SIGMA * np.nanmedian(np.abs(residuals), axis=-1)


def biweight(residuals: np.ndarray) -> np.ndarray:
    """Weights of Tukey's biweight for residuals (…, star); zero for those that are NaN."""
    scale = np.maximum(spread(residuals)[..., None], np.finfo(float).tiny)
    far = np.nan_to_num(np.abs(residuals) / (_CUT * scale), nan=1.0)
    return np.square(1 - np.minimum(far, 1.0) ** 2)


def robust_solve(
    matrix: np.ndarray, target: np.ndarray, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Solve matrix @ a = target for each problem by iterated biweight least squares.

    Parameters
    ----------
    matrix, target
        Shapes (problem, star, unknown) and (problem, star). Stars that are not finite do not
        count.
    groups
        Group of each star, shape (problem, star).

    Returns
    -------
    solution : (problem, unknown)
    errors : (problem, unknown)
        Standard deviation among the solutions for each group of stars alone. The errors of a
        learned density are shared by neighbouring velocities, so that they do not shrink with
        the number of stars, and neither does this.
    residuals : (problem, star)
        NaN for stars that do not count.

    Raises
    ------
    ValueError
        If fewer than ten stars per unknown count in a group.
    """
    finite = np.isfinite(matrix).all(axis=-1) & np.isfinite(target)
    matrix = np.where(finite[..., None], matrix, 0.0)
    target = np.where(finite, target, 0.0)
    alone = [_solve(matrix, target, finite & (groups == g)) for g in np.unique(groups)]
    solution = _solve(matrix, target, finite)
    residuals = np.where(finite, target - _apply(matrix, solution), np.nan)
    return solution, np.std(alone, axis=0, ddof=1), residuals


def _apply(matrix: np.ndarray, solution: np.ndarray) -> np.ndarray:
    return np.einsum("pku,pu->pk", matrix, solution)


def _solve(matrix: np.ndarray, target: np.ndarray, used: np.ndarray) -> np.ndarray:
    least = 10 * matrix.shape[-1]
    if (fewest := int(used.sum(axis=-1).min())) < least:
        raise ValueError(
            f"expected at least {least} velocities with a finite gradient in each group at each "
            f"point, got {fewest}: more velocities may help, unless the point is on the spin axis"
        )
    weight = used.astype(float)
    for _ in range(_STEPS):
        weighted = matrix * weight[..., None]
        normal = np.swapaxes(matrix, -1, -2) @ weighted
        moment = np.einsum("pku,pk->pu", weighted, target)
        solution = np.linalg.solve(normal, moment[..., None])[..., 0]
        weight = biweight(np.where(used, target - _apply(matrix, solution), np.nan))
    return solution
