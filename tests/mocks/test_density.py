"""The density is normalised, and the sample follows it."""

import dataclasses

import numpy as np
import pytest
from scipy.integrate import simpson

from galflowlab.mocks import MockEDF
from galflowlab.mocks.components import Orbits
from galflowlab.mocks.edf import log10_metallicity
from galflowlab.schema import EDF_COLUMNS, PHASE_SPACE


def as_columns(rows: np.ndarray) -> dict[str, np.ndarray]:
    return dict(zip(EDF_COLUMNS, rows.T, strict=True))


def cylindrical(x: np.ndarray) -> tuple[np.ndarray, ...]:
    R = np.hypot(x[:, 0], x[:, 1])
    vR = (x[:, 0] * x[:, 3] + x[:, 1] * x[:, 4]) / R
    vT = (x[:, 0] * x[:, 4] - x[:, 1] * x[:, 3]) / R
    return R, x[:, 2], vR, vT, x[:, 5]


# -- density and sample


def uniform_in_box(edges: np.ndarray, n: int, rng: np.random.Generator):
    """Uniform points in a box of R, z, vR, vT, vz, as x y z vx vy vz, and its 6-D volume."""
    low, high = edges
    u = low + (high - low) * rng.random((n, 5))
    R = np.sqrt(low[0] ** 2 + (high[0] ** 2 - low[0] ** 2) * rng.random(n))
    angle = rng.uniform(0, 2 * np.pi, n)
    cos, sin = np.cos(angle), np.sin(angle)
    vx, vy = u[:, 2] * cos - u[:, 3] * sin, u[:, 2] * sin + u[:, 3] * cos
    volume = np.pi * (high[0] ** 2 - low[0] ** 2) * np.prod((high - low)[1:])
    return np.column_stack([R * cos, R * sin, u[:, 1], vx, vy, u[:, 4]]), volume


def box_around_the_stars(rows: np.ndarray, spread: float) -> np.ndarray:
    """Edges, shape (2, 5): the central quantiles of each cylindrical coordinate."""
    tail = 0.5 * (1 - spread)
    return np.quantile(np.column_stack(cylindrical(rows)), [tail, 1 - tail], axis=0)


def inside(rows: np.ndarray, edges: np.ndarray) -> np.ndarray:
    x = np.column_stack(cylindrical(rows))
    return np.all((x > edges[0]) & (x < edges[1]), axis=1)


@pytest.mark.parametrize("spread", [0.5, 0.8])
def test_counts_in_phase_space_boxes_match_the_density(galaxy, rows, spread):
    rng = np.random.default_rng(3)
    edges = box_around_the_stars(rows, spread)
    x, volume = uniform_in_box(edges, 40_000, rng)
    f = np.exp(galaxy.truth.log_prob_phase_space(dict(zip(PHASE_SPACE, x.T, strict=True)))) * volume
    counted = inside(rows, edges).mean()
    error = np.hypot(f.std() / np.sqrt(len(f)), np.sqrt(counted / len(rows)))
    assert counted > 0.02
    assert error < 0.05 * counted
    assert abs(f.mean() - counted) < 4 * error


def test_counts_in_ten_dimensional_boxes_match_the_density(galaxy, rows):
    """Phase space, [Fe/H], [O/Fe] and age in a box; Z enters through its known scatter."""
    rng = np.random.default_rng(4)
    n = 100_000
    edges = box_around_the_stars(rows, 0.7)
    x, volume = uniform_in_box(edges, n, rng)
    low, high = np.quantile(rows[:, 7:10], [0.05, 0.7], axis=0)
    rest = low + (high - low) * rng.random((n, 3))
    Z = 10 ** log10_metallicity(rest[:, 0], rest[:, 1])  # density there: 1/(sd sqrt(2 pi) Z ln 10)
    log_f = galaxy.truth.log_prob(as_columns(np.column_stack([x, Z, rest])))
    log_f += np.log(Z * np.log(10) * 0.02 * np.sqrt(2 * np.pi) * volume * np.prod(high - low))
    f = np.exp(log_f)
    selected = inside(rows, edges) & np.all((rows[:, 7:] > low) & (rows[:, 7:] < high), axis=1)
    counted = selected.mean()
    error = np.hypot(f.std() / np.sqrt(n), np.sqrt(counted / len(rows)))
    assert error < 0.06 * counted
    assert abs(f.mean() - counted) < 4 * error


def test_density_integrates_over_metallicity(galaxy, rows):
    some = rows[:20]
    width = np.linspace(-0.2, 0.2, 401)
    mean = log10_metallicity(some[:, 7], some[:, 8])
    grid = np.repeat(some[:, None], len(width), axis=1)
    grid[:, :, 6] = 10 ** (mean[:, None] + width)
    density = np.exp(galaxy.truth.log_prob(as_columns(grid.reshape(-1, 10)))).reshape(len(some), -1)
    integral = simpson(density * grid[:, :, 6] * np.log(10), x=width, axis=1)
    at_mean = some.copy()
    at_mean[:, 6] = 10**mean
    peak = np.exp(galaxy.truth.log_prob(as_columns(at_mean)))
    np.testing.assert_allclose(
        integral, peak * at_mean[:, 6] * np.log(10) * 0.02 * np.sqrt(2 * np.pi)
    )
    # and the stars scatter about that mean as the density says
    residual = np.log10(rows[:, 6]) - log10_metallicity(rows[:, 7], rows[:, 8])
    assert abs(residual.mean()) < 5 * 0.02 / np.sqrt(len(rows))
    assert residual.std() == pytest.approx(0.02, rel=0.02)


def test_density_integrates_to_the_phase_space_density(galaxy, rows):
    """At fixed phase space, over age, [Fe/H], [O/Fe] (grid) and Z (in closed form)."""
    # prefer a star of the disc, where the age dependence matters
    star = rows[np.argmin(np.abs(rows[:, 2]) + 100 * (rows[:, 9] > 3))]
    x, weight = np.polynomial.legendre.leggauss(56)
    means = rows[:, 7:9].mean(axis=0)

    def axis(low, high):
        return 0.5 * (high + low) + 0.5 * (high - low) * x, 0.5 * (high - low) * weight

    integral = 0.0
    for o_low, o_high in ((-0.6, 0.15), (0.15, 1.1)):
        for a_low, a_high in ((0, 13.0), (13.0, 13.6)):
            (fe_h, w1), (o_fe, w2) = axis(means[0] - 2, means[0] + 2), axis(o_low, o_high)
            age, w3 = axis(a_low, a_high)
            grid = np.stack(np.meshgrid(fe_h, o_fe, age, indexing="ij"), -1).reshape(-1, 3)
            Z = 10 ** log10_metallicity(grid[:, 0], grid[:, 1])
            points = np.column_stack([np.broadcast_to(star[:6], (len(grid), 6)), Z, grid])
            log_f = galaxy.truth.log_prob(as_columns(points))
            f = np.exp(log_f) * Z * np.log(10) * 0.02 * np.sqrt(2 * np.pi)
            integral += float(np.einsum("ijk,i,j,k", f.reshape([len(x)] * 3), w1, w2, w3))
    marginal = np.exp(galaxy.truth.log_prob_phase_space(as_columns(star[None])))[0]
    assert integral == pytest.approx(marginal, rel=2e-3)


def test_ages_of_every_component_are_normalised_and_sampled(galaxy):
    rng = np.random.default_rng(0)
    age = np.linspace(1e-6, 13.6 - 1e-6, 20_001)
    for component in galaxy.truth.components:
        density = np.exp(component.ages.log_prob(age))
        assert simpson(density, x=age) == pytest.approx(1, abs=2e-3)
        drawn = component.ages.sample(20_000, rng)
        mean, square = simpson(density * age, x=age), simpson(density * age**2, x=age)
        sd = np.sqrt(square - mean**2)
        assert abs(drawn.mean() - mean) < 5 * sd / np.sqrt(20_000)
        assert drawn.std() == pytest.approx(sd, rel=0.03)
    assert sum(c.fraction for c in galaxy.truth.components) == pytest.approx(1, abs=1e-12)


def test_actions_of_every_component_are_normalised_and_sampled(galaxy):
    """Counts in the octants of a box in ln J_R, ln J_z, ln|L_z|, and of both senses."""
    rng = np.random.default_rng(1)
    n, potential = 100_000, galaxy.truth.potential
    for component in galaxy.truth.components:
        age = component.ages.sample(n, rng)
        J = component.actions.sample(age, rng)
        low, middle, high = np.quantile(np.log(np.abs(J)), [0.05, 0.4, 0.9], axis=0)
        trial = np.exp(low + (high - low) * rng.random((n, 3)))
        trial[:, 2] *= rng.choice([-1, 1], n)
        orbits = Orbits.from_actions(potential, trial)
        f = np.exp(component.actions.log_prob(orbits, component.ages.sample(n, rng)))
        f *= np.abs(trial).prod(axis=1) * 2 * (high - low).prod()

        def cell(J, middle=middle):
            return (np.log(np.abs(J)) > middle) @ [1, 2, 4] + 8 * (J[:, 2] > 0)

        logs = np.log(np.abs(J))
        in_box = np.all((logs > low) & (logs < high), axis=1)
        for k in range(16):
            counted = (in_box & (cell(J) == k)).mean()
            density = np.where(cell(trial) == k, f, 0.0)
            error = np.hypot(density.std(), np.sqrt(max(counted, 1 / n))) / np.sqrt(n)
            assert abs(density.mean() - counted) < 4.5 * error, (component.name, k)
        total_error = np.hypot(f.std(), np.sqrt(in_box.mean())) / np.sqrt(n)
        assert total_error < 0.012 * in_box.mean()
        assert abs(f.mean() - in_box.mean()) < 4 * total_error


@pytest.mark.parametrize("place", [(0.5, 1.0), (2.0, 6.0), (9.0, 12.0)])
def test_abundances_of_every_component_are_normalised_and_sampled(galaxy, place):
    """Mean log density of drawn abundances against the same by quadrature."""
    rng = np.random.default_rng(2)
    n, lengths, at_age = 20_000, *place
    radius = lengths * galaxy.truth.parameters.disc.scale_length
    for component in galaxy.truth.components:
        drawn = component.chemistry.sample(np.full(n, radius), np.full(n, at_age), rng)
        fe_h, o_fe = (np.linspace(x.min() - 1, x.max() + 1, 801) for x in drawn)
        grid = np.meshgrid(fe_h, o_fe, indexing="ij")
        constant = np.full((1, 1), radius), np.full((1, 1), at_age)
        log_p = component.chemistry.log_prob(*grid, *constant)
        p = np.exp(log_p) * (fe_h[1] - fe_h[0]) * (o_fe[1] - o_fe[0])
        assert p.sum() == pytest.approx(1, abs=1e-4)
        found = component.chemistry.log_prob(*drawn, np.full(n, radius), np.full(n, at_age))
        assert abs(found.mean() - (p * log_p).sum()) < 5 / np.sqrt(n)
        for x, g in zip(drawn, grid, strict=True):
            mean = (p * g).sum()
            sd = np.sqrt((p * (g - mean) ** 2).sum())
            assert abs(x.mean() - mean) < 5 * sd / np.sqrt(n)


def test_a_wrong_density_fails_the_box_test(galaxy, rows):
    """The box test must see a 10 % error of the scale length."""
    truth = galaxy.truth
    p = truth.parameters
    disc = dataclasses.replace(
        p.disc, scale_length=1.1 * p.disc.scale_length, thick_length=1.1 * p.disc.thick_length
    )
    wrong = MockEDF(dataclasses.replace(p, disc=disc))
    edges = box_around_the_stars(rows, 0.5)
    x, volume = uniform_in_box(edges, 40_000, np.random.default_rng(3))
    f = np.exp(wrong.log_prob_phase_space(dict(zip(PHASE_SPACE, x.T, strict=True)))) * volume
    counted = inside(rows, edges).mean()
    error = np.hypot(f.std() / np.sqrt(len(f)), np.sqrt(counted / len(rows)))
    assert abs(f.mean() - counted) > 4 * error
