"""From actions to orbits and to points on them: what sampling an action-based eDF needs."""

from __future__ import annotations

import numpy as np

from galflowlab.mocks.actions import (
    L2_FLOOR,
    NODES,
    Integrals,
    Quadrature,
    Tori,
    Turning,
    p2_u,
    p2_v,
    peak_u,
    radial_quadrature,
    turning_points,
    vertical_quadrature,
)
from galflowlab.mocks.staeckel import StaeckelPotential


def _guess(pot: StaeckelPotential, J: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Epicyclic estimates of E and K, and of w where P_u is greatest."""
    JR, Jz, L = J[:, 0], J[:, 1], np.maximum(np.abs(J[:, 2]), np.sqrt(L2_FLOOR))
    epicycle = pot.epicycle(pot.guiding_radius(L + Jz + JR))
    ratio_R, ratio_z = epicycle.kappa / epicycle.omega, epicycle.nu / epicycle.omega
    E = pot.circular_energy(L + ratio_R * JR + np.minimum(ratio_z, 2.0) * Jz)
    shell = pot.epicycle(pot.guiding_radius(L + Jz))
    K = np.maximum((shell.radius**2 + pot.focus2) * shell.nu * Jz, 1e-14)
    return E, K, shell.radius**2


def _radial_or_forbidden(
    pot: StaeckelPotential, orbit: Integrals, ends: Turning, peak: np.ndarray, nodes: int
) -> Quadrature:
    """Radial quadrature; where P_u < 0 everywhere, its harmonic continuation to J_R < 0."""
    top = p2_u(pot, peak, orbit)
    allowed = top > 0
    w_in = np.where(allowed, ends.w_in, peak * (1 - 1e-6))
    w_out = np.where(allowed, ends.w_out, peak * (1 + 1e-6))
    inside = radial_quadrature(pot, orbit, Turning(w_in, w_out, ends.t_max), nodes)
    if allowed.all():
        return inside
    D2, s = pot.focus2, peak + pot.focus2
    curvature = np.maximum(-2 * pot.d2F(s) + 2 * orbit.L2 * D2 / peak**3, 1e-30)
    over_p = np.pi / np.sqrt(0.5 * curvature) / (2 * np.sqrt(peak * s))
    return inside._replace(
        action=np.where(allowed, inside.action, top * over_p / (2 * np.pi)),
        over_p=np.where(allowed, inside.over_p, over_p),
        coordinate_over_p=np.where(allowed, inside.coordinate_over_p, over_p * s),
    )


def _newton_step(
    u: Quadrature, v: Quadrature, miss_R: np.ndarray, miss_z: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Changes of E and K that remove the misses of J_R and J_z to first order."""
    a, b = u.coordinate_over_p / np.pi, -u.over_p / np.pi
    c, d = -2 / np.pi * v.coordinate_over_p, 2 / np.pi * v.over_p
    determinant = a * d - b * c
    return (d * miss_R - b * miss_z) / determinant, (a * miss_z - c * miss_R) / determinant


def invert(
    pot: StaeckelPotential,
    J: np.ndarray,
    nodes: tuple[int, int] = NODES,
    iterations: int = 40,
    tolerance: float = 1e-7,
) -> Tori:
    """Orbits with given actions, by damped Newton iterations in E and K.

    Parameters
    ----------
    pot
        The potential.
    J
        J_R, J_z, L_z [kpc km/s], shape (star, 3).
    nodes
        Quadrature nodes in radius and in height.
    iterations, tolerance
        Stop after so many iterations or at this relative error of the actions.
    """
    JR, Jz, Lz = np.asarray(J, dtype=np.float64).T
    L2 = np.maximum(Lz * Lz, L2_FLOOR)
    L = np.sqrt(L2)
    E, K, peak = _guess(pot, J)
    E_floor, size = pot.circular_energy(L), JR + Jz + 0.02 * L + 1e-12
    damping, error = np.ones_like(E), np.full_like(E, np.inf)
    best = [np.empty_like(E) for _ in range(5)]  # E, K and the turning points
    active = np.arange(len(E))
    for _ in range(iterations):
        orbit = Integrals(E[active], K[active], L2[active])
        peak[active] = peak_u(pot, orbit, peak[active])
        ends = turning_points(pot, orbit, peak[active])
        u = _radial_or_forbidden(pot, orbit, ends, peak[active], nodes[0])
        v = vertical_quadrature(pot, orbit, ends, nodes[1])
        miss = JR[active] - u.action, Jz[active] - v.action
        scale = JR[active] + 1e-4 * size[active], Jz[active] + 1e-4 * size[active]
        missed = np.maximum(np.abs(miss[0]) / scale[0], np.abs(miss[1]) / scale[1])
        better = missed < error[active]
        improved = active[better]
        error[improved] = missed[better]
        for store, value in zip(best, (orbit.E, orbit.K, *ends), strict=True):
            store[improved] = value[better]
        gain = np.where(better, np.minimum(1.0, 2 * damping[active]), 0.5 * damping[active])
        damping[active] = np.maximum(gain, 0.1)
        if not (open_ := missed > tolerance).any():
            break
        dE, dK = _newton_step(u, v, *miss)
        new_E = np.clip(
            orbit.E + damping[active] * dE, np.maximum(E_floor[active], 3 * orbit.E), 0.35 * orbit.E
        )
        new_K = np.clip(orbit.K + damping[active] * dK, 0.2 * orbit.K, 5 * orbit.K + 1e-14)
        active, E_open, K_open = active[open_], new_E[open_], new_K[open_]
        E[active], K[active] = E_open, K_open
    return Tori(Integrals(best[0], best[1], L2), Turning(*best[2:]), error)


def _draw_angle(density: np.ndarray, width: float, rng: np.random.Generator) -> np.ndarray:
    """Draw from densities tabulated at midpoints, linear within each bin; shape (star,)."""
    nodes, stars = density.shape
    cumulative = np.cumsum(density, axis=0)
    cut = rng.random(stars) * cumulative[-1]
    k = np.minimum((cumulative < cut).sum(0), nodes - 1)
    i = np.arange(stars)
    before, here = density[np.maximum(k - 1, 0), i], density[k, i]
    after = density[np.minimum(k + 1, nodes - 1), i]
    slope = np.clip(0.5 * (after - before) / here, -1.9, 1.9)
    y = rng.random(stars)
    fraction = 2 * y / (1 - 0.5 * slope + np.sqrt((1 - 0.5 * slope) ** 2 + 2 * slope * y))
    return (k + fraction) * width / nodes


def _sign(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.where(rng.random(n) < 0.5, -1.0, 1.0)


def _to_cartesian(
    R: np.ndarray,
    z: np.ndarray,
    velocity: tuple[np.ndarray, np.ndarray, np.ndarray],
    rng: np.random.Generator,
) -> np.ndarray:
    v_R, v_phi, v_z = velocity
    azimuth = rng.random(len(R)) * 2 * np.pi
    cos, sin = np.cos(azimuth), np.sin(azimuth)
    return np.column_stack(
        [R * cos, R * sin, z, v_R * cos - v_phi * sin, v_R * sin + v_phi * cos, v_z]
    )


def sample_points(
    pot: StaeckelPotential, tori: Tori, Lz: np.ndarray, rng: np.random.Generator, nodes: int = 64
) -> np.ndarray:
    """One point per torus, uniform in all three angles; x y z [kpc] vx vy vz [km/s].

    At fixed actions the angles are uniform where the density in (u, v) is proportional to
    ``(s - t) / (p_u p_v) = (w + d) / (p_u p_v)``: a mixture of two separable densities.
    """
    orbit, ends = tori.integrals, tori.turning
    D2, n = pot.focus2, len(Lz)
    u, v = (
        radial_quadrature(pot, orbit, ends, nodes),
        vertical_quadrature(pot, orbit, ends, nodes // 2),
    )
    weight_w = (u.coordinate_over_p - D2 * u.over_p) * v.over_p
    weight_d = u.over_p * (D2 * v.over_p - v.coordinate_over_p)
    by_w = rng.random(n) * (weight_w + weight_d) < weight_w
    angle_u = _draw_angle(u.density * np.where(by_w, u.coordinate, 1.0), np.pi, rng)
    angle_v = _draw_angle(v.density * np.where(by_w, 1.0, D2 - v.coordinate), np.pi / 2, rng)
    inner, outer = np.sqrt(ends.w_in), np.sqrt(ends.w_out)
    w = (0.5 * (inner + outer) - 0.5 * (outer - inner) * np.cos(angle_u)) ** 2
    t = (np.sqrt(ends.t_max) * np.sin(angle_v)) ** 2
    d, s = D2 - t, w + D2
    p_u = _sign(rng, n) * np.sqrt(np.maximum(p2_u(pot, w, orbit), 0))
    p_v = _sign(rng, n) * np.sqrt(np.maximum(p2_v(pot, t, orbit), 0))
    above = _sign(rng, n)
    across, along = np.sqrt(s * d) / pot.focus, above * np.sqrt(w * t) / pot.focus
    R, z = np.sqrt(w * d) / pot.focus, above * np.sqrt(s * t) / pot.focus
    v_R, v_z = (across * p_u + along * p_v) / (w + d), (along * p_u - across * p_v) / (w + d)
    return _to_cartesian(R, z, (v_R, Lz / R, v_z), rng)
