"""Galaxies are in equilibrium, and numbers stay numbers at special places."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galflowlab.mocks import MockEDF, make_galaxy
from galflowlab.mocks.actions import actions
from galflowlab.mocks.orbits import integrate
from galflowlab.mocks.parameters import LATENTS, draw_latents, from_latents
from galflowlab.mocks.tori import invert
from galflowlab.schema import EDF_COLUMNS, PHASE_SPACE, star_matrix


def as_columns(rows: np.ndarray) -> dict[str, np.ndarray]:
    return dict(zip(EDF_COLUMNS, rows.T, strict=True))


def cylindrical(x: np.ndarray) -> tuple[np.ndarray, ...]:
    R = np.hypot(x[:, 0], x[:, 1])
    vR = (x[:, 0] * x[:, 3] + x[:, 1] * x[:, 4]) / R
    vT = (x[:, 0] * x[:, 4] - x[:, 1] * x[:, 3]) / R
    return R, x[:, 2], vR, vT, x[:, 5]


def median_edf(log10_mstar: float) -> MockEDF:
    return MockEDF(from_latents(log10_mstar, dict.fromkeys(LATENTS, 0.0)))


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
    for values in ({"x": np.nan}, {"age": np.inf}):
        with pytest.raises(ValueError, match="expected finite stars, got 1 of 1"):
            changed(**values)


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
