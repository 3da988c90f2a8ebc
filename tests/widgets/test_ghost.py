"""Contours of a reference galaxy: on the right places, few points, nothing outside."""

import json

import numpy as np
import pytest
from galflowlab_widgets.ghost import contours, levels_of, polylines


def disc(n=20_000, scale=2.0, mass=1e10, seed=0):
    """An exponential disc, thin, that fills a circle when seen face-on."""
    rng = np.random.default_rng(seed)
    radius, angle = rng.gamma(2, scale, n), rng.uniform(0, 2 * np.pi, n)
    stars = {
        "x": radius * np.cos(angle),
        "y": radius * np.sin(angle),
        "z": 0.1 * scale * rng.normal(size=n),
        "mass": np.full(n, mass / n),
    }
    return {name: values.astype(np.float32) for name, values in stars.items()}


def test_contours_of_an_exponential_disc_lie_at_the_radii_of_their_levels():
    levels = [7.5, 6.5]
    lines = contours(disc(200_000), 0, 0, (0.0, 0.0), 20.0, levels=levels)
    assert len(lines) == 2
    for line, level in zip(lines, levels, strict=True):
        radius = 40 * np.hypot(*(np.array(line) - 0.5).T)
        expected = 2 * np.log(1e10 / (2 * np.pi * 4) / 10**level)
        assert np.median(radius) == pytest.approx(expected, abs=0.25)
        assert np.ptp(radius) < 0.25 * expected
        assert line[0] == line[-1]


def test_the_direction_and_the_centre_count():
    across = {
        view: np.ptp(np.concatenate(contours(disc(), *view, (0.0, 0.0), 12.0)), axis=0)
        for view in ((0, 0), (90, 0))
    }
    assert across[0, 0][1] == pytest.approx(across[0, 0][0], rel=0.15)
    assert across[90, 0][1] < 0.5 * across[90, 0][0]
    brightest = contours(disc(), 0, 0, (3.0, -1.5), 12.0)[0]
    middle = np.mean([np.min(brightest, axis=0), np.max(brightest, axis=0)], axis=0)
    np.testing.assert_allclose(middle, [0.5 - 3 / 24, 0.5 + 1.5 / 24], atol=0.02)


def test_levels_are_a_dex_apart_below_the_peak_and_do_not_depend_on_the_view():
    levels = levels_of(disc(), 3)
    np.testing.assert_allclose(np.diff(levels), -1)
    assert levels[0] == pytest.approx(np.log10(1e10 / (2 * np.pi * 4)) - 1, abs=0.3)
    wide, close = (contours(disc(), 0, 0, (0.0, 0.0), w)[0] for w in (10.0, 5.0))
    radii = [
        2 * w * np.median(np.hypot(*(np.array(c) - 0.5).T)) for w, c in ((10, wide), (5, close))
    ]
    assert radii[0] == pytest.approx(radii[1], rel=0.15)


def test_a_galaxy_outside_the_field_has_no_contours():
    assert contours(disc(), 0, 0, (500.0, 0.0), 5.0) == []


def test_levels_made_of_single_stars_are_left_out():
    bright, faint = ([level] for level in (6.5, 5.0))
    assert contours(disc(), 0, 0, (0.0, 0.0), 20.0, levels=faint) == []
    both = contours(disc(), 0, 0, (0.0, 0.0), 20.0, levels=faint + bright)
    assert both == contours(disc(), 0, 0, (0.0, 0.0), 20.0, levels=bright) != []


@pytest.mark.parametrize("half_width", [1.0, 4.0, 16.0, 60.0])
@pytest.mark.parametrize("view", [(0, 0), (60, 30), (90, 0)])
def test_contours_are_few_plain_numbers_inside_the_field(view, half_width):
    lines = contours(disc(3000), *view, (0.5, 0.0), half_width)
    assert lines == json.loads(json.dumps(lines, allow_nan=False))
    assert sum(map(len, lines)) < 2000
    for line in lines:
        assert len(line) >= 2
        assert np.shape(line) == (len(line), 2)
        assert 0 <= np.min(line) <= np.max(line) <= 1
        assert all(value == round(value, 3) for point in line for value in point)
    assert lines == contours(disc(3000), *view, (0.5, 0.0), half_width)


def test_simplified_lines_stay_on_the_contour():
    across, up = np.meshgrid(np.arange(96), np.arange(96))
    cone = -np.hypot(across - 47.5, up - 47.5)
    (circle,) = polylines(cone, [-30.0])
    radius = np.hypot(*(96 * np.array(circle) - 48).T)
    np.testing.assert_allclose(radius, 30, atol=0.15)
    assert 12 < len(circle) < 60
    corners = np.array(circle)
    chords = 96 * (corners[1:] + corners[:-1]) / 2 - 48
    assert np.abs(np.hypot(*chords.T) - 30).max() < 0.35


def test_noise_does_not_flood_the_message():
    rng = np.random.default_rng(0)
    lines = polylines(rng.normal(size=(96, 96)), [0.0, 0.5])
    assert 0 < sum(map(len, lines)) < 2000


def test_what_cannot_be_mapped_is_refused():
    with pytest.raises(ValueError, match="no extent"):
        levels_of({name: np.zeros(3) for name in "xyz"} | {"mass": np.ones(3)})
    with pytest.raises(ValueError, match="missing star column 'mass'"):
        contours({name: np.ones(3) for name in "xyz"}, 0, 0, (0.0, 0.0), 1.0)
    with pytest.raises(ValueError, match="half_width"):
        contours(disc(100), 0, 0, (0.0, 0.0), 0.0)
