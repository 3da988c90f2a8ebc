"""Snapshots of codes that do not say their units, in several files, or hostile."""

import h5py
import numpy as np
import pytest

from galflowlab.data import read
from tests.readers.simulated import (
    CGS,
    HEADER,
    A,
    H,
    N,
    gizmo_stars,
    swift_stars,
    tng_stars,
    write,
    write_chunks,
    write_gizmo,
    write_swift,
)


def fails(path, *words, kind=ValueError):
    with pytest.raises(kind) as caught:
        read(path)
    for word in (path.name, *words):
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


# --- units and code ---------------------------------------------------------------------


def test_units_per_h_in_the_header_are_used(tmp_path):
    stars = tng_stars()
    small = read(write(tmp_path / "kpc.hdf5", stars, HEADER | CGS))
    large = HEADER | CGS | {"UnitLength_in_cm": 1e3 * CGS["UnitLength_in_cm"], "BoxSize": 75.0}
    stars["Coordinates"] = 30.0 + 1e-3 * (stars["Coordinates"] - 30_000)  # Auriga: Mpc/h
    other = read(write(tmp_path / "mpc.hdf5", stars, large))
    np.testing.assert_allclose(other.stars["x"].value, small.stars["x"].value, rtol=1e-9)
    expected = stars["Coordinates"][:, 0] * 1e3 * A / H
    np.testing.assert_allclose(other.stars["x"].value, expected, rtol=1e-6)


def test_small_box_without_units_is_refused(tmp_path):
    path = write(tmp_path / "a.hdf5", tng_stars(), HEADER | {"BoxSize": 67.77})
    fails(path, "unit-less", "UnitLength_in_cm", "BoxSize")
    del (header := dict(HEADER))["BoxSize"]
    fails(write(path, tng_stars(), header), "unit-less", "BoxSize")


def test_stars_of_an_unknown_code_without_units_are_refused(tmp_path):
    stars = tng_stars()
    stars["StellarFormationTime"] = stars.pop("GFM_StellarFormationTime")
    stars["Metallicity"] = stars.pop("GFM_Metallicity")
    fails(write(tmp_path / "a.hdf5", stars), "unit-less", "CGSConversionFactor")


@pytest.mark.parametrize("stars", [tng_stars, gizmo_stars])
def test_run_without_cosmology_is_refused(tmp_path, stars):
    path = write(tmp_path / "a.hdf5", stars(), HEADER | {"Time": 3.7, "Redshift": 0.0})
    fails(path, "'Time' is 3.7", "cosmological")
    path = write(tmp_path / "b.hdf5", stars(), HEADER | {"ComovingIntegrationOn": 0})
    fails(path, "ComovingIntegrationOn", "cosmological")


def test_swift_run_without_cosmology_is_refused(tmp_path):
    path = write_swift(tmp_path / "a.hdf5")
    with h5py.File(path, "a") as file:
        file["Cosmology"].attrs["Cosmological run"] = [0]
    fails(path, "Cosmological run")


def test_gizmo_spells_its_densities_in_two_ways(tmp_path):
    header = HEADER | {"Omega_Matter": HEADER["Omega0"], "Omega_Lambda": HEADER["OmegaLambda"]}
    del header["Omega0"], header["OmegaLambda"]
    new = read(write_gizmo(tmp_path / "new.hdf5", header=header))
    old = read(write_gizmo(tmp_path / "old.hdf5"))
    np.testing.assert_array_equal(new.stars["age"].value, old.stars["age"].value)


def test_gizmo_with_few_metals_has_no_abundances(tmp_path):
    stars = gizmo_stars()
    stars["Metallicity"] = stars["Metallicity"][:, :4]
    fails(write(tmp_path / "a.hdf5", stars), "unit-less")
    stars["Metallicity"] = stars["Metallicity"][:, 0]
    galaxy = read(write(tmp_path / "b.hdf5", stars, HEADER | {"GIZMO_version": 2022}))
    assert "fe_h" not in galaxy.stars.colnames
    assert "Gizmo" in galaxy.provenance.notes


def test_faster_than_light_is_refused(tmp_path):
    stars = tng_stars()
    stars["Velocities"] = 1e5 * stars["Velocities"]
    fails(write(tmp_path / "a.hdf5", stars), "'vx'", "at most 299792")


def test_stars_born_after_the_snapshot_are_refused(tmp_path):
    stars = tng_stars()
    stars["GFM_StellarFormationTime"][3] = 1.2
    fails(write(tmp_path / "a.hdf5", stars), "'age'", "(0, 0.8]", "1 are not")


# --- several files ----------------------------------------------------------------------


@pytest.mark.parametrize("which", [0, 1, 2])
def test_snapshot_in_several_files_is_read_as_one(tmp_path, which):
    whole = read(write(tmp_path / "snap_099.hdf5", tng_stars(wind=3)))
    galaxy = read(write_chunks(tmp_path, wind=3)[which])
    assert galaxy.name == "snap_099"
    assert galaxy.provenance.source == "snap_099.*.hdf5"
    assert galaxy.provenance.cuts == whole.provenance.cuts
    for name in whole.stars.colnames:
        np.testing.assert_array_equal(galaxy.stars[name].value, whole.stars[name].value)


def test_snapshot_that_lacks_a_file_is_refused(tmp_path):
    paths = write_chunks(tmp_path)
    paths[2].unlink()
    with pytest.raises(FileNotFoundError, match=r"snap_099\.2\.hdf5: no such file, one of 3"):
        read(paths[0])


def test_snapshot_whose_files_do_not_belong_together_is_refused(tmp_path):
    paths = write_chunks(tmp_path)
    with h5py.File(paths[2], "a") as file:
        file["Header"].attrs["Redshift"] = 0.26
        file["Header"].attrs["Time"] = 1 / 1.26
    fails(paths[0], "differ")


def test_snapshot_with_fewer_stars_than_promised_is_refused(tmp_path):
    paths = write_chunks(tmp_path)
    with h5py.File(paths[2], "a") as file:
        del file["PartType4"]
    fails(paths[0], f"{N // 2} star particles in 3 files", f"promises {N}")


def test_number_in_the_name_of_a_single_file_means_nothing(tmp_path):
    assert read(write(tmp_path / "galaxy.12.hdf5", tng_stars())).name == "galaxy.12"


# --- hostile ----------------------------------------------------------------------------


def replaced(path, name, **options):
    with h5py.File(path, "a") as file:
        del file[f"PartType4/{name}"]
        file.create_dataset(f"PartType4/{name}", **options)
    return path


def test_empty_chunks_that_promise_much_are_refused(tmp_path):
    path = write(tmp_path / "a.hdf5", tng_stars())
    replaced(path, "GFM_StellarFormationTime", shape=(40_000_000,), dtype="f4", chunks=(1000,))
    fails(path, "promises 160 MB")


def test_huge_chunks_are_refused(tmp_path):
    path = write(tmp_path / "a.hdf5", tng_stars())
    options = {"shape": (N,), "maxshape": (None,), "chunks": (2**29,), "dtype": "f8"}
    replaced(path, "GFM_StellarFormationTime", **options)
    fails(path, "chunks of 4.29497e+09 bytes")


def test_values_in_other_files_are_refused(tmp_path):
    (tmp_path / "secret").write_bytes(np.ones(N).tobytes())
    path = write(tmp_path / "a.hdf5", tng_stars())
    external = [(str(tmp_path / "secret"), 0, 8 * N)]
    replaced(path, "Masses", shape=(N,), dtype="f8", external=external)
    fails(path, "Masses", "other files")


def test_virtual_datasets_need_their_files_beside_them(tmp_path):
    stars = swift_stars()
    whole = read(write_swift(tmp_path / "whole.hdf5"))
    part = write(tmp_path / "part.hdf5", stars)
    path = write_swift(tmp_path / "virtual.hdf5")
    layout = h5py.VirtualLayout((N,), "f4")
    layout[:] = h5py.VirtualSource("part.hdf5", "PartType4/BirthScaleFactors", (N,))
    with h5py.File(path, "a") as file:
        del file["PartType4/BirthScaleFactors"]
        file.create_virtual_dataset("PartType4/BirthScaleFactors", layout)
    np.testing.assert_array_equal(read(path).stars["age"].value, whole.stars["age"].value)
    part.unlink()
    fails(path, "'part.hdf5' beside it")


def test_attribute_of_many_values_is_refused(tmp_path):
    path = tmp_path / "a.hdf5"
    with h5py.File(path, "w", libver="latest") as file:  # older files have no room for it
        file.create_group("PartType4")
        file.create_group("Header").attrs.update(HEADER | {"HubbleParam": np.full(200_000, H)})
    fails(path, "HubbleParam", "1.6e+06 bytes")


@pytest.mark.parametrize(
    "name", ["Coordinates", "Masses", "GFM_Metals", "GFM_StellarFormationTime"]
)
@pytest.mark.parametrize(
    "data",
    [
        np.zeros(N, complex),
        np.zeros(N, bool),
        np.zeros(N, [("a", "f8")]),
        np.array([b"1.0"] * N),
        np.array(["1.0"] * N, dtype=h5py.string_dtype()),
        np.array([np.zeros(2)] * N + [np.zeros(3)], dtype=object)[:N],
        np.zeros((N, 0)),
        np.zeros((N, 3, 2)),
        np.float64(1.0),
        h5py.Empty("f8"),
        np.full(N, np.inf),
        np.full((N, 3), 1e300),
        np.full((N, 3), -np.inf, ">f4"),
    ],
    ids=lambda data: f"{data.dtype.kind}{data.shape}",
)
@pytest.mark.filterwarnings("ignore")
def test_datasets_of_another_kind_are_refused(tmp_path, name, data):
    path = write(tmp_path / "a.hdf5", tng_stars())
    options = {}
    if data.dtype.kind == "O":
        text = h5py.check_string_dtype(data.dtype)
        options = {"dtype": data.dtype if text else h5py.vlen_dtype("f8")}
    replaced(path, name, data=data, **options)
    fails(path, kind=(ValueError, OSError))


@pytest.mark.parametrize("dtype", [">f8", "<f2", "i4"])
def test_numbers_of_any_kind_are_read(tmp_path, dtype):
    stars = tng_stars()
    stars["Coordinates"] = np.round(stars["Coordinates"] / 4).astype(dtype)
    galaxy = read(write(tmp_path / "a.hdf5", stars))
    expected = stars["Coordinates"][:, 0].astype(float) * A / H
    np.testing.assert_allclose(galaxy.stars["x"].value, expected, rtol=1e-6)


def test_columns_of_a_table_that_overlap_are_refused(tmp_path):
    """HDF5 itself would write beyond its memory; flipped bits in a float's layout do this."""
    path = tmp_path / "a.hdf5"
    names = ["x", "age"]
    layout = {"names": names, "formats": ["<f8", "<f8"], "offsets": [0, 8], "itemsize": 16}
    with h5py.File(path, "w") as file:
        file["stars"] = np.zeros(N, np.dtype(layout))
    data = path.read_bytes()
    # Of an IEEE double: byte 0 the class, bytes 8 to 11 the offset and size of the bits,
    # then exponent at 52 of 11 bits, mantissa at 0 of 52 bits: make it one of 15 and 64 bits.
    properties = bytes([0, 0, 64, 0, 52, 11, 0, 52])
    assert data.count(properties) == 2
    damaged = data.replace(properties, bytes([0, 0, 64, 0, 49, 14, 0, 49]), 1)
    path.write_bytes(damaged)
    fails(path, "overlap")


def test_heap_of_texts_that_has_no_end_is_refused(tmp_path):
    path = write_swift(tmp_path / "a.hdf5")
    data = path.read_bytes()
    heap = data.index(b"GCOL")
    second = heap + 16 + 16 + 16  # after its header, and "EAGLE-like" with its own
    assert data[second] == 2
    path.write_bytes(data[: second + 8] + b"\x66" + data[second + 9 :])
    fails(path, "texts of variable length", kind=OSError)
