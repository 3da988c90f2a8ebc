"""Columns, units and the Galaxy that carries them."""

import json

import numpy as np
import pandas
import pytest
from astropy import units as u
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.utils.masked import Masked

from galflowlab import context
from galflowlab.galaxy import Cut, Galaxy, Provenance
from galflowlab.schema import COLUMNS, EDF_COLUMNS, as_stars, column_values, edf_columns


def columns(n=5):
    values = {name: np.linspace(0.01, 0.02, n) for name in COLUMNS}
    values["mass"] = np.full(n, 1e6)
    values["age"] = np.arange(1.0, n + 1)
    return values


def test_as_stars_attaches_units_and_orders_columns():
    stars = as_stars(dict(reversed(columns().items())))
    assert stars.colnames == list(COLUMNS)
    assert all(stars[name].unit == spec.unit for name, spec in COLUMNS.items())


def test_as_stars_converts_units():
    values = columns()
    values["x"] = np.ones(5) * 1000 * u.pc
    values["age"] = np.ones(5) * 1e9 * u.yr
    stars = as_stars(values)
    np.testing.assert_allclose(stars["x"].value, 1)
    np.testing.assert_allclose(stars["age"].value, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": np.ones(5)}, "unknown star columns"),
        ({"x": np.ones(5) * u.km / u.s}, "should be in kpc, got km / s"),
        ({"x": np.ones(4)}, "has 5 stars, others have 4"),
        ({"x": np.ones((5, 2))}, r"shape \(star,\)"),
        ({"x": np.array(["a"] * 5)}, "real numbers"),
        ({"x": np.ones(5, complex)}, "real numbers"),
    ],
)
def test_as_stars_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        as_stars(columns() | change)


def test_column_values_names_what_is_there():
    with pytest.raises(ValueError, match=r"missing star column 'fe_h'; the stars have \['x'\]"):
        column_values({"x": [1.0]}, "fe_h")


def test_column_values_takes_tables_of_every_kind():
    values = np.array([500.0, 1500.0])
    for table in (
        QTable({"x": values * u.pc}),
        Table({"x": Column(values, unit="pc")}),
        Table({"x": MaskedColumn(values, unit="pc", mask=[False, False])}),
        {"x": values * u.pc},
        pandas.DataFrame({"x": values / 1000}),
        {"x": (values / 1000).tolist()},
    ):
        np.testing.assert_allclose(column_values(table, "x"), [0.5, 1.5])
    for masked in (
        Table({"x": MaskedColumn(values, mask=[True, False])}),
        QTable({"x": Masked(values * u.kpc, mask=[True, False])}),
        {"x": np.ma.masked_array(values, mask=[True, False])},
    ):
        with pytest.raises(ValueError, match="'x' has masked values"):
            column_values(masked, "x")


def test_edf_columns_keeps_canonical_order_and_drops_mass():
    assert edf_columns(["mass", "age", "x", "note"]) == ("x", "age")
    assert edf_columns(COLUMNS) == EDF_COLUMNS


def test_context_of_known_stars():
    n = 11
    values = columns(n) | {"age": np.arange(n, dtype=float), "metallicity": np.full(n, 0.02)}
    measured = context.measure(as_stars(values))
    assert measured == pytest.approx(
        {
            "log10_mstar": np.log10(11e6),
            "age_p50": 5.0,
            "age_p10": 1.0,
            "mean_metallicity": 0.02,
        }
    )


def test_galaxy_without_iron_is_valid():
    stars = as_stars({k: v for k, v in columns().items() if k not in ("fe_h", "o_fe")})
    galaxy = Galaxy("g", stars, Provenance("test"))
    assert galaxy.columns == tuple(c for c in EDF_COLUMNS if c not in ("fe_h", "o_fe"))
    assert galaxy.context["age_p50"] == pytest.approx(3)


def test_galaxy_refuses_missing_empty_and_bad():
    stars = as_stars(columns())
    with pytest.raises(ValueError, match="lacks \\['vz'\\]"):
        Galaxy("g", QTable({c: stars[c] for c in stars.colnames if c != "vz"}), Provenance("t"))
    with pytest.raises(ValueError, match="no star particles"):
        Galaxy("g", stars[:0], Provenance("t"))
    bad = stars.copy()
    bad["vx"][2] = np.nan * u.km / u.s
    with pytest.raises(ValueError, match="'vx' has 1 bad"):
        Galaxy("g", bad, Provenance("t"))


def test_with_stars_measures_the_context_again_and_records_the_cut():
    galaxy = Galaxy("g", as_stars(columns()), Provenance("t"))
    cut = galaxy.with_stars(galaxy.stars[:3], Cut("first three", 3, 2))
    assert cut.provenance.cuts == (Cut("first three", 3, 2),)
    assert cut.context["age_p50"] == pytest.approx(2)
    assert galaxy.provenance.cuts == ()


def test_provenance_survives_json():
    provenance = Provenance("file.hdf5", "EAGLE", 0.1, (Cut("r", 5, 2),), "note")
    assert Provenance.from_dict(json.loads(json.dumps(provenance.to_dict()))) == provenance
    with pytest.raises(ValueError, match="not a galaxy provenance"):
        Provenance.from_dict({"source": "x"})
