"""Profiles and scaling relations: quiet where nothing is wrong, and each sees its own fault."""

import json

import numpy as np
import pytest
from astropy import units as u

from galflowlab import mocks
from galflowlab.galaxy import Galaxy, Provenance
from galflowlab.galaxy_checks import profile_checks, scaling_relations
from galflowlab.galaxy_checks.scaling import PIVOT, Relation
from galflowlab.pixels import masked
from galflowlab.profiles import radial_profiles
from galflowlab.schema import CONTEXT, as_stars

MEASURED = ("surface_density", "mean_age", "v_phi", "sigma_R", "sigma_phi", "sigma_z")


@pytest.fixture(scope="module")
def galaxy():
    return mocks.make_galaxy(10.3, seed=3, n=24_000)


@pytest.fixture(scope="module")
def halves(galaxy):
    return plain(galaxy.stars[:4000]), plain(galaxy.stars[4000:8000])


def plain(stars):
    """Columns as arrays, the masses those of a whole galaxy."""
    columns = {name: np.array(stars[name].value) for name in stars.colnames}
    return columns | {"mass": columns["mass"] * 1e10 / columns["mass"].sum()}


def changed(stars, **change):
    return stars | {name: f(stars) for name, f in change.items()}


# -- profiles


def test_draws_of_one_galaxy_differ_by_their_errors(galaxy):
    parts = [plain(galaxy.stars[i : i + 4000]) for i in range(0, 24_000, 4000)]
    checks = [
        profile_checks(a, b, seed=i)
        for i, (a, b) in enumerate(zip(parts[::2], parts[1::2], strict=True))
    ]
    chi2 = np.array([[check.chi2 for check in c.checks.values()] for c in checks])
    assert chi2.shape == (3, 10)
    assert 0.75 < chi2.mean() < 1.3  # 0.45 of each of thirty
    assert chi2.mean(axis=0).max() < 2.2
    p_values = [check.p_value for c in checks for check in c.checks.values()]
    assert 0.3 < np.mean(p_values) < 0.65
    assert min(p_values) > 1e-4


def slower(component, sign):
    def new(stars):
        radius = np.hypot(stars["x"], stars["y"])
        return stars[f"v{component}"] + sign * 15 * stars["xy".replace(component, "")] / radius

    return new


@pytest.mark.parametrize(
    ("quantity", "change"),
    [
        ("mean_height", {"z": lambda s: 1.5 * s["z"]}),
        ("v_phi", {"vx": slower("x", 1), "vy": slower("y", -1)}),
        ("sigma_z", {"vz": lambda s: 1.3 * s["vz"]}),
        ("mean_age", {"age": lambda s: s["age"] + 0.8}),
        ("mean_fe_h", {"fe_h": lambda s: s["fe_h"] - 0.1}),
        ("mean_metallicity", {"metallicity": lambda s: 1.3 * s["metallicity"]}),
        ("mean_o_fe", {"o_fe": lambda s: s["o_fe"] + 0.03}),
    ],
)
def test_a_fault_is_seen_in_its_quantity_and_in_no_other(halves, quantity, change):
    real, generated = halves
    good = profile_checks(real, generated, seed=1)
    bad = profile_checks(real, changed(generated, **change), seed=1)
    assert good[quantity].p_value > 1e-3
    assert bad[quantity].p_value < 1e-6
    for name in good.checks.keys() - {quantity}:
        np.testing.assert_allclose(bad[name].residuals, good[name].residuals, atol=1e-3)


def test_the_sign_of_a_residual_is_generated_minus_real(halves):
    real, generated = halves
    slow = changed(generated, vx=slower("x", 1), vy=slower("y", -1))
    assert (profile_checks(real, slow, seed=1)["v_phi"].residuals < 0).all()
    thick = changed(generated, z=lambda s: 2 * s["z"])
    assert (profile_checks(real, thick, seed=1)["mean_height"].residuals > 0).all()


def test_a_larger_galaxy_is_seen_in_its_surface_density(halves):
    real, generated = halves
    large = changed(generated, x=lambda s: 1.2 * s["x"], y=lambda s: 1.2 * s["y"])
    residuals = profile_checks(real, large, seed=1)["surface_density"].residuals
    assert residuals[0] < -3
    assert residuals[-1] > 3


def test_values_are_those_of_the_profiles(halves):
    real, generated = halves
    checks = profile_checks(real, generated, seed=1)
    for stars, side in ((real, "real"), (generated, "generated")):
        for name, profile in radial_profiles(stars, MEASURED, checks.edges).items():
            np.testing.assert_allclose(getattr(checks[name], side), profile.values, rtol=1e-9)
            assert checks[name].quantity.unit == profile.unit
    inside = np.hypot(real["x"], real["y"]) < checks.edges[1]
    weight = real["mass"][inside]
    for name, values in (("mean_height", np.abs(real["z"])), ("mean_fe_h", real["fe_h"])):
        expected = np.average(values[inside], weights=weight)
        assert checks[name].real[0] == pytest.approx(expected)


def test_bootstrap_errors_are_those_of_the_mean_and_of_a_share(halves):
    real, generated = halves
    checks = profile_checks(real, generated, seed=1, resamples=1000)
    known = radial_profiles(real, ["v_phi", "mean_age"], checks.edges)
    for name, profile in known.items():
        np.testing.assert_allclose(checks[name].real_error, profile.errors, rtol=0.15)
    # A tenth of 98 % of the stars in each ring, the number of all being known.
    density = checks["surface_density"]
    relative = np.sqrt((1 - 0.098) / (0.098 * len(real["x"])))
    np.testing.assert_allclose(density.real_error / density.real, relative, rtol=0.15)


def test_missing_stars_are_a_fault_of_the_density_and_nothing_to_average(halves):
    real, generated = halves
    radius = np.hypot(generated["x"], generated["y"])
    edges = profile_checks(real, generated, seed=1).edges
    inner = {name: values[radius < edges[5]] for name, values in generated.items()}
    checks = profile_checks(real, inner, seed=1, edges=edges)
    assert (checks["surface_density"].residuals[5:] < -3).all()
    assert checks["v_phi"].residuals.mask.tolist() == [False] * 5 + [True] * 5
    assert checks["v_phi"].rings == 5
    record = json.loads(json.dumps(checks.as_dict(), allow_nan=False))
    assert record["quantities"]["v_phi"]["generated"][5:] == [None] * 5
    assert len(record["edges"]) == 11


def test_no_ring_has_enough_stars(halves):
    few = {name: values[:30] for name, values in halves[0].items()}
    checks = profile_checks(few, few, seed=1)
    assert checks["v_phi"].chi2 is None
    assert checks["v_phi"].p_value is None
    json.dumps(checks.as_dict(), allow_nan=False)


def test_units_and_seeds(halves):
    real, generated = halves
    checks = profile_checks(real, generated, seed=1)
    table = as_stars(real)
    table["x"] = table["x"].to(u.pc)
    table["vz"] = table["vz"].to(u.m / u.s)
    again = profile_checks(table, generated, seed=1)
    for name, check in checks.checks.items():
        np.testing.assert_allclose(again[name].residuals, check.residuals, rtol=1e-4, atol=1e-6)
    other = profile_checks(real, generated, seed=2)
    assert not np.allclose(other["v_phi"].residuals, checks["v_phi"].residuals, rtol=1e-3)


def test_columns_that_both_have_are_compared(halves):
    real, generated = halves
    poor = {name: values for name, values in generated.items() if name not in ("fe_h", "age")}
    compared = profile_checks(real, poor, seed=1).checks
    assert "mean_fe_h" not in compared
    assert "mean_age" not in compared
    assert {"mean_o_fe", "v_phi"} <= compared.keys()


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"vx": lambda s: np.full_like(s["vx"], np.nan)}, {}, "'vx' has 4000 values"),
        ({"mass": lambda s: 0 * s["mass"]}, {}, "no mass"),
        ({}, {"resamples": 1}, "at least two resamples"),
        ({}, {"edges": [3, 2, 1]}, "increasing edges"),
    ],
)
def test_bad_stars_are_refused(halves, change, options, message):
    real, generated = halves
    with pytest.raises(ValueError, match=message):
        profile_checks(real, changed(generated, **change), seed=1, **options)
    with pytest.raises(ValueError, match="missing star column 'vz'"):
        profile_checks(real, {k: v for k, v in generated.items() if k != "vz"}, seed=1)


# -- scaling relations


class Model:
    """An eDF that draws what a function makes of the galaxy with the same context."""

    def __init__(self, galaxies, draw):
        self._of = {g.context["log10_mstar"]: g for g in galaxies}
        self._draw = draw

    def freeze(self, context, *, n, seed):
        self._drawn = self._draw(self._of[context["log10_mstar"]], n, seed)
        return self

    def stars(self):
        return self._drawn


@pytest.fixture(scope="module")
def galaxies():
    return mocks.make_suite(8, 2000, seed=5, log10_mstar=(8.5, 11))


def test_a_perfect_model_lies_on_the_relations_of_the_data(galaxies):
    perfect = Model(galaxies, lambda galaxy, n, seed: galaxy.truth.sample(n, seed=seed))
    found = scaling_relations(perfect, galaxies, n=2000, seed=1)
    assert found.names == tuple(g.name for g in galaxies)
    for relation in found.relations.values():
        assert relation.data.count() == len(galaxies)
        assert 0 < relation.scatter < 0.03
        assert abs(relation.mean_residual) < 4 * relation.scatter / np.sqrt(len(galaxies))
        assert relation.model_line.slope == pytest.approx(relation.data_line.slope, abs=0.03)
    assert found["mass_metallicity"].data_line.slope > 0.2
    assert found["tully_fisher"].data_line.slope > 0.1


@pytest.mark.parametrize(
    ("relation", "change", "offset"),
    [
        ("size_mass", {c: lambda s, c=c: 1.5 * s[c] for c in "xyz"}, np.log10(1.5)),
        ("tully_fisher", {c: lambda s, c=c: 0.8 * s[c] for c in ("vx", "vy")}, np.log10(0.8)),
        ("mass_metallicity", {"metallicity": lambda s: 2 * s["metallicity"]}, np.log10(2)),
    ],
)
def test_an_offset_is_seen_in_its_relation_and_in_no_other(galaxies, relation, change, offset):
    model = Model(galaxies, lambda galaxy, n, seed: changed(dict(galaxy.stars), **change))
    found = scaling_relations(model, galaxies, n=10, seed=1)
    for name, one in found.relations.items():
        expected = offset if name == relation else 0.0
        np.testing.assert_allclose(one.residuals, expected, atol=1e-6)
        assert one.mean_residual == pytest.approx(expected, abs=1e-6)
        assert one.model_line.slope == pytest.approx(one.data_line.slope)


def disc(name, log10_mstar, velocity, n=20_000):
    """An exponential disc of scale length 2 kpc, all stars at one rotation velocity."""
    rng = np.random.default_rng(1)
    radius, angle = rng.gamma(2, 2.0, n), rng.uniform(0, 2 * np.pi, n)
    stars = {
        "x": radius * np.cos(angle),
        "y": radius * np.sin(angle),
        "z": np.zeros(n),
        "vx": -velocity * np.sin(angle),
        "vy": velocity * np.cos(angle),
        "vz": np.zeros(n),
        "metallicity": np.full(n, 0.01),
        "age": np.full(n, 5.0),
        "mass": np.full(n, 10**log10_mstar / n),
    }
    return Galaxy(name, as_stars(stars), Provenance("test"))


def test_size_rotation_and_metallicity_of_a_known_disc():
    known = disc("a", 10.0, 150.0)
    found = scaling_relations(Model([known], lambda g, n, seed: g.stars), [known], n=1, seed=1)
    assert found["size_mass"].data[0] == pytest.approx(np.log10(1.678 * 2), abs=0.01)
    assert found["tully_fisher"].data[0] == pytest.approx(np.log10(150), abs=1e-6)
    assert found["mass_metallicity"].data[0] == pytest.approx(-2)
    assert found["size_mass"].quantity.unit == u.kpc
    assert found["mass_metallicity"].quantity is CONTEXT["mean_metallicity"]


def test_galaxies_without_rotation_have_no_place_in_the_relation():
    both = [disc("a", 10.0, 150.0), disc("b", 9.0, -50.0)]
    found = scaling_relations(Model(both, lambda g, n, seed: g.stars), both, n=1, seed=1)
    assert found["tully_fisher"].data.mask.tolist() == [False, True]
    assert found["tully_fisher"].data_line is None
    assert found["tully_fisher"].scatter is None
    record = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert record["relations"]["tully_fisher"]["log10_data"][1] is None
    assert record["relations"]["tully_fisher"]["data_line"] is None
    assert record["relations"]["size_mass"]["data_line"]["slope_error"] is None


def test_lines_are_fits_to_what_is_not_masked():
    mass = np.array([8.0, 9.0, 10.0, 11.0, 12.0])
    values = 0.4 * (mass - PIVOT) + 1.0 + np.array([0.1, -0.1, 5.0, -0.1, 0.1])
    data = masked(values, np.array([True, True, False, True, True]))
    line = Relation(CONTEXT["log10_mstar"], mass, data, data).data_line
    assert (line.slope, line.intercept) == (pytest.approx(0.4), pytest.approx(1.0))
    assert line.scatter == pytest.approx(0.1)
    assert line.slope_error == pytest.approx(np.sqrt(0.04 / 2 / 10))
    np.testing.assert_allclose(line(mass), 0.4 * (mass - PIVOT) + 1.0)


def test_draws_depend_on_the_name_and_not_on_the_order(galaxies):
    perfect = Model(galaxies, lambda galaxy, n, seed: galaxy.truth.sample(n, seed=seed))
    forth = scaling_relations(perfect, galaxies[:3], n=200, seed=1)
    back = scaling_relations(perfect, galaxies[2::-1], n=200, seed=1)
    other = scaling_relations(perfect, galaxies[:3], n=200, seed=2)
    assert forth["size_mass"].model.tolist() == back["size_mass"].model[::-1].tolist()
    assert forth["size_mass"].model.tolist() != other["size_mass"].model.tolist()


def test_the_embedded_model_has_scaling_relations():
    import galflowlab

    edf = galflowlab.load("mock")
    unseen = mocks.make_suite(4, 500, seed=77, scatter=0, log10_mstar=(8.5, 10.5))
    found = scaling_relations(edf, unseen, n=2000, seed=1)
    for relation in found.relations.values():
        assert np.abs(relation.residuals).max() < 0.2


def test_galaxies_that_have_no_relations_are_refused(galaxies):
    model = Model(galaxies, lambda galaxy, n, seed: galaxy.stars)
    with pytest.raises(ValueError, match="at least one galaxy"):
        scaling_relations(model, [], n=10, seed=1)
    bare = disc("bare", 10.0, 150.0)
    poor = Galaxy("poor", bare.stars[[c for c in bare.stars.colnames if c != "metallicity"]],
                  bare.provenance)  # fmt: skip
    with pytest.raises(ValueError, match=r"\['poor'\] have no context log10_mstar"):
        scaling_relations(model, [poor], n=10, seed=1)
