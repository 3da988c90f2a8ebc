"""Tables of any origin, read by a map of their columns."""

import h5py
import numpy as np
import pytest
from astropy import units as u
from astropy.cosmology import LambdaCDM
from astropy.table import Table

from galflowlab import mocks
from galflowlab.data import read
from galflowlab.data.readers import checks
from galflowlab.schema import PHASE_SPACE

N = 30
COSMOLOGY = "[cosmology]\nh = 0.7\nomega_m = 0.3\nomega_lambda = 0.7\n"
MAP = """
simulation = "my run"
redshift = 0.25

[columns]
x = { name = "pos", index = 0, unit = "pc" }
y = { name = "pos", index = 1, unit = "pc" }
z = { name = "pos", index = 2, unit = "pc" }
vx = { name = "v0", unit = "m / s" }
vy = { name = "v1", unit = "m / s" }
vz = { name = "v2", unit = "m / s" }
mass = { name = "logm", log10 = true, scale = 1e10, unit = "solMass" }
metallicity = { name = "z_over_solar", scale = 0.0134 }
fe_h = "FEH"
age = { name = "a_form", formation = "scale factor" }
"""
FLAT = MAP.replace('{ name = "pos", index = 0,', '{ name = "pos0",')
FLAT = FLAT.replace('{ name = "pos", index = 1,', '{ name = "pos1",')
FLAT = FLAT.replace('{ name = "pos", index = 2,', '{ name = "pos2",')


def table(flat=False):
    rng = np.random.default_rng(0)
    position = 1e3 * rng.normal(size=(N, 3))
    columns = {f"pos{i}": position[:, i] for i in range(3)} if flat else {"pos": position}
    columns |= {f"v{i}": 1e5 * rng.normal(size=N) for i in range(3)}
    columns |= {
        "logm": rng.uniform(-6, -5, N),
        "z_over_solar": rng.uniform(0.1, 2, N),
        "FEH": rng.normal(size=N),
        "a_form": rng.uniform(0.1, 0.8, N),
        "name": np.array([f"star {i}" for i in range(N)]),
    }
    return Table(columns)


def check(galaxy, name, rtol=1e-12):
    given = table()
    assert galaxy.name == name
    assert galaxy.provenance.simulation == "my run"
    assert galaxy.provenance.redshift == 0.25
    stars = galaxy.stars
    for i, column in enumerate(PHASE_SPACE):
        expected = given["pos"][:, i] / 1e3 if i < 3 else given[f"v{i - 3}"] / 1e3
        np.testing.assert_allclose(stars[column].value, expected, rtol=rtol)
    np.testing.assert_allclose(stars["mass"].value, 10 ** (10 + given["logm"]), rtol=rtol)
    metallicity = 0.0134 * given["z_over_solar"]
    np.testing.assert_allclose(stars["metallicity"].value, metallicity, rtol=rtol)
    np.testing.assert_allclose(stars["fe_h"].value, given["FEH"], rtol=rtol)
    model = LambdaCDM(H0=70, Om0=0.3, Ode0=0.7, Tcmb0=0)
    age = (model.age(0.25) - model.age(1 / given["a_form"] - 1)).to_value("Gyr")
    np.testing.assert_allclose(stars["age"].value, age, atol=1e-5)


def write(path, flat=False):
    """The table in the format of the extension, without units."""
    given = table(flat)
    if path.suffix == ".hdf5":
        del given["name"]
        with h5py.File(path, "w") as file:
            for name in given.colnames:
                file[f"group/{name}"] = given[name]
    elif path.suffix in (".vot", ".xml"):
        given.write(path, format="votable")
    elif path.suffix == ".csv":
        given.write(path, format="ascii.csv")
    elif path.suffix == ".ecsv":
        given.write(path, format="ascii.ecsv")
    else:
        given.write(path)
    return path


def test_a_votable_states_its_units(tmp_path):
    galaxy = mocks.make_suite(1, 60, seed=1)[0]
    galaxy.stars.write(tmp_path / "a.vot", format="votable")
    lines = [f'{name} = "{name}"' for name in galaxy.stars.colnames]
    (tmp_path / "columns.toml").write_text("\n".join(["[columns]", *lines]))
    stars = read(tmp_path / "a.vot").stars
    for name in galaxy.stars.colnames:
        np.testing.assert_allclose(stars[name].value, galaxy.stars[name].value, rtol=1e-6)


@pytest.mark.parametrize("ending", ["csv", "ecsv", "fits", "parquet", "vot", "xml"])
def test_every_format(tmp_path, ending):
    path = write(tmp_path / f"galaxy_4.{ending}", flat=True)
    (tmp_path / "map.toml").write_text(FLAT + COSMOLOGY)
    check(read(path, columns=tmp_path / "map.toml"), "galaxy_4")


@pytest.mark.parametrize("ending", ["fits", "parquet", "vot"])
def test_array_columns(tmp_path, ending):
    path = write(tmp_path / f"galaxy_4.{ending}")
    (tmp_path / "map.toml").write_text(MAP + COSMOLOGY)
    check(read(path, columns=str(tmp_path / "map.toml")), "galaxy_4")


def test_hdf5_datasets_by_their_path(tmp_path):
    path = write(tmp_path / "galaxy_4.hdf5")
    text = MAP.replace('name = "', 'name = "group/').replace('"FEH"', '"group/FEH"')
    (tmp_path / "columns.toml").write_text(text + COSMOLOGY)
    check(read(path), "galaxy_4")


def test_map_of_the_file_comes_before_that_of_the_folder(tmp_path):
    path = write(tmp_path / "galaxy_4.csv", flat=True)
    with pytest.raises(ValueError, match=r"unit-less.*columns\.toml"):
        read(path)
    (tmp_path / "columns.toml").write_text(FLAT + COSMOLOGY)
    check(read(path), "galaxy_4")
    (tmp_path / "galaxy_4.columns.toml").write_text("not TOML")
    with pytest.raises(ValueError, match=r"galaxy_4\.columns\.toml: not a TOML file"):
        read(path)


def test_votable_needs_a_map(tmp_path):
    with pytest.raises(ValueError, match=r"a\.vot: expected a map of its columns, columns\.toml"):
        read(write(tmp_path / "a.vot"))


def test_map_is_for_tables_only(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((11, 3)))
    with pytest.raises(ValueError, match=r"a\.npy: a map of columns is for"):
        read(tmp_path / "a.npy", columns="map.toml")
    with pytest.raises(FileNotFoundError, match=r"map\.toml: no such file"):
        read(write(tmp_path / "a.csv", flat=True), columns=tmp_path / "map.toml")


def test_units_of_the_table_hold_unless_the_map_says_otherwise(tmp_path):
    given = table(flat=True)
    given["v0"].unit = u.cm / u.s
    given["v1"].unit = u.cm / u.s
    given.write(tmp_path / "a.fits")
    text = FLAT.replace('vx = { name = "v0", unit = "m / s" }', 'vx = "v0"') + COSMOLOGY
    (tmp_path / "columns.toml").write_text(text)
    stars = read(tmp_path / "a.fits").stars
    np.testing.assert_allclose(stars["vx"].value, given["v0"] / 1e5)
    np.testing.assert_allclose(stars["vy"].value, given["v1"] / 1e3)


@pytest.mark.parametrize(
    ("formation", "number"),
    [("redshift", lambda a, model: 1 / a - 1), ("cosmic time", lambda a, model: model(1 / a - 1))],
)
def test_other_formation_times_give_the_same_ages(tmp_path, formation, number):
    given = table(flat=True)
    model = LambdaCDM(H0=70, Om0=0.3, Ode0=0.7, Tcmb0=0)
    given["a_form"] = number(given["a_form"].data, lambda z: model.age(z).to_value("Myr"))
    given.write(tmp_path / "galaxy_4.fits")
    unit = ', unit = "Myr"' if formation == "cosmic time" else ""
    text = FLAT.replace('"scale factor"', f'"{formation}"{unit}')
    (tmp_path / "columns.toml").write_text(text + COSMOLOGY)
    check(read(tmp_path / "galaxy_4.fits"), "galaxy_4")


def test_what_never_formed_is_dropped_and_counted(tmp_path):
    given = table(flat=True)
    given["a_form"][:3] = [-1.0, 0.0, np.nan]
    given.write(tmp_path / "a.fits")
    (tmp_path / "columns.toml").write_text(FLAT + COSMOLOGY)
    galaxy = read(tmp_path / "a.fits")
    assert len(galaxy) == N - 3
    assert galaxy.provenance.cuts[0].dropped == 3


def test_missing_abundances_stay_undefined_and_other_missing_values_are_refused(tmp_path):
    path = write(tmp_path / "a.csv", flat=True)
    (tmp_path / "columns.toml").write_text(FLAT + COSMOLOGY)
    lines = path.read_text().splitlines()
    names = lines[0].split(",")

    def without(name):
        cells = lines[1].split(",")
        cells[names.index(name)] = ""
        path.write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]) + "\n")

    without("FEH")
    assert np.isnan(read(path).stars["fe_h"].value).nonzero()[0].tolist() == [0]
    without("v1")
    with pytest.raises(ValueError, match=r"a\.csv: column 'vy' should be finite, has 1 NaN"):
        read(path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[columns]", "[column]", ["'column'"]),
        ('fe_h = "FEH"', 'feh = "FEH"', ["'feh'", "fe_h"]),
        ('fe_h = "FEH"', "fe_h = 3", ["columns.fe_h", "a name or a table"]),
        ('fe_h = "FEH"', 'fe_h = { name = "FEH", log10 = true }', ["columns.fe_h.log10"]),
        ('vx = { name = "v0", unit = "m / s" }', "", ["columns.vx"]),
        ('"m / s"', '"m / s2"', ["columns.vx.unit", "'m / s2'", "km / s"]),
        ('"m / s"', '"furlong"', ["columns.vx.unit", "'furlong'"]),
        ('"m / s"', '"10**1000000000 m / s"', ["columns.vx.unit"]),
        ('"m / s"', '"1e999 m / s"', ["columns.vx.unit"]),
        ('"m / s"', "\"__import__('os').abort()\"", ["columns.vx.unit"]),
        ("scale = 1e10", "scale = nan", ["columns.mass.scale", "finite"]),
        ("scale = 1e10", "scale = true", ["columns.mass.scale"]),
        ("log10 = true", "log10 = 1", ["columns.mass.log10"]),
        ('name = "logm"', 'nam = "logm"', ["columns.mass", "'nam'"]),
        ('name = "logm"', "name = 1", ["columns.mass.name"]),
        ('name = "logm"', 'name = "m"', ["a.fits", "'m'", "logm"]),
        ('name = "logm"', 'name = "name"', ["a.fits", "'name'", "real numbers"]),
        ('name = "v0"', 'name = "v0", index = 0', ["a.fits", "'v0'"]),
        ('name = "v0"', 'name = "v0", index = -1', ["columns.vx.index"]),
        ('"scale factor"', '"lookback"', ["columns.age.formation", "'lookback'"]),
        ('"scale factor"', '"scale factor", unit = "Gyr"', ["columns.age", "no unit"]),
        ('"scale factor"', '"cosmic time"', ["'a_form'", "unit-less", "Gyr"]),
        ("redshift = 0.25", 'redshift = "now"', ["redshift"]),
        ("redshift = 0.25", "redshift = -2", ["redshift"]),
        ("redshift = 0.25", "redshift = 4", ["'age'", "are not"]),
        ('"my run"', "7", ["simulation"]),
        ("h = 0.7", "h = 70", ["unlikely cosmology"]),
        ("h = 0.7", "", ["cosmology", "omega_lambda"]),
        (COSMOLOGY, "", ["scale factor", "cosmology"]),
        (', unit = "pc" }', " }", ["unit-less", "'pos0'", "kpc"]),
    ],
)
def test_map_refuses(tmp_path, old, new, words):
    path = write(tmp_path / "a.fits", flat=True)
    text = (FLAT + COSMOLOGY).replace(old, new)
    assert text != FLAT + COSMOLOGY
    (tmp_path / "columns.toml").write_text(text)
    with pytest.raises(ValueError, match=r"columns\.toml|a\.fits") as caught:
        read(path)
    for word in words:
        assert word in str(caught.value)


def test_endless_nesting_is_refused(tmp_path):
    path = write(tmp_path / "a.fits", flat=True)
    (tmp_path / "columns.toml").write_text("x = " + "[" * 100_000)
    with pytest.raises(ValueError, match=r"columns\.toml: not a TOML file"):
        read(path)


@pytest.mark.parametrize("ending", ["csv", "fits", "parquet", "vot", "hdf5"])
def test_too_many_stars_are_refused(tmp_path, ending, monkeypatch):
    monkeypatch.setattr(checks, "MAX_STARS", 10)
    path = write(tmp_path / f"a.{ending}", flat=True)
    text = FLAT if ending != "hdf5" else FLAT.replace('name = "', 'name = "group/')
    (tmp_path / "columns.toml").write_text(text.replace('"FEH"', '"group/FEH"') + COSMOLOGY)
    if ending != "hdf5":
        (tmp_path / "columns.toml").write_text(FLAT + COSMOLOGY)
    with pytest.raises(ValueError, match=rf"a\.{ending}: 30 star particles; expected at most 10"):
        read(path)
