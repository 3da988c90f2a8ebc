import numpy as np
import pytest
from astropy import units as u

from galflowlab.profiles import (
    QUANTITIES,
    age_metallicity,
    enclosing_radius,
    half_mass_radius,
    percentiles,
    plane,
    radial_edges,
    radial_profiles,
)
from galflowlab.schema import as_stars

VELOCITIES = ("v_phi", "sigma_R", "sigma_phi", "sigma_z")


def cloud(n=5000, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    names = ("x", "y", "z", "vx", "vy", "vz", "fe_h", "o_fe")
    stars = {name: rng.normal(size=n).astype(dtype) for name in names}
    stars["age"] = rng.uniform(0, 13, n).astype(dtype)
    stars["metallicity"] = 10 ** rng.normal(-2, 0.3, n).astype(dtype)
    stars["mass"] = rng.uniform(0.5, 2, n).astype(dtype)
    return stars


def exponential_disc(n=200_000, scale=3.0, mass=2e10, seed=1):
    rng = np.random.default_rng(seed)
    radius, angle = rng.gamma(2, scale, n), rng.uniform(0, 2 * np.pi, n)
    stars = {"x": radius * np.cos(angle), "y": radius * np.sin(angle), "z": np.zeros(n)}
    return stars | {"mass": np.full(n, mass / n)}


def radius_of(stars):
    return np.hypot(stars["x"], stars["y"])


# -- rings


def test_rings_conserve_the_mass():
    stars = cloud()
    edges = np.array([0.0, 0.3, 1.0, 2.0])
    density = radial_profiles(stars, ["surface_density"], edges)["surface_density"]
    areas = np.pi * np.diff(edges**2)
    expected = stars["mass"][radius_of(stars) < 2].sum()
    assert (density.values * areas).sum() == pytest.approx(expected)
    assert density.counts.sum() == np.count_nonzero(radius_of(stars) < 2)
    whole = radial_profiles(stars, ["surface_density"], [0, 100])["surface_density"]
    assert whole.values[0] * np.pi * 1e4 == pytest.approx(stars["mass"].sum())


def test_an_exponential_disc_has_the_density_it_was_made_with():
    edges = np.linspace(0, 12, 13)
    profile = radial_profiles(exponential_disc(), ["surface_density"], edges)["surface_density"]
    enclosed = 2e10 * (1 - (1 + edges / 3) * np.exp(-edges / 3))
    expected = np.diff(enclosed) / (np.pi * np.diff(edges**2))
    deviation = (profile.values - expected) / profile.errors
    assert np.abs(deviation).max() < 4
    assert np.sqrt(np.mean(deviation**2)) == pytest.approx(1, abs=0.5)


def test_rigid_rotation_is_found_with_its_sense():
    stars = cloud()
    spinning = stars | {"vx": -7 * stars["y"], "vy": 7 * stars["x"], "vz": 0 * stars["x"]}
    for sense in (1, -1):
        turned = spinning | {name: sense * spinning[name] for name in ("vx", "vy")}
        profiles = radial_profiles(turned, VELOCITIES, np.linspace(0, 3, 3001))
        v_phi = profiles["v_phi"]
        np.testing.assert_allclose(v_phi.values, sense * 7 * v_phi.centres, atol=7 * 5.1e-4)
        np.testing.assert_allclose(profiles["sigma_R"].values.compressed(), 0, atol=1e-12)
        np.testing.assert_allclose(profiles["sigma_phi"].values.compressed(), 0, atol=3.6e-3)


def test_profiles_do_not_depend_on_the_azimuth():
    stars = cloud()
    c, s = np.cos(1.1), np.sin(1.1)
    turned = dict(stars)
    for a, b in (("x", "y"), ("vx", "vy")):
        turned[a], turned[b] = c * stars[a] - s * stars[b], s * stars[a] + c * stars[b]
    edges = np.linspace(0, 2.5, 11)
    for name, profile in radial_profiles(stars, QUANTITIES, edges).items():
        other = radial_profiles(turned, [name], edges)[name]
        np.testing.assert_allclose(other.values, profile.values, rtol=1e-9)
        np.testing.assert_allclose(other.errors, profile.errors, rtol=1e-9)


def test_a_mirror_reverses_the_rotation_and_nothing_else():
    stars = cloud()
    mirrored = stars | {"x": -stars["x"], "vx": -stars["vx"]}
    before, after = (radial_profiles(s, QUANTITIES, [0, 1, 2]) for s in (stars, mirrored))
    for name in QUANTITIES:
        sign = -1 if name == "v_phi" else 1
        np.testing.assert_allclose(after[name].values, sign * before[name].values, rtol=1e-9)


def test_agrees_with_brute_force():
    stars = cloud()
    edges = np.array([0.2, 0.5, 1.0, 1.7])
    profiles = radial_profiles(stars, QUANTITIES, edges)
    R, phi = radius_of(stars), np.arctan2(stars["y"], stars["x"])
    v_R = np.cos(phi) * stars["vx"] + np.sin(phi) * stars["vy"]
    v_phi = np.cos(phi) * stars["vy"] - np.sin(phi) * stars["vx"]
    for i in range(3):
        ring = np.digitize(R, edges) == i + 1
        m = stars["mass"][ring]
        n = m.sum() ** 2 / (m**2).sum()

        def mean(v, ring=ring, m=m):
            return np.average(v[ring], weights=m)

        def sigma(v, ring=ring, m=m):
            return np.sqrt(np.average((v[ring] - np.average(v[ring], weights=m)) ** 2, weights=m))

        area = np.pi * (edges[i + 1] ** 2 - edges[i] ** 2)
        age = stars["age"]
        for name, value, error in (
            ("surface_density", m.sum() / area, np.sqrt((m**2).sum()) / area),
            ("mean_age", mean(age), sigma(age) / np.sqrt(n - 1)),
            ("v_phi", mean(v_phi), sigma(v_phi) / np.sqrt(n - 1)),
            ("sigma_R", sigma(v_R), sigma(v_R) / np.sqrt(2 * (n - 1))),
            ("sigma_phi", sigma(v_phi), sigma(v_phi) / np.sqrt(2 * (n - 1))),
            ("sigma_z", sigma(stars["vz"]), sigma(stars["vz"]) / np.sqrt(2 * (n - 1))),
        ):
            assert profiles[name].values[i] == pytest.approx(value, rel=1e-10)
            assert profiles[name].errors[i] == pytest.approx(error, rel=1e-10)
            assert profiles[name].counts[i] == np.count_nonzero(ring)


def test_errors_are_the_scatter_between_equal_samples():
    samples = [
        radial_profiles(cloud(400, seed), ["mean_age", *VELOCITIES], [0, 1]) for seed in range(300)
    ]
    for name in ("mean_age", *VELOCITIES):
        values = np.array([s[name].values[0] for s in samples])
        claimed = np.mean([s[name].errors[0] for s in samples])
        assert values.std() == pytest.approx(claimed, rel=0.15)


def few(**columns):
    n = len(columns["x"])
    zero = dict.fromkeys(("y", "z", "vx", "vy", "vz", "age"), np.zeros(n))
    given = {name: np.asarray(v, float) for name, v in columns.items()}
    return zero | {"mass": np.ones(n)} | given


def test_bins_hold_their_lower_edge_and_mask_what_is_empty():
    profiles = radial_profiles(few(x=[0.0, 1.0, 3.0]), ["surface_density", "sigma_z"], [0, 1, 2, 3])
    density, sigma = profiles["surface_density"], profiles["sigma_z"]
    assert density.counts.tolist() == [1, 1, 0]
    assert density.values.mask.tolist() == density.errors.mask.tolist() == [False, False, True]
    assert np.isnan(density.values.data[2])
    assert sigma.values.mask.all()  # a single star has no dispersion
    age = radial_profiles(few(x=[0.5], age=[3.0]), ["mean_age"], [0, 1])["mean_age"]
    assert age.values[0] == 3.0
    assert age.errors.mask.all()


def test_stars_on_the_axis_count_as_on_the_x_axis():
    stars = few(x=[0.0], vx=[3.0], vy=[5.0])
    assert radial_profiles(stars, ["v_phi"], [0, 1])["v_phi"].values[0] == 5.0


def test_massless_stars_and_no_stars_give_empty_profiles():
    for stars in (few(x=[0.5, 0.6], mass=[0, 0]), few(x=[])):
        for profile in radial_profiles(stars, QUANTITIES, [0, 1, 2]).values():
            assert profile.values.mask.all()
            assert profile.errors.mask.all()


def test_takes_tables_with_units_and_single_precision():
    stars = cloud(dtype=np.float32)
    table = as_stars(stars)
    table["x"] = table["x"].to(u.pc)
    edges = radial_edges(stars, 5)
    for name, profile in radial_profiles(table, QUANTITIES, edges).items():
        plain = radial_profiles(stars, [name], edges)[name]
        np.testing.assert_allclose(profile.values, plain.values, rtol=0.02)
        assert profile.unit == QUANTITIES[name].unit
        assert profile.axis_label.endswith("]")
        assert profile.axis_label.startswith(profile.label)


# -- radii and edges


def test_radii_enclose_the_mass_asked_for():
    stars = cloud()
    for mass in (stars["mass"], np.ones(5000)):
        some = stars | {"mass": mass}
        for fraction in (0.01, 0.5, 0.98, 1.0):
            for projected in (True, False):
                terms = [stars[c] ** 2 for c in ("xy" if projected else "xyz")]
                R = np.sqrt(sum(terms))
                radius = enclosing_radius(some, fraction, projected=projected)
                assert mass[radius * (1 + 1e-9) >= R].sum() >= fraction * mass.sum() * (1 - 1e-9)
                assert mass[radius * (1 - 1e-9) >= R].sum() < fraction * mass.sum()


def test_half_mass_radii_of_known_bodies():
    assert half_mass_radius(exponential_disc()) == pytest.approx(1.678 * 3, rel=0.01)
    stars = cloud(100_000) | {"mass": np.ones(100_000)}
    assert half_mass_radius(stars) == pytest.approx(1.538, rel=0.01)  # of a 3-D Gaussian
    assert half_mass_radius(stars, projected=True) == pytest.approx(1.177, rel=0.01)


def test_equal_masses_are_no_special_case():
    stars = cloud(999) | {"mass": np.full(999, 0.7)}
    nearly = stars | {"mass": np.where(np.arange(999) == 5, 0.7 * (1 + 1e-15), 0.7)}
    assert nearly["mass"].min() < nearly["mass"].max()
    for fraction in np.arange(1, 1000) / 999:  # rounded sums must still reach their fraction
        assert enclosing_radius(stars, fraction) == enclosing_radius(nearly, fraction)


def test_linear_edges_end_where_the_mass_does():
    stars = cloud()
    edges = radial_edges(stars, 10)
    assert edges[0] == 0
    np.testing.assert_allclose(np.diff(edges), edges[-1] / 10)
    assert edges[-1] == pytest.approx(enclosing_radius(stars, 0.98, projected=True))
    inside = stars["mass"][radius_of(stars) < edges[-1]].sum() / stars["mass"].sum()
    assert 0.98 <= inside < 0.981
    np.testing.assert_array_equal(edges, radial_edges(stars, 10))


def test_equal_count_edges_hold_equally_many_stars():
    stars = cloud()
    edges = radial_edges(stars, 7, equal_counts=True)
    counts = radial_profiles(stars, ["surface_density"], edges)["surface_density"].counts
    assert counts.max() - counts.min() <= 2
    with pytest.raises(ValueError, match="increasing edges"):
        radial_edges(few(x=[1.0, 1.0, 1.0, 2.0]), 3, equal_counts=True, holding=1.0)


# -- planes and percentiles


def test_a_plane_agrees_with_numpy_and_shares_sum_to_what_is_inside():
    stars = cloud()
    share = plane(stars, "fe_h", "o_fe", (-2, 1), (-1, 1.5), 20)
    expected, _, _ = np.histogram2d(
        stars["o_fe"], stars["fe_h"], 20, [(-1, 1.5), (-2, 1)], weights=stars["mass"]
    )
    np.testing.assert_allclose(share.filled(0), expected / stars["mass"].sum(), atol=1e-15)
    assert share.mask.tolist() == (expected == 0).tolist()
    inside = (np.abs(stars["fe_h"] + 0.5) < 1.5) & (np.abs(stars["o_fe"] - 0.25) < 1.25)
    assert share.sum() == pytest.approx(stars["mass"][inside].sum() / stars["mass"].sum())
    assert plane(stars, "fe_h", "o_fe", (-9, 9), (-9, 9), 8).sum() == pytest.approx(1)


def test_percentiles_agree_with_brute_force():
    stars = cloud(700)
    edges = np.array([0.0, 1.0, 4.0, 4.5, 13.5, 14.0])
    found = percentiles(stars, "age", "fe_h", edges, (0.1, 0.5, 0.9))
    for i in range(4):
        chosen = (stars["age"] >= edges[i]) & (stars["age"] < edges[i + 1])
        assert found.counts[i] == np.count_nonzero(chosen)
        pairs = sorted(zip(stars["fe_h"][chosen], stars["mass"][chosen], strict=True))
        for row, fraction in zip(found.values, (0.1, 0.5, 0.9), strict=True):
            wanted = fraction * stars["mass"][chosen].sum()
            enough = [v for v, _ in pairs if sum(m for w, m in pairs if w <= v) >= wanted]
            assert row[i] == enough[0]
    assert found.values.mask.tolist() == [[False] * 4 + [True]] * 3
    assert np.isnan(found.values.data[:, 4]).all()


def test_an_age_metallicity_relation_is_recovered():
    stars = cloud(50_000)
    stars["fe_h"] = 0.3 - 0.1 * stars["age"] + 0.05 * stars["fe_h"]
    edges = np.arange(0, 13.5, 0.5)
    found = age_metallicity(stars, edges)
    low, median, high = found.values
    np.testing.assert_allclose(median, 0.3 - 0.1 * (edges[:-1] + 0.25), atol=0.01)
    np.testing.assert_allclose((high - low) / 2, 0.9945 * np.hypot(0.05, 0.1 * 0.144), atol=0.006)
    assert found.quantity.label == "[Fe/H]"


def test_without_iron_metallicity_takes_its_place():
    stars = cloud()
    del stars["fe_h"]
    found = age_metallicity(as_stars(stars), [0, 5, 13])
    expected = percentiles(stars, "age", "metallicity", [0, 5, 13]).values
    np.testing.assert_allclose(found.values, np.log10(expected))
    assert "Z" in found.quantity.label
    poor = age_metallicity(stars | {"metallicity": np.zeros(5000)}, [0, 5, 13])
    assert poor.values.mask.all()


# -- refusals


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({}, (["brightness"], [0, 1]), r"unknown profile quantities \['brightness'\].*sigma_R"),
        ({"x": None}, (["v_phi"], [0, 1]), "missing star column 'x'"),
        ({"age": None}, (["mean_age"], [0, 1]), "missing star column 'age'"),
        ({"vz": np.nan}, (["sigma_z"], [0, 1]), "'vz' has 1 values that are not finite"),
        ({"mass": -1.0}, (["sigma_z"], [0, 1]), "negative"),
        ({"y": [1.0, 2.0]}, (["v_phi"], [0, 1]), "2 stars, not 1"),
        ({"age": [1.0, 2.0]}, (["mean_age"], [0, 1]), "2 stars, not 1"),
        ({}, (["v_phi"], [0, 0]), "increasing edges"),
        ({}, (["v_phi"], [1]), "increasing edges"),
        ({}, (["v_phi"], [0, np.nan]), "increasing edges"),
        ({}, (["v_phi"], [0, np.inf]), "finite edges"),
        ({}, (["v_phi"], [-1, 1]), "at least 0 kpc"),
    ],
)
def test_wrong_profiles_are_refused_in_words(change, arguments, message):
    stars = few(x=[0.5])
    for name, value in change.items():
        stars.pop(name)
        if value is not None:
            stars[name] = np.atleast_1d(value)
    with pytest.raises(ValueError, match=message):
        radial_profiles(stars, *arguments)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: enclosing_radius(s, 0.0), "fraction of the mass"),
        (lambda s: enclosing_radius(s, np.nan), "fraction of the mass"),
        (lambda s: half_mass_radius(s | {"mass": np.zeros(9)}), "no mass"),
        (lambda s: radial_edges(s, 0), "bins"),
        (lambda s: radial_edges(s, 2.5), "bins"),
        (lambda s: plane(s, "fe_h", "o_fe", (0, 1), (0, 1), 0), "bins"),
        (lambda s: plane(s, "fe_h", "o_fe", (1, 0), (0, 1), 4), "increasing edges"),
        (lambda s: plane(s, "fe_h", "colour", (0, 1), (0, 1), 4), "unknown star column 'colour'"),
        (lambda s: plane(s | {"mass": np.zeros(9)}, "x", "y", (0, 1), (0, 1), 4), "no mass"),
        (lambda s: percentiles(s, "age", "fe_h", [0, 1], (0.5, 1.1)), "fractions"),
        (lambda s: percentiles(s, "age", "fe_h", [1, 1]), "increasing edges"),
        (lambda s: age_metallicity({"age": s["age"]}, [0, 1]), "missing star column 'metall"),
    ],
)
def test_other_wrong_input_is_refused_in_words(call, message):
    with pytest.raises(ValueError, match=message):
        call(cloud(9))


def test_inputs_stay_as_they_are():
    stars = few(x=[0.0, 0.5, 0.7])
    before = {name: values.copy() for name, values in stars.items()}
    radial_profiles(stars, QUANTITIES, [0, 1])
    radial_edges(stars, 2)
    for name, values in before.items():
        np.testing.assert_array_equal(stars[name], values)
