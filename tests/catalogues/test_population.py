"""Many galaxies: their contexts, their masses, their files and the table of them."""

import hashlib

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable
from scipy.integrate import quad
from scipy.stats import ks_1samp

import galflowlab
from galflowlab.catalogues import (
    MASS_FUNCTIONS,
    MassFunction,
    draw_contexts,
    star_counts,
    write_galaxies,
)
from galflowlab.population import Population

BALDRY = MASS_FUNCTIONS["baldry12"]


def test_contexts_are_those_of_the_population(mock):
    contexts = draw_contexts(mock.population, 300, seed=1)
    assert contexts[:5] == draw_contexts(mock.population, 5, seed=1)
    assert contexts[:5] != draw_contexts(mock.population, 5, seed=2)
    rows = np.array([[*context.values()] for context in contexts])
    assert len(np.unique(rows, axis=0)) == 300
    support = mock.population.support_many(rows)
    assert (support < 1).mean() < 0.03  # a hundredth of galaxies like the training's
    assert np.median(support) == pytest.approx(50, abs=20)
    low, high = np.quantile(mock.population.values, [0.25, 0.75], axis=0)
    inside = ((rows > low) & (rows < high)).mean(axis=0)
    np.testing.assert_allclose(inside, 0.5, atol=0.12)  # four sigma


def test_masses_of_a_mass_function(mock):
    low, high = mock.population.range("log10_mstar")
    bottom = max(low, BALDRY.valid[0])
    contexts = draw_contexts(mock.population, 400, seed=1, mass_function=BALDRY)
    masses = np.array([context["log10_mstar"] for context in contexts])
    total = quad(BALDRY, bottom, high)[0]
    share = [quad(BALDRY, bottom, mass)[0] / total for mass in masses]
    assert ks_1samp(share, lambda x: x).pvalue > 1e-3
    assert bottom <= masses.min() < masses.max() <= high
    rows = np.array([[*context.values()] for context in contexts])
    assert mock.population.inside_many(rows).mean() > 0.9  # the rest follows the masses


def test_the_mass_function_is_the_published_one():
    """Its mass density is the 2.3e8 Msun per Mpc^3 that the paper gives."""
    density, _ = quad(lambda m: BALDRY(m) * 10**m, 6, 13)
    assert density == pytest.approx(2.3e8, rel=0.05)
    # The sum of the two normalisations at the characteristic mass, over e.
    assert BALDRY(10.66) == pytest.approx(np.log(10) * 4.75e-3 / np.e, rel=1e-12)


def test_quantiles_end_where_the_range_does():
    np.testing.assert_allclose(BALDRY.quantile([0, 1], 7.0, 10.0), [8.0, 10.0])
    with pytest.raises(ValueError, match=r"measured from 8 to 11\.5 .* nothing of 5 to 7"):
        BALDRY.quantile(0.5, 5.0, 7.0)


def test_bad_requests_for_contexts(mock):
    with pytest.raises(ValueError, match="expected 1 to 100000 galaxies, got 0"):
        draw_contexts(mock.population, 0, seed=1)
    with pytest.raises(ValueError, match="expected 1 to 100000 galaxies, got 100000000000"):
        draw_contexts(mock.population, 10**11, seed=1)  # at once
    for seed in (1.5, None, np.random.default_rng(1)):
        with pytest.raises(ValueError, match="expected an integer seed"):
            draw_contexts(mock.population, 1, seed=seed)
    ages = Population(("age_p50",), np.linspace(2, 8, 20)[:, None])
    with pytest.raises(ValueError, match="a mass function needs log10_mstar"):
        draw_contexts(ages, 3, seed=1, mass_function=BALDRY)
    light = MassFunction(8.0, (1e-3, 1e-3), (-1.0, -1.5), (2.0, 4.0), "nobody")
    with pytest.raises(ValueError, match="nobody is measured from 2 to 4"):
        draw_contexts(mock.population, 3, seed=1, mass_function=light)


def test_stars_of_one_mass():
    contexts = [{"log10_mstar": 9.0}, {"log10_mstar": 5.0}]
    assert star_counts(contexts, 1e6) == [1000, 1]
    for mass in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="expected a positive mass"):
            star_counts(contexts, mass)
    assert star_counts(contexts, 1e-3 * u.Gyr * u.Msun / u.Myr) == [10**9, 10**5]
    with pytest.raises(ValueError, match="star_mass should be in solMass"):
        star_counts(contexts, 1 * u.kpc)
    for mass in (1e-320, 1e-11):
        with pytest.raises(ValueError, match=r"expected fewer than 2\^63 stars"):
            star_counts(contexts, mass)
    with pytest.raises(ValueError, match="need log10_mstar; the context has"):
        star_counts([{"age_p50": 3.0}], 1e6)


@pytest.fixture
def contexts(mock):
    return draw_contexts(mock.population, 4, seed=5)


def test_files_and_index(mock, contexts, tmp_path, hashes):
    stars = [1000, 200, 3000, 50]
    made = write_galaxies(mock, contexts, stars, tmp_path / "many", seed=9, progress=False)
    assert made.stars == 4250
    index = QTable.read(made.folder / "_index.parquet")
    assert index["stars"].tolist() == stars
    assert index["age_p50"].unit == u.Gyr
    assert index["log10_mstar"].unit == u.dex(u.Msun)
    for row, path, context in zip(index, made.files, contexts, strict=True):
        assert made.folder / row["file"] == path
        galaxy = galflowlab.read(path)
        assert (galaxy.name, galaxy.context) == (row["name"], context)
        expected = mock.sample(row["stars"], context, seed=int(row["seed"]))
        for name in expected.colnames:
            np.testing.assert_array_equal(galaxy.stars[name].value, expected[name].value)
        assert row["support"] == pytest.approx(mock.support(context))
        assert [float(getattr(row[c], "value", row[c])) for c in context] == [*context.values()]
    assert len(set(index["seed"].tolist())) == 4
    assert len(list(galflowlab.data.read_all([made.folder]))) == 4
    whole = hashes(made.folder)
    made.files[2].unlink()
    (made.folder / "_index.parquet").unlink()
    again = write_galaxies(mock, contexts, stars, made.folder, seed=9, progress=False)
    assert again.kept == 3
    assert hashes(made.folder) == whole


@pytest.mark.parametrize("stars", [np.int64(20), np.array([20, 20, 20, 20], np.int32)])
def test_numbers_of_stars_may_be_those_of_numpy(mock, contexts, tmp_path, stars):
    made = write_galaxies(mock, contexts, stars, tmp_path / "g", seed=1, progress=False)
    assert QTable.read(made.folder / "_index.parquet")["stars"].tolist() == [20] * 4
    assert write_galaxies(mock, contexts, 20, made.folder, seed=1, progress=False).kept == 4


def test_fewer_galaxies_are_the_first_of_more(mock, contexts, tmp_path):
    options = {"seed": 9, "columns": ["x", "age"], "progress": False}
    more = write_galaxies(mock, contexts, 100, tmp_path / "more", **options)
    fewer = write_galaxies(mock, contexts[:2], 100, tmp_path / "fewer", **options)
    digests = [[hashlib.sha256(p.read_bytes()).digest() for p in m.files] for m in (more, fewer)]
    assert digests[0][:2] == digests[1]
    with pytest.raises(FileExistsError, match="galaxies 2 and not 4"):
        write_galaxies(mock, contexts, 100, fewer.folder, **options)
    with pytest.raises(FileExistsError, match=r"contexts [0-9a-f]{24}… and not"):
        write_galaxies(mock, contexts[2:], 100, fewer.folder, **options)


@pytest.mark.parametrize(
    ("count", "stars", "message"),
    [
        (0, 10, "expected 1 to 100000 galaxies"),
        (4, [10, 10], "for 4 galaxies, got 2"),
        (4, 1.5, "a whole number of stars, got 1.5"),
        (4, [5, 5, 5, 2.5], "a whole number of stars, got 2.5"),
        (4, "many", "a whole number of stars, got 'many'"),
        (4, 10**19, "at least one star and at most"),
        (4, 0, "at least one star"),
        (4, [5, 5, 5, 0], "at least one star"),
    ],
)
def test_bad_requests_for_galaxies(mock, contexts, tmp_path, count, stars, message):
    with pytest.raises(ValueError, match=message):
        write_galaxies(mock, contexts[:count], stars, tmp_path / "g", seed=1, progress=False)
    assert list(tmp_path.iterdir()) == []
