"""Thickness, anisotropy, gradients: known distributions, units, errors, bad input."""

import json

import numpy as np
import pytest

from galflowlab.profiles import (
    SECH2,
    anisotropy,
    dispersion_ratio,
    gradient,
    half_mass_radius,
    metallicity_gradient,
    rms_height,
    scale_height,
)

EDGES = np.array([0.0, 2.0, 4.0, 8.0])
PROFILES = (anisotropy, dispersion_ratio, scale_height, rms_height)


def disc(n=6000, *, height=0.3, seed=0):
    """Exponential disc whose dispersions are 40, 30 and 20 km/s in R, phi and z."""
    rng = np.random.default_rng(seed)
    R, angle = rng.gamma(2, 2.0, n), rng.uniform(0, 2 * np.pi, n)
    v_R, v_phi, v_z = rng.normal([0, 200, 0], [40, 30, 20], (n, 3)).T
    c, s = np.cos(angle), np.sin(angle)
    stars = {"x": R * c, "y": R * s, "z": rng.laplace(0, height, n)}
    stars |= {"vx": c * v_R - s * v_phi, "vy": s * v_R + c * v_phi, "vz": v_z}
    return stars | {"mass": rng.uniform(0.5, 1.5, n)}


def turned(stars, angle=0.7):
    c, s = np.cos(angle), np.sin(angle)
    pairs = {"x": "y", "vx": "vy"}
    out = dict(stars)
    for a, b in pairs.items():
        out[a], out[b] = c * stars[a] - s * stars[b], s * stars[a] + c * stars[b]
    return out


# -- profiles


@pytest.mark.parametrize(
    ("profile", "truth"), [(dispersion_ratio, 0.5), (scale_height, 0.3), (rms_height, 0.3 * 2**0.5)]
)
def test_errors_cover_the_truth(profile, truth):
    pulls = []
    for seed in range(25):
        found = profile(disc(1500, seed=seed), EDGES, seed=seed, resamples=40)
        pulls.append(((found.values - truth) / found.errors).filled(np.nan))
    assert np.abs(np.mean(pulls, axis=0)).max() < 1
    assert 0.75 < np.std(pulls) < 1.35


def test_beta_of_known_ellipsoids():
    rng = np.random.default_rng(1)
    position = rng.normal(size=(3, 20_000))
    radius = np.linalg.norm(position, axis=0)
    along = position / radius
    stars = dict(zip(("x", "y", "z"), position, strict=True)) | {"mass": np.ones(20_000)}
    isotropic = rng.normal(0, 50, (3, 20_000))
    for stretch, beta in ((1.0, 0.0), (2.0, 0.75), (0.5, -3.0)):
        radial = (along * isotropic).sum(axis=0)
        velocity = isotropic + (stretch - 1) * radial * along
        moving = stars | dict(zip(("vx", "vy", "vz"), velocity, strict=True))
        found = anisotropy(moving, [0, 1, 2, 3], seed=1)
        assert (np.abs(found.values - beta) / found.errors).max() < 4
        assert found.errors.max() < 0.06 * (1 - beta)
    spin = {"vx": moving["vx"] - 80 * position[1] / np.hypot(*position[:2])}
    spin["vy"] = moving["vy"] + 80 * position[0] / np.hypot(*position[:2])
    rotating = anisotropy(moving | spin, [0, 1, 2, 3], seed=1)
    np.testing.assert_allclose(rotating.values, found.values, atol=0.15)


def test_the_median_hardly_heeds_a_halo():
    stars = disc(4000)
    halo = np.random.default_rng(2).normal(0, 5.0, (3, 200))
    both = {name: np.concatenate([stars[name], halo["xyz".index(name)]]) for name in "xyz"}
    both["mass"] = np.concatenate([stars["mass"], np.ones(200)])
    clean, dirty = (scale_height(s, [0, 8], seed=1).values[0] for s in (stars, both))
    assert dirty / clean < 1.15
    ratio = [rms_height(s, [0, 8], seed=1).values[0] for s in (both, stars)]
    assert ratio[0] / ratio[1] > 2
    z0 = 0.3
    sech2 = stars | {"z": z0 * np.arctanh(np.random.default_rng(3).uniform(-1, 1, 4000))}
    found = scale_height(sech2, [0, 8], seed=1)
    assert abs(SECH2 * found.values[0] - z0) < 4 * SECH2 * found.errors[0]


@pytest.mark.parametrize("profile", PROFILES)
def test_frame_units_and_bad_input(profile):
    stars = disc(2000)
    found = profile(stars, EDGES, seed=1, resamples=10)
    np.testing.assert_allclose(
        profile(turned(stars), EDGES, seed=1, resamples=10).values, found.values, rtol=1e-9
    )
    large = {k: v * (3 if k in "xyz" else 2) for k, v in stars.items()}
    again = profile(large, 3 * EDGES, seed=1, resamples=10)
    scale = 3 if found.unit.to_string() == "kpc" else 1
    np.testing.assert_allclose(again.values, scale * found.values, rtol=1e-9)
    np.testing.assert_allclose(again.errors, scale * found.errors, rtol=1e-3)
    far = profile(stars, [*EDGES, 1e4, 2e4], seed=1, resamples=10)
    assert far.values.mask.tolist() == [False] * 4 + [True]
    assert far.counts[-1] == 0
    json.dumps(far.as_dict(), allow_nan=False)
    with pytest.raises(ValueError, match="at least 0 kpc"):
        profile(stars, [-1, 2], seed=1)
    with pytest.raises(ValueError, match="resamples"):
        profile(stars, EDGES, seed=1, resamples=1)
    with pytest.raises(ValueError, match="not finite"):
        profile({**stars, "mass": stars["mass"] * np.nan}, EDGES, seed=1)


def test_stars_at_rest_have_no_ellipsoid():
    rest = {k: v * (k[0] != "v") for k, v in disc(500).items()}
    for profile in (anisotropy, dispersion_ratio):
        assert profile(rest, EDGES, seed=1).values.mask.all()


# -- gradients


def test_gradients_and_their_errors():
    slopes, pulls = (-0.06, 0.3), []
    for seed in range(40):
        stars = disc(400, seed=seed)
        rng = np.random.default_rng(1000 + seed)
        R = np.hypot(stars["x"], stars["y"])
        stars["fe_h"] = 0.2 + slopes[0] * R + rng.normal(0, 0.2, 400)
        stars["age"] = 4.0 + slopes[1] * R + rng.normal(0, 1.0, 400)
        for name, slope, start in (("fe_h", slopes[0], 0.2), ("age", slopes[1], 4.0)):
            found = gradient(stars, name, seed=seed, resamples=60)
            pulls.append(
                [
                    (found.slope - slope) / found.slope_error,
                    (found.intercept - start) / found.intercept_error,
                ]
            )
    assert np.abs(np.mean(pulls, axis=0)).max() < 0.5
    assert 0.8 < np.std(pulls) < 1.25
    assert found.unit == "Gyr"
    half = half_mass_radius(stars, projected=True)
    assert found.slope_per_half_mass == pytest.approx(found.slope * half)
    assert found.slope_per_half_mass_error == pytest.approx(found.slope_error * half)
    assert found.radii == (0.0, 2 * half)
    json.dumps(found.as_dict(), allow_nan=False)


def test_a_gradient_is_local_and_exact_without_scatter():
    stars = disc(3000)
    R = np.hypot(stars["x"], stars["y"])
    stars["fe_h"] = np.where(R < 4, -0.1 * R, -0.4 + 0.05 * (R - 4))
    inner = gradient(stars, "fe_h", seed=1, radii=(0, 4))
    outer = gradient(stars, "fe_h", seed=1, radii=(4, 12))
    assert inner.slope == pytest.approx(-0.1)
    assert outer.slope == pytest.approx(0.05)
    assert outer.slope_error < 1e-6
    assert inner.counts == np.count_nonzero(R <= 4)


def test_log_metallicity_leaves_out_stars_without_metals():
    stars = disc(3000)
    R = np.hypot(stars["x"], stars["y"])
    stars["metallicity"] = 10 ** (-2 - 0.05 * R)
    none = stars | {"metallicity": np.where(np.arange(3000) % 3 == 0, 0.0, stars["metallicity"])}
    whole, part = (metallicity_gradient(s, seed=1) for s in (stars, none))
    assert whole.slope == pytest.approx(-0.05)
    assert part.slope == pytest.approx(-0.05)
    assert part.counts < 0.7 * whole.counts


def test_gradients_that_are_not_there():
    stars = disc(300) | {"age": np.ones(300)}
    with pytest.raises(ValueError, match="needs 20 stars"):
        gradient(stars, "age", seed=1, radii=(1e3, 2e3))
    with pytest.raises(ValueError, match="several radii"):
        gradient({**stars, "x": np.ones(300), "y": np.zeros(300)}, "age", seed=1)
    with pytest.raises(ValueError, match="increase"):
        gradient(stars, "age", seed=1, radii=(3, 1))
    with pytest.raises(ValueError, match="missing star column"):
        gradient(stars, "fe_h", seed=1)
    with pytest.raises(ValueError, match="no mass"):
        gradient({**stars, "mass": np.zeros(300)}, "age", seed=1)
    with pytest.raises(ValueError, match="needs 20 stars"):
        metallicity_gradient({**stars, "metallicity": np.zeros(300)}, seed=1)
