"""The whole path on simulated galaxies: read, prepare, learn, evaluate."""

import numpy as np
import pytest

import galflowlab

FILES = (
    "real/simspin_eagle_g92s9.npz",
    "real/illustris1_420815.npz",
    "real/illustris1_417175.npz",
    "real/simspin_colibre.npz",
    "real/cogsworth_changa.npz",
)


@pytest.fixture(scope="module")
def galaxies(shared_data):
    return [galflowlab.prepare(galflowlab.read(shared_data / name)) for name in FILES]


@pytest.fixture(scope="module")
def learned(galaxies):
    return galflowlab.fit(galaxies, seed=1, stars_seen=60_000, batch=512, progress=False)


@pytest.mark.parametrize("which", range(len(FILES)), ids=FILES)
def test_every_galaxy_has_finite_densities(galaxies, learned, which):
    galaxy = galaxies[which]
    log_prob = learned.log_prob(galaxy.stars, galaxy.context)
    assert np.isfinite(log_prob).all()
    # Better than the same stars with positions and velocities of one another.
    order = np.random.default_rng(1).permutation(len(galaxy))
    mixed = {c: galaxy.stars[c].value for c in learned.columns}
    for column in ("vx", "vy", "vz"):
        mixed[column] = mixed[column][order]
    assert log_prob.mean() > learned.log_prob(mixed, galaxy.context).mean()


def test_columns_are_those_that_all_galaxies_have(learned):
    assert "fe_h" not in learned.columns
    assert "age" in learned.columns


def test_single_galaxy_with_abundances(galaxies):
    eagle = galaxies[0]
    edf = galflowlab.fit([eagle], seed=1, stars_seen=60_000, batch=512, progress=False)
    assert {"fe_h", "o_fe"} <= set(edf.columns)
    generated = edf.sample(len(eagle), eagle.context, seed=1)
    assert np.isfinite(edf.log_prob(generated, eagle.context)).all()
    for column in ("fe_h", "age"):
        assert np.median(generated[column].value) == pytest.approx(
            np.median(eagle.stars[column].value), abs=0.3 * float(eagle.stars[column].value.std())
        )


def test_embedded_model_takes_a_real_galaxy(galaxies):
    edf = galflowlab.load("mock")
    assert np.isfinite(edf.log_prob(galaxies[0].stars, galaxies[0].context)).all()
