"""Compare: two models, or a model and data, that follow the same controls."""

import dataclasses

import numpy as np
import pytest
from galflowlab_widgets import Compare, GalaxyReferences
from galflowlab_widgets.comparison import LIMIT, comparison, resolution
from galflowlab_widgets.rendering import PALETTES, View
from galflowlab_widgets.scales import Scales
from galflowlab_widgets.sides import PREVIEW
from ipywidgets.widgets.widget import _instances

import galflowlab
from galflowlab.galaxy import Galaxy, Provenance
from galflowlab.map_differences import measure, residual, rms
from galflowlab.population import Population
from galflowlab.schema import PHASE_SPACE
from tests.widgets.conftest import StubEDF


class Heavier(StubEDF):
    """Has no [O/Fe], no 10th percentile of age, another population, and is twice as large."""

    columns = tuple(name for name in StubEDF.columns if name != "o_fe")
    context_names = ("log10_mstar", "age_p50", "mean_metallicity")

    def __init__(self):
        super().__init__()
        mass, age, _, metallicity = self.population.values.T
        contexts = np.column_stack([mass + 0.4, age + 1, metallicity])
        self.population = Population(self.context_names, contexts)

    def draw(self, n, context, seed):
        stars = super().draw(n, {**context, "age_p10": 1.0}, seed)
        for name in ("x", "y"):
            stars[name] *= 2
        return stars


@pytest.fixture
def compare():
    made = []

    def make(*sides, **options):
        made.append(Compare(*sides, **{"n": 3 * PREVIEW, **options}))
        return made[-1]

    yield make
    for app in made:
        app.close()


def galaxy(edf, n, seed=5, name="one", **context):
    context = edf.population.complete(context)
    return Galaxy(name, edf.draw(n, context, seed), Provenance("a test"), context)


def panels(app):
    """Levels as [row, column, y, x]."""
    bins = app.canvas.frame["bins"]
    return np.frombuffer(app.canvas.pixels, np.uint8).reshape(2, 3, bins, bins)


def test_one_model_beside_itself_shows_no_difference(compare, edf):
    app = compare(edf, edf, names=("a", "b"))
    assert "8 192 of 24 576 stars each · preview" in app.status.value
    assert app.wait(30)
    assert "24 576 stars each · refined" in app.status.value
    levels = panels(app)
    np.testing.assert_array_equal(levels[:, 0], levels[:, 1])
    assert set(np.unique(levels[:, 2])) == {0, 128}  # nothing known, or the middle of the bar
    assert [column["title"] for column in app.canvas.frame["columns"]] == ["a", "b", "difference"]
    assert "surface density 0, mean age 0" in app.view_panel.caption.value


def test_one_drag_moves_both_models_with_the_same_noise(compare, edf):
    other = Heavier()
    app = compare(edf, other)
    app.sliders["log10_mstar"].value = 10.0
    app.sliders["mean_metallicity"].value = 0.01
    first, second = app.contexts
    expected = edf.population.complete({"log10_mstar": 10.0, "mean_metallicity": 0.01})
    assert first == expected
    assert second == {name: expected[name] for name in other.context_names}
    sides = app._screen._sides
    x, doubled = (side.stars(PREVIEW)["x"] for side in sides)
    np.testing.assert_array_equal(2 * x, doubled)
    assert [name for _, name in app.view_panel.upper.options] == [
        q for q in PALETTES if q not in ("mean_o_fe", "difference")
    ]
    assert "[Fe/H]–[O/Fe]" not in app.tabs.titles
    assert app.wait(30)
    # twice as large: fainter in the centre, which is negative; one field and one bar for both
    bins = app.canvas.frame["bins"]
    centre = panels(app)[0, 2, bins // 2 - 2 : bins // 2 + 2, bins // 2 - 2 : bins // 2 + 2]
    assert centre.max() < 60
    assert app.tabs.children[0].alt.startswith("Surface density and mean age of the left model")
    assert "beside the right model, dashed" in app.tabs.children[0].alt


def test_entries_that_only_one_model_knows_are_its_own(compare, edf):
    app = compare(Heavier(), edf)
    assert list(app.sliders) == [*Heavier.context_names, "age_p10"]
    app.sliders["age_p10"].value = 1.5
    heavier, own = app.contexts
    assert own["age_p10"] == 1.5
    assert "age_p10" not in heavier
    assert {name: own[name] for name in heavier} == heavier


def test_turning_and_zooming_and_reset(compare, edf):
    app = compare(edf, Heavier())
    assert app.wait(30)
    start = app.canvas.pixels, app.canvas.field
    calls = len(edf.calls)
    app.canvas.turned = [90.0, 20.0]
    app.canvas.zoomed = [1.0, 0.0, 3.0]
    assert app.canvas.direction == [90.0, 20.0]
    assert app.canvas.field == [1.0, 0.0, 3.0]
    assert "edge-on, turned by 20°" in app.view_panel.caption.value
    assert len(edf.calls) == calls
    app.view_panel.lower.value = "v_los"
    assert app.canvas.frame["rows"][1]["label"].startswith("v (line of sight)")
    app.view_panel.lower.value = "mean_age"
    app.reset()
    assert app.wait(30)
    assert (app.canvas.pixels, app.canvas.field) == start


def test_a_single_galaxy_beside_the_model_at_its_own_context(compare, edf):
    data = galaxy(edf, 6000, log10_mstar=10.123)
    app = compare(data, edf)
    assert app.contexts == [data.context]  # the sliders begin there
    assert app.wait(30)
    assert "6 000 stars each · refined" in app.status.value  # no more than the data
    assert "one" in app.data_panel.caption.value
    assert "0 σ away" in app.data_panel.caption.value
    assert app.canvas.frame["columns"][0]["title"] == "one"
    sizes = app.view_panel.caption.value
    app.sliders["log10_mstar"].value = 9.0
    assert app.contexts[0]["log10_mstar"] == 9.0
    assert app.wait(30)
    assert "0 σ away" not in app.data_panel.caption.value
    assert app.view_panel.caption.value != sizes
    app.data_panel.at.value = "galaxy"
    assert app.contexts == [data.context]
    assert app.wait(30)
    assert app.view_panel.caption.value == sizes


def test_data_of_more_stars_are_thinned_to_those_of_the_model(compare, edf):
    data = galaxy(edf, 3 * PREVIEW)
    app = compare(edf, data, n=PREVIEW)
    assert app.wait(30)
    assert "8 192 stars each · refined" in app.status.value
    shown = app._screen._sides[1].stars(PREVIEW)
    assert len(shown["x"]) == PREVIEW
    whole = data.stars["mass"].value.sum(dtype=float)
    assert shown["mass"].sum(dtype=float) == pytest.approx(whole, rel=1e-5)


def test_of_several_galaxies_the_nearest_is_shown_and_the_model_follows(compare, edf):
    masses = {"light": 9.0, "middle": 10.0, "heavy": 11.0}
    galaxies = [galaxy(edf, 5000, name=k, log10_mstar=m) for k, m in masses.items()]
    app = compare(edf, GalaxyReferences(galaxies, edf.population))
    app.data_panel.at.value = "galaxy"
    for name, mass in masses.items():
        app.sliders["log10_mstar"].value = mass + 0.05
        assert app.wait(30)
        assert f"<b>{name}</b>, nearest" in app.data_panel.caption.value
        assert app.contexts == [edf.population.complete({"log10_mstar": mass})]
        assert app.canvas.frame["columns"][1]["title"] == name
        assert app.canvas.frame["state"] == "settled"
    bare = [dataclasses.replace(g, stars=g.stars[("age", "mass", *PHASE_SPACE)]) for g in galaxies]
    short = compare(edf, bare)
    assert short.wait(30)
    assert "mean age" in short.view_panel.caption.value
    assert "mean_fe_h" not in [name for _, name in short.view_panel.upper.options]


class Failing:
    def nearest(self, context):
        raise OSError("the disk <is> gone")

    name_of_nearest = nearest

    def prepare(self, context):
        yield


def test_data_that_cannot_be_had_stop_nothing(compare, edf):
    app = compare(edf, Failing())
    assert app.wait(30)
    assert "the disk &lt;is&gt; gone" in app.data_panel.caption.value
    assert "24 576 stars each · refined" in app.status.value
    levels = panels(app)
    assert levels[:, 0].max() > 200
    assert not levels[:, 1:].any()
    assert "no difference known" in app.view_panel.caption.value


def test_outside_is_said_of_the_model_that_is(compare, edf):
    app = compare(edf, Heavier(), names=("light", "heavier"))
    app.sliders["log10_mstar"].value = 11.5
    assert "outside the training population of light: extrapolated" in app.status.value
    assert "heavier" not in app.status.value


def test_what_cannot_be_compared_is_refused(edf):
    data = galaxy(edf, 500)
    no_mass = Heavier()
    no_mass.context_names = ("age_p50", "mean_metallicity")
    strange = Heavier()
    strange.columns = ("fe_h", "age")
    lacking = dataclasses.replace(data, context={"log10_mstar": 10.0})
    before = set(_instances)
    for sides, message in (
        ((data, data), "at least one model, got Galaxy and Galaxy"),
        ((edf, 3), "expected a model, a Galaxy, a list of them or references, got int"),
        ((edf, []), "at least one galaxy, got an empty list"),
        ((edf, lacking), "has no context"),
        ((edf, no_mass), "expected log10_mstar"),
        ((edf, strange), "expected x, y, z"),
    ):
        with pytest.raises(ValueError, match=message):
            Compare(*sides)
    for names in ("ab", ("a", "a"), ("a", " "), ("a", "b", "c")):
        with pytest.raises(ValueError, match="two different names"):
            Compare(edf, edf, names=names)
    assert set(_instances) == before


def test_closing_leaves_nothing_behind(compare, edf):
    before = set(_instances)
    app = compare(edf, galaxy(edf, 3000), n=30 * PREVIEW)
    app.close()
    assert app.wait(10)
    assert set(_instances) <= before
    assert app.contexts == []


def test_a_difference_of_equal_galaxies_is_one_error_on_average(edf):
    """Independent stars of one galaxy: all quantities, any direction, and a shift shows."""
    one, two = (edf.draw(40_000, edf.population.complete({}), seed) for seed in (1, 2))
    for quantity in ("surface_density", "mean_age", "mean_fe_h", "v_los", "sigma_los"):
        view = (quantity, 60.0, 30.0, 2.0, 16, (0.2, 0.1))
        assert rms(residual(*(measure(s, *view) for s in (one, two)))) == pytest.approx(1, abs=0.12)
    for stars in (one, two):  # as of a cold disc in a hot halo
        hot = np.arange(len(stars)) % 5 == 0
        for name in ("vx", "vy", "vz"):
            stars[name][hot] *= 3
    view = ("sigma_los", 60.0, 30.0, 2.0, 16)
    assert rms(residual(*(measure(s, *view) for s in (one, two)))) == pytest.approx(1, abs=0.25)
    older = two.copy()
    older["age"] += 1 * older["age"].unit
    view = ("mean_age", 60.0, 30.0, 2.0, 16)
    shifted = residual(*(measure(s, *view) for s in (one, older)))
    assert np.ma.median(shifted) > 3


def test_resolution_and_empty_sides_and_missing_columns():
    assert resolution(200_000) == (128, 128)
    assert resolution(100_000) == (128, 64)
    assert resolution(6000) == (64, 16)
    assert resolution(1) == (32, 16)
    stars = StubEDF().draw(5000, StubEDF().population.complete({}), 1)
    full = {name: stars[name].value for name in stars.colnames}
    bare = {name: full[name] for name in ("x", "y", "z", "mass")}
    scales = Scales.of(full, ("surface_density", "mean_age"))
    drawn = comparison([full, bare], View(), scales, names=("a", "b"), total=5000)
    levels = np.frombuffer(drawn.picture.pixels, np.uint8).reshape(2, 3, 64, 64)
    assert [[bool(p.any()) for p in row] for row in levels] == [[True] * 3, [True, False, False]]
    assert list(drawn.rms) == ["surface_density"]
    bar = drawn.picture.frame["columns"][2]["scales"][0]
    assert (bar["ticks"][0], bar["ticks"][-1]) == ((0.0, f"−{LIMIT:g}"), (1.0, f"{LIMIT:g}"))


def test_the_embedded_models_are_named_and_drawn(compare):
    app = compare(galflowlab.load("mock"), galflowlab.load("mock_accurate"), n=PREVIEW)
    assert app.wait(60)
    assert "mock and mock_accurate" in app.canvas.alt
    still = app._screen.still()
    assert still.startswith('<img class="gfl-still" alt="Maps of the surface density')
