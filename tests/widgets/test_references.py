"""References: the nearest galaxy, whatever kind it is of."""

import dataclasses

import numpy as np
import pytest
from galflowlab_widgets import references
from galflowlab_widgets.references import (
    GalaxyReferences,
    MockReferences,
    plain_columns,
    references_for,
)

import galflowlab
from galflowlab.context import measure
from galflowlab.galaxy import Galaxy
from galflowlab.mocks import MockEDF, make_suite
from galflowlab.population import Population
from galflowlab.schema import CONTEXT


@pytest.fixture(scope="module")
def galaxies():
    return make_suite(12, 400, seed=2, scatter=0.0, context_scatter=1.0)


@pytest.fixture(scope="module")
def known(galaxies):
    return Population(tuple(CONTEXT), np.array([list(g.context.values()) for g in galaxies]))


def between(a, b):
    return {name: 0.6 * a.context[name] + 0.4 * b.context[name] for name in CONTEXT}


def test_the_nearest_galaxy_is_the_nearest_by_brute_force(galaxies, known):
    some = galaxies[3:9]
    found = GalaxyReferences(some, known)
    for context in (some[2].context, between(some[0], some[5]), {"log10_mstar": 9.4}):
        reference = found.nearest(context)
        distances = [known.distance(context, g.context) for g in some]
        nearest = some[int(np.argmin(distances))]
        assert reference.name == nearest.name
        assert reference.context == nearest.context
        assert reference.distance == pytest.approx(min(distances), abs=1e-12)
    exact = found.nearest(some[4].context)
    assert (exact.name, exact.distance) == (some[4].name, 0.0)
    np.testing.assert_array_equal(exact.stars["x"], some[4].stars["x"].value.astype(np.float32))


def test_stars_are_plain_single_precision_and_protected(galaxies, known):
    reference = GalaxyReferences(galaxies, known).nearest({})
    assert set(reference.stars) >= {"x", "vz", "fe_h", "o_fe", "age", "mass"}
    for values in reference.stars.values():
        assert type(values) is np.ndarray
        assert values.dtype == np.float32
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 1.0


def test_without_galaxies_there_is_none(known):
    assert GalaxyReferences([], known).nearest({}) is None


def test_galaxies_without_context_are_refused(galaxies, known):
    bare = dataclasses.replace(galaxies[0], context={"log10_mstar": 9.0})
    with pytest.raises(ValueError, match=r"has no context \['age_p50'.*mean_metallicity"):
        GalaxyReferences([bare], known)


def test_values_that_are_missing_do_not_reach_the_charts(galaxies):
    stars = galaxies[0].stars.copy()
    stars["fe_h"][:3] = np.nan
    stars["o_fe"][5:] = np.nan
    plain = plain_columns(Galaxy("gappy", stars, galaxies[0].provenance))
    assert "o_fe" not in plain
    assert {len(values) for values in plain.values()} == {397}
    assert all(np.isfinite(values).all() for values in plain.values())


def test_of_many_stars_some_stand_for_all(galaxies):
    rows = np.arange(120_003) % 400
    stars = galaxies[0].stars[rows]
    stars["mass"] *= 1 + np.arange(len(rows)) / 5000
    stars["fe_h"][::7] = np.nan
    many = Galaxy("large", stars, galaxies[0].provenance)
    plain = plain_columns(many)
    whole = np.isfinite(stars["fe_h"].value)
    total = stars["mass"].value[whole].sum()
    assert {len(values) for values in plain.values()} == {50_000}
    assert plain["mass"].sum(dtype=float) == pytest.approx(total, rel=1e-6)
    assert plain["mass"][-1] > 20 * plain["mass"][0]  # they are from all over the rows
    np.testing.assert_array_equal(plain_columns(many)["age"], plain["age"])
    few = Galaxy("small", stars[whole][:50_000], galaxies[0].provenance)
    np.testing.assert_array_equal(
        plain_columns(few)["mass"], few.stars["mass"].value.astype(np.float32)
    )


def test_stars_are_read_while_preparing(galaxies, known, monkeypatch):
    read = []
    monkeypatch.setattr(references, "plain_columns", lambda galaxy: read.append(galaxy.name) or {})
    found = GalaxyReferences(galaxies, known)
    assert found.name_of_nearest(galaxies[5].context) == galaxies[5].name
    assert read == []
    for _ in found.prepare(galaxies[5].context):
        pass
    found.nearest(galaxies[5].context)
    assert read == [galaxies[5].name]
    assert list(GalaxyReferences([], known).prepare({})) == []


def test_galaxies_of_the_same_name_are_refused(galaxies, known):
    twin = dataclasses.replace(galaxies[3], name=galaxies[1].name)
    with pytest.raises(ValueError, match=f"different names, got several of {twin.name!r}"):
        GalaxyReferences([*galaxies[:3], twin], known)


def test_mocks_are_made_again_with_more_stars(galaxies, known):
    mocks = MockReferences([g.name for g in galaxies], known, n=900)
    for galaxy in (galaxies[0], galaxies[7]):
        reference = mocks.nearest(galaxy.context)
        assert (reference.name, reference.distance) == (galaxy.name, 0.0)
        assert reference.context == galaxy.context
        assert len(reference.stars["x"]) == 900
        assert reference.stars["mass"].sum() == pytest.approx(10 ** galaxy.context["log10_mstar"])


def test_a_mock_made_again_is_the_same_galaxy(galaxies, known):
    many = MockReferences([g.name for g in galaxies], known, n=6000)
    for galaxy in (galaxies[2], galaxies[9]):
        measured = measure(many.nearest(galaxy.context).stars)
        for name, value in galaxy.context.items():
            assert measured[name] == pytest.approx(value, rel=0.15)  # it has 400 stars itself
        assert measured["log10_mstar"] == pytest.approx(galaxy.context["log10_mstar"], abs=1e-6)


def test_a_mock_is_made_in_steps_that_may_be_abandoned(galaxies, known, monkeypatch):
    drawn = []
    sample = MockEDF.sample

    def counting(self, n, *, seed):
        drawn.append(n)
        return sample(self, n, seed=seed)

    mocks = MockReferences([g.name for g in galaxies], known, n=1700)
    monkeypatch.setattr(MockEDF, "sample", counting)
    context = galaxies[4].context
    steps = mocks.prepare(context)
    next(steps), next(steps)
    assert [n for n in drawn if n > 1] == [500, 500]
    stars = mocks.nearest(context).stars
    assert [n for n in drawn if n > 1] == [500, 500, 500, 200]
    whole = MockReferences([g.name for g in galaxies], known, n=1700).nearest(context).stars
    for name, values in stars.items():
        np.testing.assert_array_equal(values, whole[name])
    assert list(mocks.prepare(context)) == []


def test_the_last_mocks_are_remembered_and_no_more(galaxies, known):
    mocks = MockReferences([g.name for g in galaxies], known, n=20)
    mocks.nearest(galaxies[0].context)
    assert list(mocks.prepare(galaxies[0].context)) == []
    for galaxy in galaxies:
        mocks.nearest(galaxy.context)
    assert list(mocks.prepare(galaxies[-1].context)) == []
    assert len(list(mocks.prepare(galaxies[0].context))) == 1


def test_wrong_names_are_refused(galaxies, known):
    names = [g.name for g in galaxies]
    with pytest.raises(ValueError, match="expected 12 names of galaxies, got 11"):
        MockReferences(names[:-1], known)
    with pytest.raises(ValueError, match="expected names of mock galaxies, got 'eagle_3'"):
        MockReferences([*names[:-1], "eagle_3"], known)
    ages = Population(("age_p50",), known.values[:, 1:2])
    with pytest.raises(ValueError, match="made from log10_mstar"):
        MockReferences(names, ages)


class Model:
    def __init__(self, population, card):
        self.population, self.card = population, card


def test_only_models_of_mocks_have_references(galaxies, known, edf):
    names = [g.name for g in galaxies]
    found = references_for(Model(known, {"training": {"names": names}}))
    assert found.nearest(galaxies[1].context).name == names[1]
    assert references_for(Model(known, {"training": {"names": [*names[:-1], "eagle_3"]}})) is None
    assert references_for(Model(known, {"training": {"names": names[:-1]}})) is None
    assert references_for(Model(known, {"training": {}})) is None
    assert references_for(Model(known, {})) is None
    assert references_for(edf) is None  # it has no card at all


def test_odd_cards_mean_no_references(galaxies, known):
    names = [g.name for g in galaxies]
    single = Population(known.names, known.values[:1])
    odd = [None, "mock", names, 3, {"names": None}, {"names": names[0]}, {"names": tuple(names)}]
    odd += [{"names": dict.fromkeys(names, 1)}, {"names": [*names[1:], None]}, {"names": 12}]
    for training in odd:
        assert references_for(Model(known, {"training": training})) is None
        assert references_for(Model(single, {"training": training})) is None
    for card in (None, [], "card"):
        assert references_for(Model(known, card)) is None


def test_the_embedded_model_has_its_training_galaxies():
    model = galflowlab.load("mock")
    found = references_for(model)
    context = dict(zip(model.context_names, model.population.values[300].tolist(), strict=True))
    reference = found.nearest(context)
    assert reference.name == model.card["training"]["names"][300]
    assert reference.context == context
    measured = np.percentile(reference.stars["age"], 50)
    assert measured == pytest.approx(context["age_p50"], abs=0.2)
    assert references_for(model).nearest({"log10_mstar": 9.0}).distance < 1
