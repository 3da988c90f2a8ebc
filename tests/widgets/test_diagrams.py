"""Diagrams: plain data, right values at right places, limits that do not jitter."""

import json
from itertools import pairwise

import numpy as np
import pytest
from galflowlab_widgets.diagrams import (
    NEEDS,
    TABS,
    abundances,
    ages,
    drawable,
    kinematics,
    structure,
)
from galflowlab_widgets.scales import abundance_limits, nice_above
from matplotlib.path import Path

from galflowlab.profiles import age_metallicity, radial_profiles


def disc(n=20_000, scale=3.0, speed=200.0, mass=2e10, seed=0):
    """An exponential disc that turns about +z; young and metal-rich outside."""
    rng = np.random.default_rng(seed)
    radius, angle = rng.gamma(2, scale, n), rng.uniform(0, 2 * np.pi, n)
    noise = rng.normal(size=(6, n))
    v_R, v_phi = 40 * noise[0], speed + 30 * noise[1]
    age = np.clip(7 - 0.3 * (radius - 2 * scale) + noise[2], 0.1, 13.9)
    fe_h = 0.2 - 0.1 * age + 0.1 * noise[3]
    stars = {
        "x": radius * np.cos(angle),
        "y": radius * np.sin(angle),
        "z": 0.3 * noise[4],
        "vx": v_R * np.cos(angle) - v_phi * np.sin(angle),
        "vy": v_R * np.sin(angle) + v_phi * np.cos(angle),
        "vz": 20 * noise[5],
        "metallicity": 0.014 * 10**fe_h,
        "fe_h": fe_h,
        "o_fe": 0.1 - 0.2 * fe_h + 0.03 * noise[0],
        "age": age,
        "mass": np.full(n, mass / max(n, 1)),
    }
    return {name: values.astype(np.float32) for name, values in stars.items()}


def lines_of(diagram, panel):
    return diagram.figure["panels"][panel]["lines"]


def values_of(line, low, high):
    """Points of a line in the units of its axis, without the gaps."""
    points = np.array([p for p in line["points"] if p is not None])
    return points[:, 0], low + points[:, 1] * (high - low)


def span(axis):
    """Limits of an axis, from its first and last tick."""
    (a, first), (b, last) = axis["ticks"][0], axis["ticks"][-1]
    first, last = (float(text.replace("−", "-")) for text in (first, last))
    return first - a * (last - first) / (b - a), first + (1 - a) * (last - first) / (b - a)


def is_plain(value):
    if isinstance(value, dict):
        return all(type(k) is str and is_plain(v) for k, v in value.items())
    if isinstance(value, list):
        return all(map(is_plain, value))
    return value is None or type(value) in (str, int, float, bool)


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("with_reference", [False, True])
def test_every_tab_keeps_the_contract_of_the_chart(tab, with_reference):
    stars = {name: disc()[name] for name in NEEDS[tab]}
    reference = disc(5000, scale=2.0, speed=150.0, seed=1) if with_reference else None
    drawn = TABS[tab](stars, reference)
    assert is_plain(drawn.figure)
    json.dumps(drawn.figure, allow_nan=False)
    assert len(json.dumps(drawn.figure)) < 20_000
    assert set(drawn.figure) == {"height", "panels"}
    images = 0
    for panel in drawn.figure["panels"]:
        assert set(panel) == {"x", "y", "image", "lines"}
        for axis in (panel["x"], panel["y"]):
            assert axis["label"].endswith("]")
            assert len(axis["ticks"]) >= 2
            assert all(0 <= at <= 1 for at, _ in axis["ticks"])
        if panel["image"]:
            assert panel["image"]["offset"] == images
            images += panel["image"]["width"] * panel["image"]["height"]
        for line in panel["lines"]:
            assert set(line) - {"band"} == {"points", "colour", "dash", "label"}
            assert 0 <= line["colour"] <= 6
            assert all(p is None or len(p) == 2 for p in line["points"])
            assert all(len(b) == 3 and b[1] <= b[2] for b in line.get("band", []))
    assert len(drawn.pixels) == images
    lines = [line for panel in drawn.figure["panels"] for line in panel["lines"]]
    assert any(line["dash"] for line in lines) == with_reference
    assert any("nearest galaxy" in line["label"] for line in lines) == with_reference
    assert ("nearest galaxy" in drawn.alt) == with_reference
    assert drawn.alt.endswith(".")
    assert drawn == TABS[tab](stars, reference)


def test_profiles_show_what_was_measured():
    stars = disc()
    drawn = structure(stars)
    density, age = lines_of(drawn, 0)[0], lines_of(drawn, 1)[0]
    low, high = span(drawn.figure["panels"][0]["x"])
    assert (low, high) == pytest.approx((0, 20))
    profiles = radial_profiles(stars, ["surface_density", "mean_age"], np.linspace(0, 20, 25))
    ticks = [text for _, text in drawn.figure["panels"][0]["y"]["ticks"]]
    assert ticks == ["10⁴", "10⁵", "10⁶", "10⁷", "10⁸"]
    top = 8.5
    _, values = values_of(density, top - 4.5, top)
    expected = np.log10(profiles["surface_density"].values[: len(values)])
    np.testing.assert_allclose(values, expected, atol=4.5e-4)
    where, values = values_of(age, 0, 14)
    np.testing.assert_allclose(where * 20, profiles["mean_age"].centres[: len(where)], atol=2e-3)
    np.testing.assert_allclose(values, profiles["mean_age"].values[: len(values)], atol=1e-3)
    band = np.array(age["band"]) * [20, 14, 14]
    np.testing.assert_allclose(
        band[:, 2] - band[:, 1], 2 * profiles["mean_age"].errors[: len(band)], atol=3e-3
    )


def test_rings_with_few_stars_are_gaps():
    stars = disc(3000)
    stars = {
        name: values[np.abs(np.hypot(stars["x"], stars["y"]) - 5) > 1]
        for name, values in stars.items()
    }
    points = lines_of(structure(stars), 1)[0]["points"]
    gaps = [i for i, point in enumerate(points) if point is None]
    assert {5, 6} <= set(gaps)
    assert points[3] is not None
    assert points[9] is not None


def test_kinematics_tell_rotation_and_its_sense():
    drawn = kinematics(disc())
    panel = drawn.figure["panels"][0]
    assert span(panel["y"]) == pytest.approx((0, 300), rel=1e-3)
    _, values = values_of(panel["lines"][0], 0, 300)
    np.testing.assert_allclose(values[:15], 200, atol=6)
    assert [line["label"] for line in lines_of(drawn, 1)] == ["σ_R", "σ_φ", "σ_z"]
    limits = span(drawn.figure["panels"][1]["y"])
    for line, expected in zip(lines_of(drawn, 1), (40, 30, 20), strict=True):
        _, values = values_of(line, *limits)
        np.testing.assert_allclose(np.median(values), expected, rtol=0.05)
    counter = kinematics(disc(speed=-200.0)).figure["panels"][0]
    assert span(counter["y"]) == pytest.approx((-300, 300), rel=1e-3)
    _, values = values_of(counter["lines"][0], -300, 300)
    assert np.median(values) == pytest.approx(-200, abs=3)


def test_dispersions_of_the_reference_are_dashed_in_the_same_colours():
    lines = lines_of(kinematics(disc(), disc(5000, seed=3)), 1)
    model, other = lines[:3], lines[3:]
    assert [line["colour"] for line in model] == [line["colour"] for line in other]
    assert [line["dash"] for line in lines] == [False] * 3 + [True] * 3
    assert [line["label"] for line in other] == ["nearest galaxy", "", ""]
    rotation = lines_of(kinematics(disc(), disc(5000, seed=3)), 0)
    assert [line["label"] for line in rotation] == ["model", "nearest galaxy"]
    assert rotation[0]["colour"] != rotation[1]["colour"]


def test_the_abundance_plane_has_its_mass_where_the_stars_are():
    stars = disc()
    drawn = abundances(stars)
    image = np.frombuffer(drawn.pixels, np.uint8).reshape(64, 64)
    panel = drawn.figure["panels"][0]
    x, y = span(panel["x"]), span(panel["y"])
    row, column = np.unravel_index(image.argmax(), image.shape)
    found = x[0] + (column + 0.5) / 64 * (x[1] - x[0])
    assert found == pytest.approx(np.median(stars["fe_h"]), abs=0.15)
    found = y[0] + (row + 0.5) / 64 * (y[1] - y[0])
    assert found == pytest.approx(np.median(stars["o_fe"]), abs=0.05)
    assert image[0, 0] == image[-1, -1] == 0  # none are iron-poor and oxygen-poor, nor the reverse
    rising = disc() | {"o_fe": disc()["fe_h"]}
    other = np.frombuffer(abundances(rising).pixels, np.uint8).reshape(64, 64)
    upper_right = other[32:, 32:].astype(bool).sum() + other[:32, :32].astype(bool).sum()
    assert upper_right > other[32:, :32].astype(bool).sum() + other[:32, 32:].astype(bool).sum()


def test_reference_lines_enclose_the_shares_they_name():
    reference = disc(50_000, seed=5)
    drawn = abundances(disc(), reference)
    panel = drawn.figure["panels"][0]
    x, y = span(panel["x"]), span(panel["y"])
    points = np.column_stack(
        [(reference["fe_h"] - x[0]) / (x[1] - x[0]), (reference["o_fe"] - y[0]) / (y[1] - y[0])]
    )
    shares = [Path(line["points"]).contains_points(points).mean() for line in panel["lines"]]
    np.testing.assert_allclose(shares, [0.3, 0.6, 0.9], atol=0.03)


@pytest.mark.parametrize("tab", [abundances, ages])
def test_distributions_integrate_to_one(tab):
    panel = tab(disc()).figure["panels"][1]
    low, high = span(panel["x"])
    where, density = values_of(panel["lines"][0], *span(panel["y"]))
    width = (where[1] - where[0]) * (high - low)
    assert density.sum() * width == pytest.approx(1, abs=0.025)


def test_the_age_metallicity_relation_is_the_measured_one():
    stars = disc()
    drawn = ages(stars)
    limits = span(drawn.figure["panels"][0]["y"])
    where, values = values_of(lines_of(drawn, 0)[0], *limits)
    relation = age_metallicity(stars, np.linspace(0, 14, 29))
    known = relation.counts >= 5
    np.testing.assert_allclose(values, relation.values[1][known], atol=3e-4)
    np.testing.assert_allclose(14 * where, 0.25 + 0.5 * np.flatnonzero(known), atol=2e-3)
    band = np.array(lines_of(drawn, 0)[0]["band"])
    scale = limits[1] - limits[0]
    np.testing.assert_allclose(limits[0] + scale * band[:, 1], relation.values[0][known], atol=3e-4)
    np.testing.assert_allclose(limits[0] + scale * band[:, 2], relation.values[2][known], atol=3e-4)


def test_without_iron_the_metallicity_is_shown_for_both_galaxies():
    stars = disc()
    del stars["fe_h"]
    drawn = ages(stars, disc(5000, seed=2))
    assert "Z" in drawn.figure["panels"][0]["y"]["label"]
    one, other = (values_of(line, 0, 1)[1] for line in lines_of(drawn, 0))
    assert np.median(one) == pytest.approx(np.median(other), abs=0.05)


def test_a_reference_that_lacks_columns_is_left_out():
    reference = {name: values for name, values in disc().items() if name not in ("o_fe", "vz")}
    for tab in (abundances, kinematics):
        assert tab(disc(), reference) == tab(disc())


@pytest.mark.parametrize("tab", TABS)
def test_limits_do_not_depend_on_the_reference_and_seldom_on_the_stars(tab):
    def axes(diagram):
        return json.dumps([[p["x"], p["y"]] for p in diagram.figure["panels"]])

    alone = axes(TABS[tab](disc()))
    assert axes(TABS[tab](disc(), disc(3000, scale=30.0, speed=900.0, mass=1e13))) == alone
    dragged = [
        axes(TABS[tab](disc(5000, scale=s, speed=70 * s, mass=2e9 * s**2)))
        for s in np.linspace(2.5, 3.5, 60)
    ]
    assert sum(a != b for a, b in pairwise(dragged)) <= 4


def test_missing_columns_are_named():
    assert set(TABS) == set(NEEDS)
    poor = {name: disc()[name] for name in ("x", "y", "age", "mass")}
    assert structure(poor).alt
    with pytest.raises(ValueError, match="Kinematics needs the columns vx, vy, vz, which the"):
        kinematics(poor)
    with pytest.raises(ValueError, match=r"\[Fe/H\].* needs the columns fe_h, o_fe, which the"):
        abundances(poor)
    with pytest.raises(ValueError, match="needs the columns metallicity, which the stars lack"):
        ages(poor)
    assert ages(poor | {"fe_h": disc()["fe_h"]}).alt


def test_tabs_that_can_be_drawn_are_those_that_draw():
    stars = disc()
    place = ["x", "y", "z", "vx", "vy", "vz"]
    assert drawable(stars) == drawable([*place, "age", "metallicity", "fe_h", "o_fe"]) == [*TABS]
    for extra in ((), ("fe_h",), ("metallicity",), ("fe_h", "o_fe")):
        have = {name: stars[name] for name in (*place, "age", *extra, "mass")}
        possible = drawable(have)
        assert ("Age–metallicity" in possible) == bool(extra)
        for tab, draw in TABS.items():
            if tab in possible:
                assert draw(have, None).alt
            else:
                with pytest.raises(ValueError, match="needs the columns"):
                    draw(have, None)


def test_what_cannot_be_drawn_is_refused_in_words():
    with pytest.raises(ValueError, match="too few stars to be drawn"):
        structure(disc(4))
    with pytest.raises(ValueError, match="too few stars to be drawn"):
        ages(disc(4))
    with pytest.raises(ValueError, match="all are on the axis"):
        kinematics(disc() | {"x": np.zeros(20_000), "y": np.zeros(20_000)})
    with pytest.raises(ValueError, match="'age' has 20000 values that are not finite"):
        structure(disc() | {"age": np.full(20_000, np.nan)})
    with pytest.raises(ValueError, match="finite abundances"):
        abundances(disc() | {"fe_h": np.full(20_000, np.nan)})


@pytest.mark.parametrize("tab", TABS)
def test_no_stars_are_refused_in_words(tab):
    with pytest.raises(ValueError, match=r"no mass|too few|finite abundances"):
        TABS[tab](disc(0))


def test_limits_are_round():
    assert [nice_above(v) for v in (1.0, 1.01, 44.0, 0.071, 980.0)] == [1, 1.5, 50, 0.1, 1000]
    assert abundance_limits(np.linspace(-0.8, 0.2, 100), 0.5) == (-1.0, 0.5)
    assert abundance_limits(np.full(9, 0.2), 0.5) == (0.0, 1.0)
    for bad in (0.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="positive upper limit"):
            nice_above(bad)
