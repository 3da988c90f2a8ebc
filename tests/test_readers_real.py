"""Readers on galaxies of real simulations; skipped where the data are not there."""

import json

import numpy as np
import pytest

from galflowlab.data import prepare, read
from galflowlab.data.frame import half_mass_radius
from galflowlab.schema import PHASE_SPACE, POSITION, VELOCITY

NAMES = (
    "simspin_eagle_g92s9",
    "illustris1_420815",
    "illustris1_417175",
    "simspin_colibre",
    "cogsworth_changa",
)
PARAM = """
dKpcUnit = 25000
dMsolUnit = 1.99e15
dHubble0 = 2.8944
dOmega0 = 0.3086
dLambda = 0.6914
bComove = 1
"""


def real(shared_data, name):
    path = shared_data / "real" / f"{name}.npz"
    return read(path), json.loads(path.with_suffix(".json").read_text())


def same_columns(galaxy, reference, tolerance):
    """Every column has the same values in both, in whatever order and frame."""
    assert len(galaxy) == len(reference)
    for name, tol in tolerance.items():
        a, b = (np.sort(g.stars[name].value.astype(float)) for g in (galaxy, reference))
        if name in PHASE_SPACE:
            a, b = a - np.median(a), b - np.median(b)
        np.testing.assert_allclose(a, b, **tol, err_msg=name)


@pytest.mark.parametrize("name", NAMES)
def test_reads_as_documented(shared_data, name):
    galaxy, record = real(shared_data, name)
    assert galaxy.name == name
    assert len(galaxy) == record["n_star"]
    assert galaxy.context["log10_mstar"] == pytest.approx(record["log10_mstar"], abs=1e-3)
    assert half_mass_radius(galaxy) == pytest.approx(record["half_mass_radius_kpc"], rel=2e-3)
    assert galaxy.provenance.simulation == record["simulation"]
    assert record["licence"] in galaxy.provenance.notes
    low, median, high = record["age_range_gyr"]
    age = galaxy.stars["age"].value
    np.testing.assert_allclose([age.min(), np.median(age), age.max()], [low, median, high])


@pytest.mark.parametrize("name", NAMES)
def test_prepares(shared_data, name):
    galaxy, record = real(shared_data, name)
    ready = prepare(galaxy)
    assert 0.96 * record["n_star"] < len(ready) <= record["n_star"]
    assert len(ready) + sum(cut.dropped for cut in ready.provenance.cuts) == record["n_star"]
    assert ready.context["log10_mstar"] == pytest.approx(record["log10_mstar"], abs=0.02)
    assert half_mass_radius(ready) == pytest.approx(record["half_mass_radius_kpc"], rel=0.05)
    stars = ready.stars
    spin = stars["x"] * stars["vy"] - stars["y"] * stars["vx"]
    assert np.average(spin.value, weights=stars["mass"].value) > 0
    for column in ready.columns:
        assert np.isfinite(stars[column].value).all()
    assert stars["metallicity"].min() >= 1e-6


def test_raw_eagle_agrees_with_the_verified_conversion(shared_data):
    galaxy = read(shared_data / "raw" / "SimSpin_example_EAGLE.hdf5")
    reference, _ = real(shared_data, "simspin_eagle_g92s9")
    tolerance = {
        **{name: {"atol": 0.01} for name in POSITION},
        **{name: {"atol": 0.01} for name in VELOCITY},
        "mass": {"rtol": 5e-4},  # the file's Msun is 1.989e33 g
        "age": {"atol": 1e-3},
        "metallicity": {"rtol": 1e-6},
    }
    same_columns(galaxy, reference, tolerance)
    assert galaxy.provenance.simulation == "Eagle"
    # The same star has the same metallicity and mass in both.
    ours, theirs = (
        g.stars[np.lexsort((g.stars["mass"].value, g.stars["metallicity"].value))]
        for g in (galaxy, reference)
    )
    valid = np.isfinite(theirs["fe_h"].value)
    assert valid.sum() <= np.isfinite(ours["fe_h"].value).sum() <= valid.sum() + 2  # traces of iron
    for name in ("fe_h", "o_fe"):
        np.testing.assert_allclose(
            ours[name].value[valid], theirs[name].value[valid], atol=1e-3, err_msg=name
        )


def test_raw_colibre_agrees_with_the_verified_conversion(shared_data):
    galaxy = read(shared_data / "raw" / "SimSpin_example_Colibre.hdf5")
    reference, _ = real(shared_data, "simspin_colibre")
    tolerance = {
        **{name: {"atol": 1e-4} for name in POSITION},
        **{name: {"atol": 0.01} for name in VELOCITY},
        "mass": {"rtol": 1e-5},
        "age": {"atol": 1e-3},
        "metallicity": {"rtol": 1e-6},
    }
    same_columns(galaxy, reference, tolerance)
    assert "fe_h" not in galaxy.stars.colnames


def test_raw_horizon_agn(shared_data):
    galaxy = read(shared_data / "raw" / "SimSpin_example_HorizonAGN.hdf5")
    assert len(galaxy) == 2000
    assert galaxy.provenance.redshift == pytest.approx(0.018, abs=1e-3)
    assert 9.5 < galaxy.context["log10_mstar"] < 10
    assert 0 <= galaxy.stars["age"].value.min() < galaxy.stars["age"].value.max() < 13.8
    assert half_mass_radius(prepare(galaxy)) < 10
    assert "fe_h" not in galaxy.stars.colnames  # its element group is empty


@pytest.fixture
def param(tmp_path):
    path = tmp_path / "run.param"
    path.write_text(PARAM)
    return path


def test_raw_changa_agrees_with_the_verified_conversion(shared_data, param):
    pytest.importorskip("pynbody", reason="the sims extra is not installed")
    galaxy = read(shared_data / "raw" / "hydro_test", paramfile=param)
    reference, _ = real(shared_data, "cogsworth_changa")
    tolerance = {
        **{name: {"atol": 1e-3} for name in POSITION},
        **{name: {"atol": 0.05} for name in VELOCITY},
        "mass": {"rtol": 1e-5},
        "age": {"atol": 0.02},  # the reference has h = 0.678, the parameter file 0.6775
        "metallicity": {"rtol": 1e-5},
    }
    same_columns(galaxy, reference, tolerance)


def test_raw_changa_without_units_is_refused(shared_data):
    pytest.importorskip("pynbody", reason="the sims extra is not installed")
    with pytest.raises(ValueError, match=r"hydro_test: unit-less file.*\.param"):
        read(shared_data / "raw" / "hydro_test")


def test_snapshot_with_a_parameter_file_that_is_not_there(shared_data, tmp_path):
    pytest.importorskip("pynbody", reason="the sims extra is not installed")
    with pytest.raises(FileNotFoundError, match=r"none\.param: no such parameter file"):
        read(shared_data / "raw" / "hydro_test", paramfile=tmp_path / "none.param")


@pytest.mark.filterwarnings("ignore")
def test_truncated_snapshot(shared_data, tmp_path, param):
    pytest.importorskip("pynbody", reason="the sims extra is not installed")
    path = tmp_path / "short"
    path.write_bytes((shared_data / "raw" / "hydro_test").read_bytes()[:-5000])
    with pytest.raises((ValueError, OSError), match="short"):
        read(path, paramfile=param)


@pytest.mark.parametrize("name", ["EAGLE", "Colibre", "HorizonAGN"])
@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.98])
def test_truncated_hdf5(shared_data, tmp_path, name, fraction):
    content = (shared_data / "raw" / f"SimSpin_example_{name}.hdf5").read_bytes()
    path = tmp_path / "short.hdf5"
    path.write_bytes(content[: int(fraction * len(content))])
    with pytest.raises(OSError, match=r"short\.hdf5"):
        read(path)
