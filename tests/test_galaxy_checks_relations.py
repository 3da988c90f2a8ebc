"""Published relations, the properties they are about, and a model held against them."""

import gc
import json
import weakref

import numpy as np
import pytest

import galflowlab
from galflowlab import mocks
from galflowlab.frozen import FrozenEDF
from galflowlab.galaxy_checks import (
    PROPERTIES,
    PUBLISHED,
    measure_relations,
    published,
    relations_over_grid,
)
from galflowlab.mocks import relations as mock_relations
from galflowlab.profiles import enclosing_radius, half_mass_radius
from galflowlab.report.relation_figure import relation_figure


@pytest.fixture(scope="module")
def galaxy():
    return mocks.make_galaxy(10.3, seed=3, n=20_000)


@pytest.fixture(scope="module")
def model():
    return galflowlab.load("mock")


@pytest.fixture(scope="module")
def grid(model):
    return relations_over_grid(model, [8.0, 9.0, 10.0, 11.0], n=2000, seed=1, resamples=10)


def plain(stars):
    return {name: np.array(stars[name].value) for name in stars.colnames}


# -- published


@pytest.mark.parametrize(
    ("relation", "log10_mstar", "median", "scatter"),
    [
        (published.SHEN_2003, 10.0, np.log10(0.1 * 1e10**0.14 * (1 + 1 / 3.98) ** 0.25), 0.2),
        (published.VAN_DER_WEL_2014_LATE, 10.69897, 0.86, 0.16),
        (published.VAN_DER_WEL_2014_LATE, 9.69897, 0.61, 0.16),
        (published.VAN_DER_WEL_2014_EARLY, 11.09897, 0.90, 0.10),
        (published.REYES_2011, 10.60, 2.281, 0.036),
        (published.KIRBY_2013, 8.0, -1.09, 0.17),
        (published.GALLAZZI_2005_METALS, 10.11, np.log10(0.02) - 0.23, 0.47),
        (published.GALLAZZI_2005_AGES, 10.72, 0.82, 0.275),
    ],
)
def test_values_of_the_papers(relation, log10_mstar, median, scatter):
    mass = np.array([log10_mstar])
    assert relation.median(mass)[0] == pytest.approx(median, abs=1e-4)
    assert relation.scatter(mass)[0] == pytest.approx(scatter, abs=0.01)


@pytest.mark.parametrize("relation", PUBLISHED, ids=lambda r: r.name)
def test_every_relation_says_what_it_is(relation):
    assert relation.property in PROPERTIES
    assert all((relation.reference, relation.measures, relation.checked))
    built_in = ("Shen et al. 2003", "Kirby et al. 2013", "Gallazzi et al. 2005, metal")
    assert relation.built_into_mocks is relation.name.startswith(built_in)
    mass = np.linspace(*relation.mass_range, 50)
    median, scatter = relation.median(mass), relation.scatter(mass)
    assert np.isfinite(median).all()
    assert (scatter > 0).all()
    np.testing.assert_allclose(relation.deviation(mass, median + 2 * scatter), 2)
    low, high = relation.mass_range
    outside = relation.deviation([low - 0.1, low, high, high + 0.1], np.zeros(4))
    assert outside.mask.tolist() == [True, False, False, True]
    unknown = np.ma.MaskedArray([1.0, 1.0], [True, False])
    assert relation.deviation([low, low], unknown).mask.tolist() == [True, False]


def test_mocks_follow_the_same_papers():
    for mass in (7.0, 8.5):
        assert mock_relations.mean_metallicity(mass) == pytest.approx(
            published.KIRBY_2013.median(np.array(mass))
        )
    for mass in (10.11, 10.91):
        z = published.GALLAZZI_2005_METALS.median(np.array(mass)) - np.log10(0.02)
        assert mock_relations.mean_metallicity(mass) == pytest.approx(z)


# -- measured


def test_properties_of_a_known_galaxy(galaxy):
    found = measure_relations([galaxy.stars], seed=1)
    assert list(found.values) == list(PROPERTIES)
    assert found.log10_mstar[0] == pytest.approx(10.3)
    stars = plain(galaxy.stars)
    expected = {
        "size": np.log10(half_mass_radius(galaxy.stars, projected=True)),
        "fe_h": stars["fe_h"].mean(),
        "metallicity": np.log10(stars["metallicity"].mean()),
        "age": np.log10(stars["age"].mean()),
    }
    for name, value in expected.items():
        assert found.values[name][0] == pytest.approx(value)
    radius = enclosing_radius(galaxy.stars, 0.8, projected=True)
    truth = np.log10(galaxy.truth.potential.circular_velocity(radius))
    assert abs(found.values["rotation"][0] - truth) < 4 * found.errors["rotation"][0]
    assert found.errors["rotation"][0] < 0.01


def test_units_scale(galaxy):
    stars = plain(galaxy.stars[:3000])
    changed = {
        "log10_mstar": stars | {"mass": 10 * stars["mass"]},
        "size": stars | {name: 10 * stars[name] for name in "xyz"},
        "rotation": stars | {name: 10 * stars[name] for name in ("vx", "vy", "vz")},
        "fe_h": stars | {"fe_h": stars["fe_h"] + 1},
        "metallicity": stars | {"metallicity": 10 * stars["metallicity"]},
        "age": stars | {"age": 10 * stars["age"]},
    }
    base = measure_relations([stars], seed=1)
    for name, other in changed.items():
        found = measure_relations([other], seed=1)
        gained = float((found.log10_mstar - base.log10_mstar)[0])
        assert gained == pytest.approx(float(name == "log10_mstar"))
        for key in PROPERTIES:
            difference = float((found.values[key] - base.values[key])[0])
            assert difference == pytest.approx(float(key == name), abs=1e-6)
            assert found.errors[key][0] == pytest.approx(base.errors[key][0], rel=1e-2)


def test_errors_cover_the_truth(galaxy):
    parts = [galaxy.stars[start : start + 400] for start in range(0, 20_000, 400)]
    found = measure_relations(parts, seed=1, resamples=40)
    whole = measure_relations([galaxy.stars], seed=1)
    for name in PROPERTIES:
        pulls = (found.values[name] - whole.values[name][0]) / found.errors[name]
        assert abs(pulls.mean()) < 0.8, name
        assert 0.75 < pulls.std() < 1.35, name


def test_median_mocks_lie_on_the_relations_they_are_made_from(suite):
    found = measure_relations([galaxy.stars for galaxy in suite], seed=1)
    size = found.deviation(published.SHEN_2003)
    assert np.abs(size[found.log10_mstar < 10]).max() < 0.5
    assert np.abs(found.deviation(published.KIRBY_2013)).max() < 1.2
    larger = measure_relations(
        [plain(g.stars) | {k: 1.6 * g.stars[k].value for k in "xyz"} for g in suite], seed=1
    )
    shift = larger.deviation(published.SHEN_2003) - size
    expected = np.log10(1.6) / published.SHEN_2003.scatter(found.log10_mstar)
    np.testing.assert_allclose(shift.compressed(), expected[~shift.mask])


def test_what_is_not_there_is_left_out_or_masked(galaxy):
    bare = plain(galaxy.stars[:3000])
    for name in ("fe_h", "metallicity", "age"):
        del bare[name]
    few = {name: values[:30] for name, values in bare.items()}
    found = measure_relations([bare, few], seed=1, resamples=5)
    assert list(found.values) == ["size", "rotation"]
    assert found.values["rotation"].mask.tolist() == [False, True]
    assert not found.values["size"].mask.any()
    assert {relation.property for relation in found.published} == {"size", "rotation"}
    with pytest.raises(ValueError, match="is about 'fe_h'"):
        found.deviation(published.KIRBY_2013)
    pristine = plain(galaxy.stars[:500]) | {"metallicity": np.zeros(500)}
    point = plain(galaxy.stars[:500]) | {"x": np.zeros(500), "y": np.zeros(500)}
    found = measure_relations([pristine, point], seed=1, resamples=5)
    assert found.values["metallicity"].mask.tolist() == [True, False]
    assert found.values["size"].mask.tolist() == [False, True]
    record = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert record["properties"]["size"]["values"][1] is None
    with pytest.raises(ValueError, match="at least one galaxy"):
        measure_relations([], seed=1)
    with pytest.raises(ValueError, match="resamples"):
        measure_relations([bare], seed=1, resamples=1)
    with pytest.raises(ValueError, match="no mass"):
        measure_relations([bare | {"mass": np.zeros(3000)}], seed=1)


# -- over a grid


def test_a_model_over_a_grid(grid, model):
    np.testing.assert_allclose(grid.log10_mstar, [8, 9, 10, 11])
    assert [context["log10_mstar"] for context in grid.contexts] == [8, 9, 10, 11]
    assert (grid.support > 1).all()
    assert (np.diff(grid.values["rotation"]) > 0.1).all()
    assert np.abs(grid.deviation(published.SHEN_2003)).max() < 2
    assert np.abs(grid.deviation(published.REYES_2011)).max() < 4
    again = relations_over_grid(model, [8.0, 9.0, 10.0, 11.0], n=2000, seed=1, resamples=10)
    assert again.as_dict() == grid.as_dict()
    other = relations_over_grid(model, [8.0], n=2000, seed=2, resamples=10)
    sigma = np.hypot(other.errors["size"][0], grid.errors["size"][0])
    assert 0 < abs(other.values["size"][0] - grid.values["size"][0]) < 5 * sigma
    record = json.loads(json.dumps(grid.as_dict(), allow_nan=False))
    assert len(record["published"]) == len(PUBLISHED)
    told = {name: one["built_into_mocks"] for name, one in record["published"].items()}
    assert told == {relation.name: relation.built_into_mocks for relation in PUBLISHED}
    assert record["stars"] == 2000


@pytest.mark.filterwarnings("error")
def test_masses_that_were_not_trained_on_are_told(model):
    grid = relations_over_grid(model, [10.0, 13.0], n=200, seed=1, resamples=2)
    assert grid.support[1] < 1 < grid.support[0]


def test_galaxies_of_a_grid_are_not_kept(model, monkeypatch):
    drawn, draw = [], FrozenEDF.stars

    def stars(self):
        gc.collect()
        assert sum(one() is not None for one in drawn) <= 1
        found = draw(self)
        drawn.append(weakref.ref(found))
        return found

    monkeypatch.setattr(FrozenEDF, "stars", stars)
    relations_over_grid(model, [8.0, 9.0, 10.0, 11.0], n=200, seed=1, resamples=2)
    assert len(drawn) == 4


def test_bad_grids(model):
    for masses in ([], 10.0, [[10.0]]):
        with pytest.raises(ValueError, match="list of log10"):
            relations_over_grid(model, masses, n=100, seed=1)
    with pytest.raises(ValueError, match="finite"):
        relations_over_grid(model, [np.nan], n=100, seed=1)
    with pytest.raises(ValueError):
        relations_over_grid(model, [10.0], n=0, seed=1)


# -- figure


def test_the_figure_shows_points_over_bands(grid):
    figure = relation_figure({"model": grid, "again": grid})
    assert len(figure.axes) == len(PROPERTIES)
    for axes, name in zip(figure.axes, PROPERTIES, strict=True):
        labels = [text.get_text() for text in axes.get_legend().get_texts()]
        about = {
            relation.name + " †" * relation.built_into_mocks
            for relation in PUBLISHED
            if relation.property == name
        }
        assert set(labels) == about | {"model", "again"}
    size = figure.axes[0]
    line = next(line for line in size.lines if line.get_label() == f"{published.SHEN_2003.name} †")
    x, y = line.get_data()
    np.testing.assert_allclose(y, published.SHEN_2003.median(x))
    points = [container for container in size.containers if container.get_label() == "model"]
    np.testing.assert_allclose(points[0].lines[0].get_ydata(), grid.values["size"])
    with pytest.raises(ValueError, match="1 to 5"):
        relation_figure({})
