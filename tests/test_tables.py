"""Tables of stars: lossless round trips in every format, and files of other people."""

from dataclasses import replace

import h5py
import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable

from galflowlab.data import read
from galflowlab.galaxy import Cut, Galaxy, Provenance
from galflowlab.schema import COLUMNS, CONTEXT, as_stars
from galflowlab.tables import EXTENSIONS, read_table, write_table

N = 30
ignore_dex = pytest.mark.filterwarnings("ignore:The unit 'dex'")


def make_stars(dtype=np.float64, drop=()):
    rng = np.random.default_rng(1)
    columns = {name: rng.uniform(0.001, 1, N).astype(dtype) for name in COLUMNS}
    return as_stars({name: a for name, a in columns.items() if name not in drop})


def make_galaxy(dtype=np.float64, drop=()):
    provenance = Provenance(
        source="a test, with ünicode",
        simulation="none",
        redshift=0.1,
        cuts=(Cut("radius <= 10 kpc", 30, 5),),
        notes="first line\nsecond: 'quoted' \"twice\"",
    )
    return Galaxy("mock 7/3", make_stars(dtype, drop), provenance)


def assert_same(one, other):
    assert one.name == other.name
    assert one.provenance == other.provenance
    assert one.context == other.context
    assert one.stars.colnames == other.stars.colnames
    for name in one.stars.colnames:
        a, b = one.stars[name], other.stars[name]
        assert a.unit == b.unit == COLUMNS[name].unit
        assert a.dtype == b.dtype
        assert a.value.tobytes() == b.value.tobytes()


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_round_trip_is_lossless(tmp_path, extension, dtype):
    galaxy = make_galaxy(dtype)
    assert_same(read(galaxy.write(tmp_path / f"galaxy{extension}")), galaxy)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_round_trip_without_abundances_or_metallicity(tmp_path, extension):
    galaxy = make_galaxy(drop=("fe_h", "o_fe", "metallicity"))
    assert galaxy.context == {}
    assert_same(read(galaxy.write(tmp_path / f"galaxy{extension}")), galaxy)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_round_trip_of_undefined_abundances(tmp_path, extension):
    galaxy = make_galaxy()
    stars = galaxy.stars.copy()
    stars["fe_h"][4] = np.nan * u.dex
    galaxy = replace(galaxy, stars=stars)
    back = read(galaxy.write(tmp_path / f"galaxy{extension}"))
    np.testing.assert_array_equal(back.stars["fe_h"].value, galaxy.stars["fe_h"].value)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_context_of_the_file_is_kept(tmp_path, extension):
    context = dict.fromkeys(CONTEXT, 0.25)
    galaxy = replace(make_galaxy(), context=context)
    assert read(galaxy.write(tmp_path / f"galaxy{extension}")).context == context


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_write_replaces_a_file_and_leaves_no_other(tmp_path, extension):
    path = tmp_path / f"galaxy{extension}"
    path.write_text("old")
    make_galaxy().write(path)
    assert len(read(path)) == N
    assert list(tmp_path.iterdir()) == [path]


def test_write_refuses_unknown_extensions(tmp_path):
    with pytest.raises(ValueError, match=r"galaxy\.doc: cannot tell the format"):
        make_galaxy().write(tmp_path / "galaxy.doc")
    assert not list(tmp_path.iterdir())


def test_failed_write_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_table(make_stars(), tmp_path / "a.fits", {"bad": float("nan")})
    assert not list(tmp_path.iterdir())


def test_read_table_without_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_table(tmp_path / "none.fits")


FORMATS = {
    ".fits": {"format": "fits"},
    ".hdf5": {"format": "hdf5", "path": "stars", "serialize_meta": True},
    ".parquet": {"format": "parquet"},
    ".ecsv": {"format": "ascii.ecsv"},
}


@pytest.mark.parametrize("extension", FORMATS)
@ignore_dex
def test_table_of_other_people(tmp_path, extension):
    table = make_stars()
    table["x"] = table["x"].to(u.pc)
    table["id"] = np.arange(N)
    path = tmp_path / f"theirs{extension}"
    table.write(path, **FORMATS[extension])
    galaxy = read(path)
    assert galaxy.name == "theirs"
    assert galaxy.provenance.source == path.name
    assert galaxy.provenance.notes == "columns not used: id"
    np.testing.assert_allclose(galaxy.stars["x"].value, make_stars()["x"].value)
    assert set(galaxy.context) == set(CONTEXT)


@pytest.mark.parametrize("extension", FORMATS)
def test_table_without_units_is_refused(tmp_path, extension):
    table = make_stars()
    plain = QTable({name: table[name].value for name in table.colnames})
    path = tmp_path / f"plain{extension}"
    plain.write(path, **FORMATS[extension])
    with pytest.raises(ValueError, match=rf"plain\{extension}.*'x' is unit-less.*kpc"):
        read(path)


def test_abundances_and_metallicity_need_no_unit(tmp_path):
    table = make_stars()
    for name in ("fe_h", "o_fe", "metallicity"):
        table[name] = table[name].value
    table.write(tmp_path / "a.ecsv")
    assert read(tmp_path / "a.ecsv").stars["fe_h"].unit == u.dex


def test_plain_csv_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x,y\n1,2\n")
    with pytest.raises(ValueError, match=r"a\.csv: unit-less file"):
        read(path)


def change(table, name, values):
    table[name] = values


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda t: t.remove_column("mass"), "missing column 'mass'"),
        (lambda t: change(t, "x", np.ones(N) * u.s), "'x' is in s; expected kpc"),
        (lambda t: change(t, "age", np.full(N, np.nan) * u.Gyr), "'age'.*NaN"),
        (lambda t: change(t, "vx", np.full(N, np.inf) * u.km / u.s), "'vx'"),
        (lambda t: change(t, "metallicity", ["high"] * N), "'metallicity' should hold real"),
        (lambda t: change(t, "x", np.ones((N, 2)) * u.kpc), r"'x' should have shape \(star,\)"),
        (lambda t: t.remove_rows(slice(None)), "no star particles"),
    ],
)
@pytest.mark.parametrize("extension", [".fits", ".hdf5"])
@ignore_dex
def test_bad_tables(tmp_path, extension, edit, message):
    table = make_stars()
    edit(table)
    path = tmp_path / f"bad{extension}"
    table.write(path, **FORMATS[extension])
    with pytest.raises(ValueError, match=rf"bad\{extension}.*{message}"):
        read(path)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_truncated_tables(tmp_path, extension):
    path = make_galaxy().write(tmp_path / f"short{extension}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises((ValueError, OSError), match=rf"short\{extension}"):
        read(path)


@pytest.mark.parametrize(
    "header",
    [
        {"name": "a"},
        {"name": "a", "context": [], "provenance": {}},
        {"name": "a", "context": {}, "provenance": {}},
        {"name": "a", "context": {"mass": 1.0}, "provenance": Provenance("x").to_dict()},
        {"name": "a", "context": {"log10_mstar": "big"}, "provenance": Provenance("x").to_dict()},
    ],
)
def test_header_that_is_not_a_galaxy(tmp_path, header):
    path = write_table(make_stars(), tmp_path / "a.fits", header)
    with pytest.raises(ValueError, match=r"a\.fits: the header does not describe a galaxy"):
        read(path)


def test_header_that_is_not_json(tmp_path):
    table = make_stars()
    for text in ("{", "[]"):
        table.meta = {"galflow": text}
        table.write(tmp_path / "a.ecsv", overwrite=True)
        with pytest.raises(ValueError, match=r"a\.ecsv: the 'galflow' header"):
            read(tmp_path / "a.ecsv")


def test_hdf5_table_with_too_many_rows_is_refused_unread(tmp_path):
    path = tmp_path / "a.hdf5"
    with h5py.File(path, "w") as file:  # takes no space on disk
        file.create_dataset("stars", (10**12,), np.dtype([("x", "f8")]), chunks=(1000,))
    with pytest.raises(ValueError, match=r"a\.hdf5: .* at most"):
        read(path)
