"""Exact actions of orbits in a Staeckel potential, their inverse, and points on tori.

The momenta separate: with ``rho = sqrt(w)`` and ``eta = sqrt(t)`` (see `staeckel`)

    J_R = 1/pi int sqrt(P_u) / sqrt(s) drho      between two turning points,
    J_z = 2/pi int sqrt(P_v) / sqrt(d) deta      from the plane to the turning point,
    P_u = 2 [E s - K + F(s)] - Lz² (1 + D²/w),
    P_v = 2 [K - E t - F(t)] - Lz² t/d,

where K >= 0 is the third integral. Turning points come from safeguarded Newton iterations, the
integrals from midpoint sums in the angle that removes both end-point singularities (spectrally
convergent). Arrays have shape (star,), on the quadrature grids (node, star).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from galflowlab.mocks.staeckel import StaeckelPotential

HORIZON = 1e9
"""Stars farther [kpc] or faster [km/s] than this count as unbound, to keep squares finite."""

NODES = (32, 24)
"""Quadrature nodes in radius and in height, the same for an action and for its inverse."""

L2_FLOOR = 1e-10  # (kpc km/s)²; far below any star's, keeps the centrifugal wall finite


class Integrals(NamedTuple):
    """Energy [(km/s)²], third integral [kpc² (km/s)²] and Lz² [(kpc km/s)²]."""

    E: np.ndarray
    K: np.ndarray
    L2: np.ndarray


class Turning(NamedTuple):
    """Turning points [kpc²]: w of peri- and apocentre, t of the greatest height."""

    w_in: np.ndarray
    w_out: np.ndarray
    t_max: np.ndarray


class Quadrature(NamedTuple):
    """One action and the integrals that its derivatives by E and K consist of."""

    action: np.ndarray
    over_p: np.ndarray  # int dq / (metric p)
    coordinate_over_p: np.ndarray  # int (s or t) dq / (metric p)
    density: np.ndarray  # integrand of over_p per node, shape (node, star)
    coordinate: np.ndarray  # w or t at the nodes, shape (node, star)


class Tori(NamedTuple):
    """Orbits found from their actions."""

    integrals: Integrals
    turning: Turning
    error: np.ndarray  # relative error of the actions


def p2_u(pot: StaeckelPotential, w: np.ndarray, orbit: Integrals) -> np.ndarray:
    """Return P_u at w."""
    s = w + pot.focus2
    return 2 * (orbit.E * s - orbit.K + pot.F(s)) - orbit.L2 * (1 + pot.focus2 / w)


def p2_v(pot: StaeckelPotential, t: np.ndarray, orbit: Integrals) -> np.ndarray:
    """Return P_v at t."""
    return 2 * (orbit.K - orbit.E * t - pot.F(t)) - orbit.L2 * t / (pot.focus2 - t)


def _slope_u(pot: StaeckelPotential, w: np.ndarray, orbit: Integrals) -> np.ndarray:
    return 2 * (orbit.E + pot.dF(w + pot.focus2)) + orbit.L2 * pot.focus2 / (w * w)


def _slope_v(pot: StaeckelPotential, t: np.ndarray, orbit: Integrals) -> np.ndarray:
    d = pot.focus2 - t
    return -2 * (orbit.E + pot.dF(t)) - orbit.L2 * pot.focus2 / (d * d)


def _bracketed_newton(
    function: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    low: np.ndarray,
    high: np.ndarray,
    start: np.ndarray,
    iterations: int = 40,
    tolerance: float = 1e-8,
) -> np.ndarray:
    """Root of a function that rises through zero once in (low, high); all positive.

    `function` returns value and derivative. Newton steps that leave the shrinking bracket are
    replaced by its geometric middle.
    """
    x, low, high = start, low.copy(), high.copy()
    for _ in range(iterations):
        value, slope = function(x)
        np.copyto(low, x, where=value < 0)
        np.copyto(high, x, where=value >= 0)
        flat = np.where(value == 0, 0.0, np.inf)  # a circular orbit has value = slope = 0
        new = x - np.divide(value, slope, out=flat, where=slope > 0)
        outside = ~((new > low) & (new < high)) & (value != 0)
        if outside.any():
            lo, hi = low[outside], high[outside]
            new[outside] = np.sqrt(np.maximum(lo, 1e-6 * hi) * hi)
        if np.all(np.abs(new - x) <= tolerance * x):
            return new
        x = new
    return x


def peak_u(pot: StaeckelPotential, orbit: Integrals, start: np.ndarray) -> np.ndarray:
    """Where P_u is greatest: inside every orbit of this energy and angular momentum."""

    def falling(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # times w, and with the sign turned, so that it rises and is nearly linear
        s, wall = x + pot.focus2, orbit.L2 * pot.focus2 / x
        pull = 2 * (orbit.E + pot.dF(s))
        return -(pull * x + wall), -(pull + 2 * x * pot.d2F(s)) + wall / x

    D2 = pot.focus2
    low, high = np.full_like(start, 1e-12 * D2), np.full_like(start, 1e12 * D2)
    return _bracketed_newton(falling, low, high, start, tolerance=1e-7)


def _outer_root(
    pot: StaeckelPotential, orbit: Integrals, inside: np.ndarray, iterations: int = 40
) -> np.ndarray:
    """Apocentre: P_u is concave, so that Newton from outside converges monotonically."""
    # F(s) <= GM sqrt(s), hence P_u < 0 beyond (GM/E)²
    w = np.maximum((sum(pot.gm) / np.maximum(-orbit.E, 1e-30)) ** 2, 4 * inside + 1e-12)
    for _ in range(iterations):
        value, slope = p2_u(pot, w, orbit), _slope_u(pot, w, orbit)
        down = (value < 0) & (slope < 0)
        new = np.maximum(w - np.where(down, value / np.where(down, slope, -1.0), 0), inside)
        if np.all(w - new <= 1e-10 * w):
            return new
        w = new
    return w


def turning_points(pot: StaeckelPotential, orbit: Integrals, inside: np.ndarray) -> Turning:
    """Turning points of orbits; `inside` is any w at which P_u >= 0."""
    D2, (E, K, L2) = pot.focus2, orbit

    def radial(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # times w: finite at w = 0
        value = p2_u(pot, w, orbit)
        return w * value, value + w * _slope_u(pot, w, orbit)

    def vertical(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # times d, sign turned
        value, d = p2_v(pot, t, orbit), D2 - t
        return -d * value, value - d * _slope_v(pot, t, orbit)

    w_out = _outer_root(pot, orbit, inside)
    rise = 2 * (E * D2 - K + pot.F(np.asarray(D2))) - L2 + 2 * sum(pot.gm) * np.sqrt(inside)
    guess = np.minimum(inside, 0.5 * L2 * D2 / np.maximum(rise, 1e-30) + 1e-30)
    w_in = _bracketed_newton(radial, np.zeros_like(E), inside, guess)
    guess = np.minimum(K / np.maximum(E + pot.dF(np.zeros(())) + L2 / (2 * D2), 1e-30), 0.5 * D2)
    t_max = _bracketed_newton(vertical, np.zeros_like(E), np.full_like(E, D2), guess)
    return Turning(w_in, w_out, np.minimum(t_max, D2 * (1 - 1e-15)))


def radial_quadrature(
    pot: StaeckelPotential, orbit: Integrals, ends: Turning, nodes: int
) -> Quadrature:
    """J_R and its derivatives, with rho = mean - half-width cos(angle)."""
    inner, outer = np.sqrt(ends.w_in), np.sqrt(ends.w_out)
    angle = ((np.arange(nodes) + 0.5) * np.pi / nodes)[:, None]
    half = 0.5 * (outer - inner)
    rho = 0.5 * (outer + inner) - half * np.cos(angle)
    w = rho * rho
    s = w + pot.focus2
    p = np.sqrt(np.maximum(p2_u(pot, w, orbit), 1e-30))
    measure = half * np.sin(angle) * (np.pi / nodes) / np.sqrt(s)
    density = measure / p
    action = (measure * p).sum(0) / np.pi
    return Quadrature(action, density.sum(0), (density * s).sum(0), density, w)


def vertical_quadrature(
    pot: StaeckelPotential, orbit: Integrals, ends: Turning, nodes: int
) -> Quadrature:
    """J_z and its derivatives, with eta = top sin(angle)."""
    top = np.sqrt(ends.t_max)
    angle = ((np.arange(nodes) + 0.5) * (np.pi / 2) / nodes)[:, None]
    eta = top * np.sin(angle)
    t = eta * eta
    p = np.sqrt(np.maximum(p2_v(pot, t, orbit), 1e-30))
    measure = top * np.cos(angle) * (np.pi / 2 / nodes) / np.sqrt(pot.focus2 - t)
    density = measure / p
    action = 2 / np.pi * (measure * p).sum(0)
    return Quadrature(action, density.sum(0), (density * t).sum(0), density, t)


def _integrals(pot: StaeckelPotential, xv: np.ndarray) -> tuple[Integrals, np.ndarray, np.ndarray]:
    """Integrals of motion, Lz and w of phase-space points."""
    x, y, z, vx, vy, vz = xv.T
    R = np.hypot(x, y)
    Lz = x * vy - y * vx
    on_axis = R < 1e-150  # whose square is zero
    per_R = 1 / np.where(on_axis, 1.0, R)
    v_R = np.where(on_axis, np.hypot(vx, vy), (x * vx + y * vy) * per_R)
    v_phi = Lz * per_R
    w, t, d = pot.coordinates(R, z)
    energy = 0.5 * (vx * vx + vy * vy + vz * vz) + pot(R, z)
    along = np.sqrt(w * t) * np.sign(z)
    across = np.sqrt((w + pot.focus2) * d)
    squares = (along * v_R - across * vz) ** 2 + w * t * v_phi**2
    K = 0.5 * squares / pot.focus2 + energy * t + pot.F(t)
    orbit = Integrals(energy, np.maximum(K, 1e-16), np.maximum(Lz * Lz, L2_FLOOR))
    return orbit, Lz, np.maximum(w, 1e-16)


def actions(
    pot: StaeckelPotential,
    phase_space: np.ndarray,
    nodes: tuple[int, int] = NODES,
    chunk: int = 4000,
) -> np.ndarray:
    """Return actions J_R, J_z, L_z [kpc km/s], shape (star, 3).

    Parameters
    ----------
    pot
        The potential.
    phase_space
        x y z [kpc] vx vy vz [km/s], shape (star, 6), finite.
    nodes
        Quadrature nodes in radius and in height.
    chunk
        Stars handled at once, so that the grids stay in the processor's cache.

    Returns
    -------
    numpy.ndarray
        J_R and J_z are infinite for unbound stars.
    """
    out = np.empty((len(phase_space), 3))
    for i in range(0, len(phase_space), chunk):
        xv = np.asarray(phase_space[i : i + chunk, :6], dtype=np.float64)
        far = np.any(np.abs(xv) > HORIZON, axis=1)
        if far.any():
            xv = np.where(far[:, None], 0.0, xv)
        orbit, Lz, w = _integrals(pot, xv)
        unbound = orbit.E >= 0
        orbit = orbit._replace(E=np.where(unbound, -1.0, orbit.E))
        ends = turning_points(pot, orbit, w)
        rows = out[i : i + chunk]
        rows[:, 0] = radial_quadrature(pot, orbit, ends, nodes[0]).action
        rows[:, 1] = vertical_quadrature(pot, orbit, ends, nodes[1]).action
        rows[:, 2] = Lz
        rows[unbound | far, :2] = np.inf
    return out
