"""Units and ages of snapshots, against pynbody on the same file."""

import warnings

import numpy as np
import pytest

from galflowlab.data import read
from galflowlab.data.readers import abundances
from galflowlab.schema import POSITION, VELOCITY
from tests.readers.simulated import (
    CGS,
    HEADER,
    tng_stars,
    write,
    write_gizmo,
    write_swift,
    write_tng_snapshot,
)

pynbody = pytest.importorskip("pynbody", reason="the sims extra is not installed")

UNITS = {"pos": "kpc", "vel": "km s**-1", "mass": "Msol"}
SOLAR = {"fe_h": 2.756476, "o_fe": -0.647109}  # dex, of mass ratios, Asplund et al. 2009


def by_pynbody(path):
    """Positions, velocities and masses of the stars, and ages where pynbody has them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        snapshot = pynbody.load(str(path))
        stars = snapshot.star
        context = snapshot.conversion_context()
        arrays = {
            name: np.asarray(stars[name].in_units(unit, **context), float)
            for name, unit in UNITS.items()
        }
        if "aform" in stars.loadable_keys():
            born = np.asarray(stars["aform"], float)
            age_at = pynbody.analysis.cosmology.age
            grid = np.linspace(0.05, 1.0, 2000)
            times = np.array([age_at(snapshot, z=1 / a - 1) for a in grid])
            now = float(age_at(snapshot, z=1 / snapshot.properties["a"] - 1))
            with np.errstate(all="ignore"):
                arrays["age"] = now - np.interp(born, grid, times)
            arrays["born"] = born
        return arrays


def agree(galaxy, theirs, keep=slice(None)):
    """Same stars in the same order; the codes' Msun differ by some 1e-4."""
    stars = galaxy.stars
    ours = np.column_stack([stars[name].value for name in POSITION])
    moved = ours - theirs["pos"][keep]  # SimSpin's boxes are put together again
    np.testing.assert_allclose(moved, np.broadcast_to(moved[0], moved.shape), atol=0.01)
    np.testing.assert_allclose(moved[0], 0.0, atol=0.05)
    ours = np.column_stack([stars[name].value for name in VELOCITY])
    np.testing.assert_allclose(ours, theirs["vel"][keep], rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(stars["mass"].value, theirs["mass"][keep], rtol=1e-3)
    if "age" in theirs:
        np.testing.assert_allclose(stars["age"].value, theirs["age"][keep], atol=2e-3)


def test_tng_snapshot(tmp_path):
    path = write_tng_snapshot(tmp_path / "snapshot.hdf5", wind=4)
    galaxy, theirs = read(path), by_pynbody(path)
    agree(galaxy, theirs, theirs["born"] > 0)
    assert galaxy.provenance.cuts[0].dropped == 4


@pytest.mark.parametrize("units", [{}, CGS], ids=["size of the box", "units in the header"])
@pytest.mark.parametrize("width", [9, 10], ids=["illustris", "tng"])
def test_tng_cutout_without_units_of_datasets(tmp_path, units, width):
    """Without units in the header pynbody takes Mpc/h, so it reads the same stars with them."""
    stars = tng_stars(wind=3, width=width)
    galaxy = read(write(tmp_path / "cutout_7.hdf5", stars, HEADER | units))
    theirs = by_pynbody(write(tmp_path / "with_units.hdf5", stars, HEADER | CGS))
    agree(galaxy, theirs, theirs["born"] > 0)
    assert galaxy.name == "cutout_7"
    assert "AREPO" in galaxy.provenance.notes
    metals = stars["GFM_Metals"][3:].astype(float)
    expected = np.log10(metals[:, 8] / metals[:, 0]) + SOLAR["fe_h"]
    np.testing.assert_allclose(galaxy.stars["fe_h"].value, expected, atol=1e-5)
    expected = np.log10(metals[:, 4] / metals[:, 8]) + SOLAR["o_fe"]
    np.testing.assert_allclose(galaxy.stars["o_fe"].value, expected, atol=1e-5)


@pytest.mark.parametrize("new", [True, False], ids=["units in the header", "FIRE-2"])
def test_gizmo(tmp_path, new):
    path = write_gizmo(tmp_path / "snapshot_600.hdf5", **({} if new else {"units": {}}))
    galaxy, theirs = read(path), by_pynbody(path)
    agree(galaxy, theirs)
    table = by_pynbody_metals(path)
    np.testing.assert_allclose(galaxy.stars["metallicity"].value, table[:, 0])
    expected = abundances.iron_over_hydrogen(table[:, 10], 1 - table[:, 0] - table[:, 1])
    np.testing.assert_allclose(galaxy.stars["fe_h"].value, expected, atol=1e-5)
    expected = np.log10(table[:, 4] / table[:, 10]) + SOLAR["o_fe"]
    np.testing.assert_allclose(galaxy.stars["o_fe"].value, expected, atol=1e-5)


def by_pynbody_metals(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(pynbody.load(str(path)).star["metals_list"], float)


def test_swift(tmp_path):
    path = write_swift(tmp_path / "snap_0010.hdf5")
    galaxy, theirs = read(path), by_pynbody(path)
    agree(galaxy, theirs)
    assert galaxy.provenance.simulation == "EAGLE-like"
    assert np.isfinite(galaxy.stars["fe_h"].value).all()


def test_swift_values_stored_as_physical(tmp_path):
    """pynbody 2.8 does not know that attribute: it reads the same stars stored as comoving."""
    theirs = by_pynbody(write_swift(tmp_path / "comoving.hdf5"))
    agree(read(write_swift(tmp_path / "physical.hdf5", physical=["Coordinates"])), theirs)


@pytest.mark.filterwarnings("ignore")
def test_eagle(shared_data):
    """SimSpin's other examples pynbody reads as kpc/h, whatever their attributes say."""
    path = shared_data / "raw" / "SimSpin_example_EAGLE.hdf5"
    agree(read(path), by_pynbody(path))
