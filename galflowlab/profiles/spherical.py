"""Spherical potential of a rotation curve, where the true potential is not known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from astropy import units as u

from galflowlab.schema import in_unit


class SphericalPotential:
    """Spherical potential with a given circular velocity.

    An approximation: a disc of the same circular velocity has a potential that rises faster
    with height. In mocks the disc fraction of `circularity_distribution` comes out 0.01 too
    large. Make it with `from_circular_velocity`.
    """

    def __init__(self, radius: np.ndarray, squared: np.ndarray) -> None:
        self._log_r, self._squared = np.log(radius), squared
        step, middle = np.diff(self._log_r), 0.5 * (squared[1:] + squared[:-1])
        rise = np.concatenate([[0.0], np.cumsum(step * middle)])
        self._potential = rise - rise[-1] - squared[-1]  # zero at infinity

    @classmethod
    def from_circular_velocity(
        cls, radius: Sequence[float] | np.ndarray, speed: Sequence[float] | np.ndarray
    ) -> SphericalPotential:
        """Integrate dPhi/dr = v_c² / r.

        Between the radii v_c² is linear in ln r. Beyond the last one there is no more mass (a
        Keplerian curve), within the first one the density is constant.

        Parameters
        ----------
        radius
            Radii [kpc], increasing, at least two.
        speed
            Circular velocities there [km/s].

        Raises
        ------
        ValueError
            For radii that are not positive and increasing, speeds that are not positive, masked
            or infinite values, or different lengths.
        """
        for name, given in (("radii", radius), ("speeds", speed)):
            if np.ma.getmaskarray(np.ma.asarray(given)).any():
                raise ValueError(f"expected {name} of a rotation curve, got masked values")
        r = in_unit("radii", radius, u.kpc)
        v = in_unit("speeds", speed, u.km / u.s)
        if r.ndim != 1 or r.shape != v.shape or len(r) < 2:
            raise ValueError(f"expected two radii and speeds or more, got {r.shape} and {v.shape}")
        if not (np.isfinite(r).all() and r[0] > 0 and (np.diff(r) > 0).all()):
            raise ValueError(f"expected positive and increasing radii in kpc, got {r}")
        if not (np.isfinite(v).all() and (v > 0).all()):
            raise ValueError(f"expected positive speeds in km/s, got {v}")
        return cls(r, v**2)

    def __call__(self, R: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Potential [(km/s)²] at cylindrical radius R and height z [kpc]; zero at infinity."""
        r = np.hypot(in_unit("R", R, u.kpc), in_unit("z", z, u.kpc))
        first, last = np.exp(self._log_r[[0, -1]])
        x = np.log(np.clip(r, first, last))
        i = np.clip(np.searchsorted(self._log_r, x) - 1, 0, len(self._log_r) - 2)
        step = x - self._log_r[i]
        slope = np.diff(self._squared) / np.diff(self._log_r)
        inside = self._potential[i] + step * (self._squared[i] + 0.5 * step * slope[i])
        core = -0.5 * self._squared[0] * (1 - (np.minimum(r, first) / first) ** 2)
        kepler = self._squared[-1] * (1 - last / np.maximum(r, last))
        return inside + core + kepler

    def circular_velocity(self, R: np.ndarray) -> np.ndarray:
        """Circular velocity [km/s] at R [kpc]."""
        r = in_unit("R", R, u.kpc)
        first, last = np.exp(self._log_r[[0, -1]])
        log_r = np.log(np.clip(r, first, last))
        squared = np.interp(log_r, self._log_r, self._squared)
        squared = squared * (np.minimum(r, first) / first) ** 2
        return np.sqrt(squared * last / np.maximum(r, last))
