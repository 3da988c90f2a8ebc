"""Orbit integration of test particles in a mock galaxy's potential."""

from __future__ import annotations

import numpy as np

from galflowlab.mocks.staeckel import StaeckelPotential

GYR = 1 / 0.977792221
"""One Gyr in kpc/(km/s)."""


def acceleration(potential: StaeckelPotential, position: np.ndarray) -> np.ndarray:
    """Cartesian acceleration [(km/s)²/kpc], shape (star, 3), at positions [kpc]."""
    R = np.hypot(position[:, 0], position[:, 1])
    radial, vertical = potential.forces(R, position[:, 2])
    per_R = radial / np.maximum(R, 1e-300)
    return np.column_stack([per_R * position[:, 0], per_R * position[:, 1], vertical])


def integrate(
    potential: StaeckelPotential, phase_space: np.ndarray, duration: float, steps: int
) -> np.ndarray:
    """Follow test particles with a leapfrog (drift-kick-drift, second order, symplectic).

    Parameters
    ----------
    potential
        The static field.
    phase_space
        x y z [kpc] vx vy vz [km/s], shape (star, 6); not changed.
    duration
        Time span [Gyr]; negative values integrate backwards.
    steps
        Number of equal steps.

    Returns
    -------
    numpy.ndarray
        Phase-space coordinates at the end, shape (star, 6).
    """
    if steps < 1:
        raise ValueError(f"expected at least one step, got {steps}")
    x, v = phase_space[:, :3].copy(), phase_space[:, 3:6].copy()
    step = duration * GYR / steps
    x += 0.5 * step * v
    for k in range(steps):
        v += step * acceleration(potential, x)
        x += (step if k < steps - 1 else 0.5 * step) * v
    return np.column_stack([x, v])
