import dataclasses
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import simpson

from galflowlab import context
from galflowlab.galaxy import Galaxy
from galflowlab.mocks import MockEDF, make_galaxy, make_suite, relations
from galflowlab.mocks.actions import actions
from galflowlab.mocks.components import Orbits
from galflowlab.mocks.edf import log10_metallicity
from galflowlab.mocks.orbits import integrate
from galflowlab.mocks.parameters import LATENTS, draw_latents, from_latents
from galflowlab.mocks.tori import invert
from galflowlab.schema import COLUMNS, EDF_COLUMNS, PHASE_SPACE, star_matrix

MASSES = (7.4, 9.1, 10.7)


def median_edf(log10_mstar: float) -> MockEDF:
    return MockEDF(from_latents(log10_mstar, dict.fromkeys(LATENTS, 0.0)))


@pytest.fixture(scope="module", params=MASSES)
def galaxy(request) -> Galaxy:
    return make_galaxy(request.param, seed=11, n=40_000)


@pytest.fixture(scope="module")
def rows(galaxy) -> np.ndarray:
    return star_matrix(galaxy.stars, EDF_COLUMNS)


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


# -- equilibrium


def test_density_is_constant_along_orbits(galaxy, rows):
    some = rows[:300].copy()
    before = galaxy.truth.log_prob(as_columns(some))
    some[:, :6] = integrate(galaxy.truth.potential, some[:, :6], 1.0, 8000)
    change = galaxy.truth.log_prob(as_columns(some)) - before
    assert np.sqrt(np.mean(change**2)) < 0.02
    assert np.median(np.abs(change)) < 1e-3


def test_virial_theorem(galaxy, rows):
    R, z = np.hypot(rows[:, 0], rows[:, 1]), rows[:, 2]
    radial, vertical = galaxy.truth.potential.forces(R, z)
    twice_kinetic = (rows[:, 3:6] ** 2).sum()
    assert twice_kinetic / -(R * radial + z * vertical).sum() == pytest.approx(1, abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("log10_mstar", [7.4, 9.1, 10.7])
def test_nothing_drifts_within_a_billion_years(log10_mstar):
    galaxy = make_galaxy(log10_mstar, seed=2, n=24_000)
    before = star_matrix(galaxy.stars, PHASE_SPACE)
    after = integrate(galaxy.truth.potential, before, 1.0, 2500)

    def structure(x):
        R, z, vR, vT, vz = cylindrical(x)
        disc = np.abs(z) < np.median(R)
        return np.array(
            [
                np.median(np.linalg.norm(x[:, :3], axis=1)),
                np.median(np.abs(z)),
                vR[disc].std(),
                vz[disc].std(),
                np.median(vT[disc]),
            ]
        )

    assert np.median(np.linalg.norm(after[:, :3] - before[:, :3], axis=1)) > 0.2  # they did move
    np.testing.assert_allclose(structure(after), structure(before), rtol=0.05)


def test_discs_rotate_about_plus_z_and_are_flat():
    galaxy = make_galaxy(10.6, seed=1, n=5000, scatter=0)
    R, z, _, vT, _ = cylindrical(star_matrix(galaxy.stars, PHASE_SPACE))
    speed = float(galaxy.truth.potential.circular_velocity(np.array(2 * np.median(R))))
    assert 0.5 * speed < np.median(vT) < speed
    assert np.median(np.abs(z)) < 0.25 * np.median(R)


# -- numerics


def extreme(limit: float) -> st.SearchStrategy[float]:
    return st.one_of(
        st.sampled_from([0.0, -0.0, 1e-12, -1e-12, 1.0, limit]),
        st.floats(-limit, limit, allow_nan=False),
    )


@settings(max_examples=300, deadline=None)
@given(
    st.tuples(*[extreme(1e200)] * 3),
    st.tuples(*[extreme(1e200)] * 3),
    st.tuples(extreme(1e10), extreme(1e3), extreme(10), extreme(1e5)),
)
def test_log_prob_is_never_nan(position, velocity, rest):
    star = np.array([[*position, *velocity, *rest]])
    for truth in EXTREME_EDFS:
        value = truth.log_prob(as_columns(star))[0]
        assert not np.isnan(value)
        assert value < np.inf
        assert not np.isnan(truth.log_prob_phase_space(as_columns(star))[0])


EXTREME_EDFS = [median_edf(m) for m in (6.0, 11.5)]


def test_log_prob_at_special_places_of_phase_space(galaxy, rows):
    focus = galaxy.truth.potential.focus
    inner, fast = 0.3 * focus, 1.0
    places = np.array(np.meshgrid([0.0, inner], [0.0], [0.0, inner, focus], indexing="ij"))
    velocities = np.array(np.meshgrid([0.0, fast], [0.0, fast], [0.0, fast], indexing="ij"))
    x = np.concatenate(
        [
            np.repeat(places.reshape(3, -1).T, 8, axis=0),
            np.tile(velocities.reshape(3, -1).T, (places[0].size, 1)),
        ],
        axis=1,
    )
    star = np.column_stack([x, np.broadcast_to(rows[0, 6:], (len(x), 4))])
    assert np.isfinite(galaxy.truth.log_prob(as_columns(star))).all()


def test_outside_the_support_the_density_is_zero(rows, galaxy):
    def changed(**values):
        star = as_columns(rows[:1])
        return galaxy.truth.log_prob({k: np.full(1, values.get(k, v[0])) for k, v in star.items()})

    assert np.isfinite(changed())
    assert np.isfinite(changed(age=0.0))
    for values in ({"metallicity": 0.0}, {"metallicity": -0.01}, {"age": -0.1}, {"age": 13.7},
                   {"age": 1e9}, {"vz": 1e5}, {"x": 1e300}):  # fmt: skip
        assert np.isneginf(changed(**values)), values
    assert np.isnan(changed(x=np.nan))
    assert np.isnan(changed(age=np.inf))


def test_log_prob_accepts_tables_mappings_and_reordered_columns(galaxy):
    some = galaxy.stars[:50]
    plain = {name: some[name].value for name in reversed(EDF_COLUMNS)}
    expected = galaxy.truth.log_prob(some)
    np.testing.assert_array_equal(galaxy.truth.log_prob(plain), expected)
    with pytest.raises(ValueError, match="missing star column 'age'"):
        galaxy.truth.log_prob({k: v for k, v in plain.items() if k != "age"})


def test_log_prob_does_not_depend_on_the_company(galaxy):
    """Iterations stop when all stars of a chunk have converged; that must not matter."""
    together = galaxy.truth.log_prob(galaxy.stars[:2000])
    alone = np.concatenate([galaxy.truth.log_prob(galaxy.stars[i : i + 1]) for i in range(20)])
    np.testing.assert_allclose(alone, together[:20], rtol=0, atol=1e-4)


def test_every_sampled_orbit_has_converged():
    rng = np.random.default_rng(6)
    for mass in np.linspace(6, 11.5, 6):
        truth = MockEDF(from_latents(mass, draw_latents(rng, 1.0, 1.0)))
        stars = truth.sample(2000, seed=rng)
        J = actions(truth.potential, star_matrix(stars, PHASE_SPACE))
        assert invert(truth.potential, J).error.max() < 1e-5
        assert np.isfinite(truth.log_prob(stars)).all()


# -- seeds, scatter, suites


def test_galaxy_has_all_columns_and_its_context(galaxy):
    assert tuple(galaxy.stars.colnames) == tuple(COLUMNS)
    assert galaxy.context == context.measure(galaxy.stars)
    assert all(galaxy.stars[c].dtype == np.float64 for c in galaxy.stars.colnames)
    assert any(galaxy.context["log10_mstar"] == pytest.approx(m, abs=1e-9) for m in MASSES)
    assert "test particles" in galaxy.provenance.notes


def test_seed_fixes_everything():
    first, again = (make_galaxy(9.0, seed=4, n=500) for _ in range(2))
    other = make_galaxy(9.0, seed=5, n=500)
    np.testing.assert_array_equal(first.stars["x"].value, again.stars["x"].value)
    assert first.name == again.name == "mock_m9.000_s4_x1"
    assert first.provenance == again.provenance
    assert not np.any(first.stars["x"] == other.stars["x"])
    assert first.truth.parameters != other.truth.parameters
    generator = make_galaxy(9.0, seed=np.random.default_rng(1), n=10)
    assert generator.name == make_galaxy(9.0, seed=np.random.default_rng(1), n=10).name


def test_without_scatter_all_seeds_have_the_median_parameters():
    a, b = (make_galaxy(9.5, seed=s, n=10, scatter=0).truth.parameters for s in (1, 2))
    assert a == b == median_edf(9.5).parameters


def test_scatter_scales_the_same_latents():
    full, half = (draw_latents(np.random.default_rng(3), s, s) for s in (1.0, 0.5))
    assert half == {name: 0.5 * value for name, value in full.items()}


def test_context_scatter_moves_only_metallicity_and_age():
    plain, moved = (
        make_galaxy(9.5, seed=9, n=4000, scatter=0, context_scatter=c) for c in (0.0, 1.0)
    )
    p, q = plain.truth.parameters, moved.truth.parameters
    shift = q.chemistry.mean_fe_h - p.chemistry.mean_fe_h
    assert shift != 0
    assert q.star_formation_time != p.star_formation_time
    moved_fe_h = tuple(value + shift for value in p.chemistry.fe_h)
    np.testing.assert_allclose(q.chemistry.fe_h[:3], moved_fe_h[:3])
    restored = dataclasses.replace(
        q,
        star_formation_time=p.star_formation_time,
        chemistry=dataclasses.replace(
            q.chemistry, mean_fe_h=p.chemistry.mean_fe_h, fe_h=p.chemistry.fe_h
        ),
    )
    assert restored == p
    assert plain.truth.potential == moved.truth.potential
    assert abs(moved.context["age_p50"] - plain.context["age_p50"]) > 0.05
    ratio = moved.context["mean_metallicity"] / plain.context["mean_metallicity"]
    assert abs(np.log10(ratio)) > 0.02
    assert plain.name != moved.name


def test_suite_covers_the_masses_and_grows_at_its_end():
    suite = make_suite(12, 5, seed=3, log10_mstar=(8.0, 10.0), scatter=0.5)
    masses = np.array([g.context["log10_mstar"] for g in suite])
    assert masses.min() >= 8
    assert masses.max() <= 10
    assert np.diff(np.sort(masses)).max() < 0.35  # 12 random masses would leave larger gaps
    assert len({g.name for g in suite}) == 12
    longer = make_suite(13, 5, seed=3, log10_mstar=(8.0, 10.0), scatter=0.5)
    assert [g.name for g in longer[:12]] == [g.name for g in suite]
    other = make_suite(12, 5, seed=4, log10_mstar=(8.0, 10.0), scatter=0.5)
    assert not {g.name for g in other} & {g.name for g in suite}


def test_suite_does_not_depend_on_the_number_of_processes():
    one, two = (make_suite(3, 200, seed=8, workers=w) for w in (1, 2))
    for a, b in zip(one, two, strict=True):
        assert a.name == b.name
        assert a.context == b.context
        np.testing.assert_array_equal(star_matrix(a.stars, COLUMNS), star_matrix(b.stars, COLUMNS))
        np.testing.assert_array_equal(a.truth.log_prob(a.stars), b.truth.log_prob(a.stars))


def test_truth_survives_pickling(galaxy):
    copy = pickle.loads(pickle.dumps(galaxy.truth))
    some = galaxy.stars[:20]
    np.testing.assert_array_equal(copy.log_prob(some), galaxy.truth.log_prob(some))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"log10_mstar": 5.0}, "log10_mstar between"),
        ({"log10_mstar": np.nan}, "log10_mstar between"),
        ({"n": 0}, "n >= 1"),
        ({"n": 10.5}, "n to be a whole number"),
        ({"scatter": 1.5}, "0 <= scatter <= 1"),
        ({"scatter": np.nan}, "0 <= scatter <= 1"),
        ({"context_scatter": -0.1}, "0 <= context_scatter <= 1"),
        ({"seed": None}, "seed as an integer"),
        ({"seed": -1}, "seed >= 0"),
    ],
)
def test_bad_arguments_are_named(change, message):
    arguments = {"log10_mstar": 9.0, "seed": 1, "n": 10, **change}
    mass = arguments.pop("log10_mstar")
    with pytest.raises(ValueError, match=message):
        make_galaxy(mass, **arguments)


def test_bad_suites_are_named():
    with pytest.raises(ValueError, match="n_galaxies >= 1"):
        make_suite(0, 10, seed=1)
    with pytest.raises(ValueError, match=r"\(low, high\)"):
        make_suite(2, 10, seed=1, log10_mstar=(10.0, 8.0))
    with pytest.raises(ValueError, match="workers >= 1"):
        make_suite(2, 10, seed=1, workers=0)
    with pytest.raises(ValueError, match="at least one star"):
        median_edf(9.0).sample(0, seed=1)


# -- relations


def test_relations_give_the_published_values():
    # Moster et al. (2013): m/M = N at M = M1
    assert relations.halo_mass(11.590 + np.log10(0.0351)) == pytest.approx(11.590, abs=1e-3)
    assert relations.halo_concentration(12 - np.log10(0.671)) == pytest.approx(0.905)
    assert relations.half_mass_radius(np.log10(3.98e10))[0] == pytest.approx(3.61, abs=0.05)
    assert relations.mean_metallicity(6.0) == pytest.approx(-1.69)
    assert relations.mean_metallicity(10.91) == pytest.approx(0.07)
    assert relations.gas_fraction(9.0) == pytest.approx(1.33 * 10**-0.12)


def test_halo_fit_reproduces_the_rotation_curve():
    for mass in MASSES:
        truth = median_edf(mass)
        p = truth.parameters
        R = p.disc.scale_length * np.geomspace(1, 10, 10)
        dark = dataclasses.replace(
            truth.potential, gm=truth.potential.gm[1:], c=truth.potential.c[1:]
        )
        nfw = 0.9 * relations.nfw_velocity2(R, p.log10_mhalo, p.concentration)
        np.testing.assert_allclose(dark.circular_velocity(R), np.sqrt(nfw), rtol=0.25)


def test_galaxies_obey_a_tully_fisher_relation():
    masses = np.array([8.0, 9.0, 10.0, 11.0])
    speeds = [
        float(e.potential.circular_velocity(np.array(2.2 * e.parameters.disc.scale_length)))
        for e in map(median_edf, masses)
    ]
    slope = np.polyfit(np.log10(speeds), masses, 1)[0]
    assert np.all(np.diff(speeds) > 0)
    assert 3 < slope < 5
