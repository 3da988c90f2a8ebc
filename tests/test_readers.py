"""Readers of files made here: good ones come back right, bad ones raise one clear error."""

import json
import pickle
import struct
import sys
import zipfile

import h5py
import numpy as np
import pytest
from astropy.cosmology import LambdaCDM

from galflowlab.data import read
from galflowlab.data.readers import abundances, checks
from galflowlab.data.readers.nihao import ROWS

N = 40


def star_arrays(n=N, seed=0):
    """Plain arrays of one small galaxy in our names and units."""
    rng = np.random.default_rng(seed)
    position, velocity = rng.normal(size=(3, n)), 100 * rng.normal(size=(3, n))
    return {
        **dict(zip("xyz", position, strict=True)),
        **dict(zip(("vx", "vy", "vz"), velocity, strict=True)),
        "metallicity": 10 ** rng.uniform(-4, -1.5, n),
        "fe_h": rng.normal(-1, 0.5, n),
        "o_fe": rng.normal(0.3, 0.1, n),
        "mass": rng.uniform(1e4, 2e4, n),
        "age": rng.uniform(0, 13, n),
    }


def nihao_array(**changes):
    stars = star_arrays() | changes
    return np.array([stars[row] for row in ROWS])


def fails(path, *words, kind=(ValueError, OSError)):
    """`read` raises one ValueError or OSError that names the file and all `words`."""
    with pytest.raises(kind) as caught:
        read(path)
    for word in (path.name, *words):
        assert word in str(caught.value)


# --- any file ---------------------------------------------------------------------------


def test_missing_file(tmp_path):
    fails(tmp_path / "none.npy", "no such file", kind=FileNotFoundError)


def test_folder(tmp_path):
    fails(tmp_path, "directory", kind=IsADirectoryError)


@pytest.mark.parametrize(
    "ending", ["npy", "npz", "hdf5", "h5", "fits", "parquet", "ecsv", "csv", "tipsy", ""]
)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"not a galaxy at all, but text that goes on for a while\n" * 10,
        bytes(range(256)) * 20,
        b"\x89HDF\r\n\x1a\n" + bytes(300),
        b"\x93NUMPY\x01\x00" + bytes(100),
        b"PK\x03\x04" + bytes(200),
        b"SIMPLE  =                    T" + b" " * 5000,
        b"PAR1" + bytes(50) + b"PAR1",
        pickle.dumps({"x": [1.0, 2.0]}),
    ],
    ids=["empty", "line", "text", "bytes", "hdf5", "npy", "zip", "fits", "parquet", "pickle"],
)
@pytest.mark.filterwarnings("ignore")
def test_garbage_is_one_clear_error(tmp_path, ending, content):
    if ending in ("", "tipsy"):
        pytest.importorskip("pynbody", reason="the sims extra is not installed")
    path = tmp_path / f"file.{ending}".rstrip(".")
    path.write_bytes(content)
    fails(path)


def test_paramfile_is_for_snapshots_only(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, nihao_array())
    with pytest.raises(ValueError, match=r"a\.npy: paramfile"):
        read(path, paramfile="x.param")


# --- NIHAO ------------------------------------------------------------------------------


def test_nihao(tmp_path):
    path = tmp_path / "nihao_uhd_g1.05e11_109636618947.82254.npy"
    np.save(path, nihao_array())
    galaxy = read(path)
    assert galaxy.name == "g1.05e11"
    assert "109636618947.82254 Msun" in galaxy.provenance.notes
    assert galaxy.provenance.simulation == "NIHAO"
    for name, values in star_arrays().items():
        np.testing.assert_array_equal(galaxy.stars[name].value, values)


@pytest.mark.parametrize("dtype", [">f8", "<f4"])
def test_nihao_name_need_not_match_and_dtype_becomes_native(tmp_path, dtype):
    path = tmp_path / "mine.npy"
    np.save(path, nihao_array().astype(dtype))
    galaxy = read(path)
    assert galaxy.name == "mine"
    assert galaxy.stars["x"].dtype.isnative
    assert galaxy.stars["x"].dtype.itemsize == np.dtype(dtype).itemsize


def test_nihao_undefined_abundance_stays_undefined(tmp_path):
    path = tmp_path / "a.npy"
    iron = star_arrays()["fe_h"]
    iron[3] = np.nan
    np.save(path, nihao_array(fe_h=iron))
    assert np.isnan(read(path).stars["fe_h"].value).nonzero()[0].tolist() == [3]


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (nihao_array().T, ["(11, star)", "(40, 11)"]),
        (nihao_array()[0], ["(11, star)", "(40,)"]),
        (nihao_array()[:, :0], ["no star particles"]),
        (nihao_array().astype(complex), ["'x'", "real numbers"]),
        (nihao_array().astype(str), ["'x'", "real numbers"]),
        (nihao_array(age=np.full(N, np.nan)), ["'age'", "finite"]),
        (nihao_array(vx=np.full(N, np.inf)), ["'vx'", "finite"]),
        (nihao_array(metallicity=np.full(N, np.nan)), ["'metallicity'", "finite"]),
        (nihao_array(mass=np.zeros(N)), ["positive total stellar mass"]),
    ],
)
def test_nihao_refuses(tmp_path, array, words):
    path = tmp_path / "a.npy"
    np.save(path, array)
    fails(path, *words, kind=ValueError)


def test_nihao_refuses_pickle_and_truncation(tmp_path):
    pickled, short = tmp_path / "pickled.npy", tmp_path / "short.npy"
    np.save(pickled, np.array([{"a": 1}] * 11, dtype=object), allow_pickle=True)
    fails(pickled, "(11, star)", kind=ValueError)
    np.save(short, nihao_array())
    short.write_bytes(short.read_bytes()[:-100])
    fails(short, "(11, star)", kind=ValueError)


def test_too_many_stars_are_refused_before_they_are_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "MAX_STARS", 10)
    path = tmp_path / "a.npy"
    np.save(path, nihao_array())
    fails(path, "at most 10", kind=ValueError)


# --- npz --------------------------------------------------------------------------------

NPZ_NAMES = {"metallicity": "Z", "fe_h": "feh", "o_fe": "ofe"}


def npz_arrays(**changes):
    arrays = {NPZ_NAMES.get(name, name): a for name, a in star_arrays().items()} | changes
    return {name: a for name, a in arrays.items() if a is not None}


def test_npz_with_provenance_and_invalid_chemistry(tmp_path):
    path = tmp_path / "file.npz"
    valid = np.ones(N, dtype=bool)
    valid[5] = False
    np.savez_compressed(path, **npz_arrays(chem_valid=valid))
    record = {"name": "g1", "source": "here", "simulation": "EAGLE", "redshift": 0.5, "note": "n"}
    path.with_suffix(".json").write_text(json.dumps(record))
    galaxy = read(path)
    assert (galaxy.name, galaxy.provenance.source) == ("g1", "here")
    assert (galaxy.provenance.simulation, galaxy.provenance.redshift) == ("EAGLE", 0.5)
    assert "note: n" in galaxy.provenance.notes
    for name in ("fe_h", "o_fe"):
        np.testing.assert_array_equal(np.isnan(galaxy.stars[name].value), ~valid)


def test_npz_without_provenance_or_abundances(tmp_path):
    path = tmp_path / "file.npz"
    np.savez(path, **npz_arrays(feh=None, ofe=None))
    galaxy = read(path)
    assert galaxy.name == "file"
    assert "fe_h" not in galaxy.stars.colnames


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mass": None}, ["missing column 'mass'"]),
        ({"age": np.full(N, np.nan)}, ["'age'", "finite"]),
        ({"x": np.zeros((N, 2))}, ["'x'", "(star,)"]),
        ({"x": np.zeros(3)}, ["equally long"]),
        ({"x": np.array(["a"] * N)}, ["'x'", "real numbers"]),
        ({"x": np.array([{}] * N, dtype=object)}, ["'x'", "object"]),
        ({"x": np.zeros(0)}, ["no star particles"]),
        ({"chem_valid": np.ones(N)}, ["chem_valid", "boolean"]),
    ],
)
def test_npz_refuses(tmp_path, changes, words):
    path = tmp_path / "file.npz"
    np.savez(path, **npz_arrays(**changes))
    fails(path, *words, kind=ValueError)


def test_npz_refuses_damage(tmp_path):
    path = tmp_path / "file.npz"
    np.savez(path, **npz_arrays())
    path.write_bytes(path.read_bytes()[:1000])
    fails(path, kind=OSError)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00 nothing of the kind")
    fails(path, "'x'", kind=ValueError)


def test_npz_refuses_a_header_that_promises_more_than_there_is(tmp_path):
    path = tmp_path / "file.npz"
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (40000000,), }"
    header += b" " * (118 - len(header) - 1) + b"\n"
    member = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(80)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", member)
    fails(path, "'x'", "shorter", kind=ValueError)


def test_npz_refuses_bad_provenance(tmp_path):
    path = tmp_path / "file.npz"
    np.savez(path, **npz_arrays())
    for text in ("{", "[]", '{"redshift": "high"}'):
        path.with_suffix(".json").write_text(text)
        with pytest.raises(ValueError, match=r"file\.json: not a provenance"):
            read(path)


# --- Gadget-like HDF5 -------------------------------------------------------------------

COSMOLOGY = {"HubbleParam": 0.7, "Omega0": 0.3, "OmegaLambda": 0.7}
UNITS = {  # factor to CGS, exponent of a, exponent of h
    "Coordinates": (3.0856775814913674e24, 1.0, -1.0),
    "Velocity": (1e5, 0.5, 0.0),
    "Mass": (1.988409870698051e43, 0.0, -1.0),
}
KEYS = {
    "eagle": ("CGSConversionFactor", "aexp-scale-exponent", "h-scale-exponent"),
    "swift": (
        "Conversion factor to CGS (not including cosmological corrections)",
        "a-scale exponent",
        "h-scale exponent",
    ),
    "tng": ("to_cgs", "a_scaling", "h_scaling"),
}


def gadget_data(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "Coordinates": 10 + 1e-3 * rng.normal(size=(N, 3)),
        "Velocity": 100 * rng.normal(size=(N, 3)),
        "Mass": rng.uniform(1e-4, 2e-4, N),
        "StellarFormationTime": rng.uniform(0.1, 0.6, N),
        "Metallicity": rng.uniform(1e-3, 0.02, N),
    }


def write_gadget(path, style="eagle", data=None, header=None, elements=None, units=True):
    data = gadget_data() if data is None else data
    with h5py.File(path, "w") as file:
        head = {"Redshift": 0.5, "BoxSize": 100.0, **COSMOLOGY} if header is None else header
        file.create_group("Header").attrs.update(head)
        group = file.create_group("PartType4")
        for name, values in data.items():
            group[name] = values
            if units and name in UNITS:
                group[name].attrs.update(dict(zip(KEYS[style], UNITS[name], strict=True)))
        for name, values in (elements or {}).items():
            group[f"ElementAbundance/{name}"] = values
    return path


@pytest.mark.parametrize("style", KEYS)
def test_gadget_units_and_ages(tmp_path, style):
    galaxy, data = read(write_gadget(tmp_path / "cut.hdf5", style)), gadget_data()
    a, h = 1 / 1.5, 0.7
    stars = galaxy.stars
    np.testing.assert_allclose(stars["x"].value, data["Coordinates"][:, 0] * 1e3 * a / h)
    np.testing.assert_allclose(stars["vz"].value, data["Velocity"][:, 2] * np.sqrt(a))
    np.testing.assert_allclose(stars["mass"].value, data["Mass"] * 1e10 / h)
    np.testing.assert_array_equal(stars["metallicity"].value, data["Metallicity"])
    model = LambdaCDM(H0=70, Om0=0.3, Ode0=0.7, Tcmb0=0)
    ages = model.age(0.5) - model.age(1 / data["StellarFormationTime"] - 1)
    np.testing.assert_allclose(stars["age"].value, ages.to_value("Gyr"), atol=1e-6)
    assert galaxy.name == "cut"
    assert galaxy.provenance.redshift == 0.5
    assert "Omega_m=0.3" in galaxy.provenance.notes
    assert "fe_h" not in stars.colnames


def test_gadget_abundances_are_undefined_without_iron(tmp_path):
    iron, hydrogen = np.full(N, 1e-3), np.full(N, 0.7)
    iron[0], hydrogen[1] = 0.0, 0.0
    elements = {"Iron": iron, "Hydrogen": hydrogen, "Oxygen": np.full(N, 6e-3)}
    stars = read(write_gadget(tmp_path / "cut.hdf5", elements=elements)).stars
    assert np.isnan(stars["fe_h"].value).nonzero()[0].tolist() == [0, 1]
    assert np.isnan(stars["o_fe"].value).nonzero()[0].tolist() == [0]
    assert stars["fe_h"][2].value == pytest.approx(np.log10(1e-3 / 0.7) + 2.756476, abs=1e-5)
    assert stars["o_fe"][2].value == pytest.approx(np.log10(6) - 0.647109, abs=1e-5)


@pytest.mark.parametrize("width", [9, 10])
def test_gadget_element_table_of_illustris(tmp_path, width):
    table = np.zeros((N, width))
    table[:, [0, 4, 8]] = 0.7, 6e-3, 1e-3
    stars = read(write_gadget(tmp_path / "a.h5", data=gadget_data() | {"GFM_Metals": table})).stars
    expected = abundances.iron_over_hydrogen(np.array([1e-3]), np.array([0.7]))[0]
    np.testing.assert_allclose(stars["fe_h"].value, expected)


def test_gadget_named_element_table_of_swift(tmp_path):
    table = np.tile([1e-3, 0.7, 6e-3], (N, 1))
    data = gadget_data() | {"ElementMassFractions": table}
    path = write_gadget(tmp_path / "a.hdf5", data=data)
    with h5py.File(path, "a") as file:
        columns = np.array([b"Iron", b"Hydrogen", b"Oxygen"])
        file["SubgridScheme/NamedColumns/ElementMassFractions"] = columns
        cosmology = {"h": 0.6, "Omega_m": 0.25, "Omega_lambda": 0.75}
        file.create_group("Cosmology").attrs.update(cosmology)
    galaxy = read(path)
    assert galaxy.stars["o_fe"][0].value == pytest.approx(np.log10(6) - 0.647109, abs=1e-5)
    assert "h=0.6," in galaxy.provenance.notes


def test_gadget_drops_wind_and_counts_it(tmp_path):
    data = gadget_data()
    data["StellarFormationTime"][:4] = -0.5
    galaxy = read(write_gadget(tmp_path / "a.hdf5", data=data))
    assert len(galaxy) == N - 4
    (cut,) = galaxy.provenance.cuts
    assert (cut.name, cut.kept, cut.dropped) == ("wind particles", N - 4, 4)


def test_gadget_galaxy_across_the_edge_of_the_box_is_whole(tmp_path):
    data = gadget_data()
    whole = read(write_gadget(tmp_path / "whole.hdf5", data=data)).stars["x"].value
    data["Coordinates"] = (data["Coordinates"] - 10) % 100.0
    split = read(write_gadget(tmp_path / "split.hdf5", data=data)).stars["x"].value
    np.testing.assert_allclose(split - split.mean(), whole - whole.mean(), atol=1e-6)


def test_gadget_birth_just_after_the_snapshot_is_age_zero(tmp_path):
    data = gadget_data()
    data["StellarFormationTime"][0] = np.float32(1 / 1.5) * (1 + 1e-7)
    assert read(write_gadget(tmp_path / "a.hdf5", data=data)).stars["age"][0].value == 0.0


def test_gadget_cosmology_by_name_of_the_run(tmp_path):
    header = {"Redshift": 0.5, "HubbleParam": 0.681, "RunLabel": b'"Colibre"'}
    galaxy = read(write_gadget(tmp_path / "a.hdf5", header=header))
    assert galaxy.provenance.simulation == "Colibre"
    assert "not in the file" in galaxy.provenance.notes


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Mass": None}, ["PartType4/Masses or Mass"]),
        ({"Metallicity": None}, ["PartType4/SmoothedMetallicity"]),
        ({"Coordinates": np.zeros((N, 2))}, ["Coordinates", "(star, 3)", "(40, 2)"]),
        ({"Velocity": np.zeros(N)}, ["Velocity", "(star, 3)"]),
        ({"Mass": np.zeros(N - 1)}, ["equally long"]),
        ({"Mass": np.array([b"a"] * N)}, ["Mass", "real numbers"]),
        ({"Metallicity": np.full(N, np.nan)}, ["'metallicity'", "finite"]),
        ({"StellarFormationTime": np.full(N, np.nan)}, ["'age'", "finite"]),
        ({"StellarFormationTime": np.full(N, -1.0)}, ["no star particles"]),
        ({"StellarFormationTime": np.zeros(0)}, ["no star particles"]),
    ],
)
def test_gadget_refuses(tmp_path, changes, words):
    data = {k: v for k, v in (gadget_data() | changes).items() if v is not None}
    fails(write_gadget(tmp_path / "a.hdf5", data=data), *words, kind=ValueError)


def test_gadget_refuses_unit_less_files(tmp_path):
    path = write_gadget(tmp_path / "a.hdf5", units=False)
    fails(path, "unit-less", "CGSConversionFactor", kind=ValueError)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({}, ["Redshift"]),
        ({"Redshift": np.nan, **COSMOLOGY}, ["Redshift"]),
        ({"Redshift": -3.0, **COSMOLOGY}, ["Redshift"]),
        ({"Redshift": 0.0, "HubbleParam": 0.7}, ["Omega0"]),
        ({"Redshift": 0.0, **COSMOLOGY, "HubbleParam": 70.0}, ["cosmology"]),
        ({"Redshift": "now", **COSMOLOGY}, ["Redshift", "number"]),
    ],
)
def test_gadget_refuses_headers(tmp_path, header, words):
    fails(write_gadget(tmp_path / "a.hdf5", header=header), *words, kind=ValueError)


def test_hdf5_of_something_else(tmp_path):
    path = tmp_path / "a.hdf5"
    with h5py.File(path, "w") as file:
        file["spectrum"] = np.zeros(3)
    fails(path, "PartType4", "stars", "spectrum", kind=ValueError)


def test_hdf5_truncated(tmp_path):
    path = write_gadget(tmp_path / "a.hdf5")
    path.write_bytes(path.read_bytes()[:-2000])
    fails(path, "HDF5", kind=OSError)


def test_hdf5_promising_too_much_is_refused_unread(tmp_path):
    data = gadget_data()
    del data["StellarFormationTime"]
    path = write_gadget(tmp_path / "a.hdf5", data=data)
    with h5py.File(path, "a") as file:  # takes no space on disk
        file.create_dataset("PartType4/StellarFormationTime", (10**12,), "f8", chunks=(1000,))
    fails(path, "at most", kind=ValueError)


# --- pynbody ----------------------------------------------------------------------------


def test_snapshot_without_pynbody_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynbody", None)
    path = tmp_path / "snapshot"
    path.write_bytes(b"anything")
    with pytest.raises(ImportError, match=r"pip install galflowlab\[sims\]"):
        read(path)


def write_tipsy(folder, n=60):
    """A Tipsy snapshot of stars with units beside it, as Gasoline would write it."""
    rng = np.random.default_rng(0)
    dtype = [
        (k, ">f4")
        for k in ["mass", "x", "y", "z", "vx", "vy", "vz", "metals", "tform", "eps", "phi"]
    ]
    stars = np.zeros(n, dtype)
    for name in ("x", "y", "z", "vx", "vy", "vz"):
        stars[name] = rng.normal(size=n)
    stars["mass"], stars["metals"], stars["tform"] = 1e-5, 0.01, rng.uniform(0, 1, n)
    stars["tform"][:2] = -0.5
    path = folder / "galaxy.00001"
    header = struct.pack(">diiiiii", 2.0, n, 3, 0, 0, n, 0)
    path.write_bytes(header + stars.tobytes())
    (folder / "galaxy.param").write_text("dKpcUnit = 1\ndMsolUnit = 1e10\nbComove = 0\n")
    return path, stars


def test_tipsy_snapshot(tmp_path):
    pytest.importorskip("pynbody", reason="the sims extra is not installed")
    path, stars = write_tipsy(tmp_path)
    galaxy = read(path)
    assert galaxy.name == "galaxy.00001"
    np.testing.assert_allclose(galaxy.stars["x"].value, stars["x"][2:])
    np.testing.assert_allclose(galaxy.stars["mass"].value, 1e5, rtol=1e-5)
    # With G = 1, kpc and 1e10 Msun the unit of velocity is 207.4 km/s, of time 4.715 Myr.
    np.testing.assert_allclose(galaxy.stars["vx"].value, 207.4 * stars["vx"][2:], rtol=1e-3)
    age = (2.0 - stars["tform"][2:]) * 4.715e-3
    np.testing.assert_allclose(galaxy.stars["age"].value, age, rtol=2e-3)
    (cut,) = galaxy.provenance.cuts
    assert (cut.name, cut.dropped) == ("black holes", 2)
    assert "fe_h" not in galaxy.stars.colnames


def test_tipsy_snapshot_with_abundances(tmp_path):
    pytest.importorskip("pynbody", reason="the sims extra is not installed")
    path, stars = write_tipsy(tmp_path)
    for name, value in (("FeMassFrac", 1e-3), ("OxMassFrac", 6e-3)):
        values = np.full(len(stars), value)
        values[5] = 0.0
        text = "\n".join(map(str, [len(stars), *values]))
        path.with_name(f"{path.name}.{name}").write_text(text + "\n")
    galaxy = read(path)
    hydrogen = 1 - 0.01 - (0.236 + 2.1 * 0.01)
    expected = abundances.iron_over_hydrogen(np.array([1e-3]), np.array([hydrogen]))[0]
    np.testing.assert_allclose(np.delete(galaxy.stars["fe_h"].value, 3), expected, atol=1e-5)
    assert np.isnan(galaxy.stars["fe_h"][3].value)
    assert np.isnan(galaxy.stars["o_fe"][3].value)
    assert "Asplund" in galaxy.provenance.notes


@pytest.mark.filterwarnings("ignore")
def test_damaged_tipsy_snapshots(tmp_path):
    pytest.importorskip("pynbody", reason="the sims extra is not installed")
    path, _ = write_tipsy(tmp_path)
    content = path.read_bytes()
    for damaged in (
        content[:40],
        content[:-10],
        struct.pack(">diiiiii", 2.0, 2 * 10**9, 3, 0, 0, 2 * 10**9, 0) + content[32:],
        struct.pack(">diiiiii", 2.0, 60, 3, 60, 0, 0, 0) + content[32:],
        struct.pack(">diiiiii", np.nan, 60, 3, 0, 0, 60, 0) + content[32:],
    ):
        path.write_bytes(damaged)
        fails(path)
