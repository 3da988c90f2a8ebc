"""Stores: every star once, in a random order, or no store at all."""

import json
from dataclasses import replace

import numpy as np
import pytest
from filelock import FileLock
from pyarrow import parquet
from scipy import stats

from galflowlab.galaxy import Galaxy
from galflowlab.schema import as_stars, star_matrix
from galflowlab.store import StarStore, is_store, write_store, writing


def contents(store):
    """Stars (star, feature) and galaxy of each, in the order of the store."""
    tables = [parquet.read_table(path) for path in store.files]
    names = store.columns
    matrix = np.concatenate([np.column_stack([t[c].to_numpy() for c in names]) for t in tables])
    return matrix, np.concatenate([t["galaxy"].to_numpy() for t in tables])


def sorted_rows(matrix):
    return matrix[np.lexsort(matrix.T)]


def without(galaxy, *columns):
    stars = {c: galaxy.stars[c] for c in galaxy.stars.colnames if c not in columns}
    return Galaxy(galaxy.name, as_stars(stars), galaxy.provenance)


def spoiled(galaxy, column, value):
    stars = galaxy.stars.copy()
    stars[column][0] = value * stars[column].unit
    return galaxy.with_stars(stars)


def test_every_star_is_stored_once_with_its_galaxy(galaxies, tmp_path, small_pieces):
    store = write_store(galaxies, tmp_path / "store", seed=1, notes="as they are")
    assert len(store.files) > 2
    assert parquet.ParquetFile(store.files[0]).num_row_groups > 4
    matrix, galaxy = contents(store)
    assert store.names == tuple(g.name for g in galaxies)
    for i, g in enumerate(galaxies):
        expected = star_matrix(g.stars, store.columns).astype(np.float32)
        np.testing.assert_array_equal(sorted_rows(matrix[galaxy == i]), sorted_rows(expected))
        assert store.context[i].tolist() == [g.context[name] for name in store.context_names]
        assert store.provenance[i] == json.loads(json.dumps(g.provenance.to_dict()))
    store.verify()


def test_the_order_is_random(galaxies, tmp_path, small_pieces):
    store = write_store(galaxies, tmp_path / "store", seed=1)
    _, galaxy = contents(store)
    tenths = np.array([np.bincount(part, minlength=12) for part in np.array_split(galaxy, 10)])
    assert stats.chi2_contingency(tenths).pvalue > 1e-3
    neighbours = float((galaxy[1:] == galaxy[:-1]).mean())
    assert neighbours == pytest.approx(1 / 12, abs=4 * np.sqrt(1 / 12 / len(galaxy)))


def test_the_seed_decides_the_order(galaxies, tmp_path, small_pieces):
    stores = [
        write_store(galaxies, tmp_path / name, seed=seed)
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    a, b, c = (contents(store)[0] for store in stores)
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)
    np.testing.assert_array_equal(sorted_rows(a), sorted_rows(c))
    assert stores[0].fingerprint() == stores[1].fingerprint() != stores[2].fingerprint()


def test_the_sample_has_the_first_stars_of_every_galaxy(
    galaxies, tmp_path, small_pieces, monkeypatch
):
    monkeypatch.setattr(writing, "_SAMPLE_RANGE", (40, 50))
    store = write_store(galaxies, tmp_path / "store", seed=1)
    matrix, galaxy = contents(store)
    sample = parquet.read_table(store.path / "sample.parquet")
    rows, of = sample["row"].to_numpy(), sample["galaxy"].to_numpy()
    assert np.bincount(of).tolist() == [50] * 12
    for i in range(12):
        assert rows[of == i].tolist() == np.flatnonzero(galaxy == i)[:50].tolist()
    np.testing.assert_array_equal(sample["vx"].to_numpy(), matrix[rows, 3])


def test_columns_that_one_galaxy_lacks_are_left_out(galaxies, tmp_path):
    mixed = [galaxies[0], without(galaxies[1], "fe_h", "o_fe")]
    store = write_store(mixed, tmp_path / "store", seed=1)
    assert store.columns == ("x", "y", "z", "vx", "vy", "vz", "metallicity", "age")
    assert contents(store)[0].shape == (1400, 8)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda g: [], "at least one galaxy"),
        (lambda g: [g[0], replace(g[1], name=g[0].name)], "two galaxies are named"),
        (lambda g: [g[0], spoiled(g[1], "fe_h", np.nan)], r"not finite in \['fe_h'\]"),
        (lambda g: [g[0], spoiled(g[1], "age", 15.0)], "age outside 0 to 14 Gyr"),
        (lambda g: [spoiled(g[0], "x", 1e100)], "too large for single precision"),
        (lambda g: [without(g[0], "metallicity")], "has no context"),
    ],
)
def test_what_cannot_be_trained_on_leaves_nothing(galaxies, tmp_path, spoil, message):
    with pytest.raises(ValueError, match=message):
        write_store(spoil(galaxies), tmp_path / "store", seed=1)
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_leaves_nothing(galaxies, tmp_path, small_pieces):
    def interrupted():
        yield from galaxies[:3]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_store(interrupted(), tmp_path / "store", seed=1)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed(galaxies, tmp_path):
    left = tmp_path / ".store.partial"
    left.mkdir()
    (left / "piles").write_bytes(bytes(1000))
    store = write_store(galaxies[:2], tmp_path / "store", seed=1)
    assert list(tmp_path.iterdir()) == [store.path]


def test_two_processes_do_not_write_one_store(galaxies, tmp_path):
    with (
        FileLock(tmp_path / ".store.lock"),
        pytest.raises(BlockingIOError, match="another process"),
    ):
        write_store(galaxies[:2], tmp_path / "store", seed=1)


def test_an_existing_folder_is_not_touched(galaxies, tmp_path):
    with pytest.raises(FileExistsError, match="exists"):
        write_store(galaxies, tmp_path, seed=1)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        write_store(galaxies, tmp_path / "no" / "store", seed=1)


def test_only_a_store_is_opened_as_one(galaxies, tmp_path):
    assert not is_store(tmp_path)
    with pytest.raises(FileNotFoundError, match="galflowlab prepare makes one"):
        StarStore(tmp_path)


@pytest.fixture
def copy(galaxies, tmp_path):
    return write_store(galaxies[:3], tmp_path / "store", seed=1)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("galaxies"),
        lambda d: d.update(kind="other"),
        lambda d: d.update(columns={"x": "kpc", "mass": "solMass"}),
        lambda d: d["galaxies"][0].update(stars=3),
        lambda d: d["files"][0].update(name="../stars-00000.parquet"),
        lambda d: d["files"][0].update(rows=-1),
        lambda d: d["galaxies"][0].update(context=None),
    ],
)
def test_descriptions_that_are_not_valid_are_refused(copy, change):
    path = copy.path / "store.json"
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match="not the description of a store"):
        StarStore(copy.path)


def test_damaged_files_are_refused(copy):
    path, whole = copy.files[0], copy.files[0].read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(OSError, match="not a whole Parquet file"):
        StarStore(copy.path)
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    path.write_bytes(bytes(flipped))
    with pytest.raises(ValueError, match="not the file that was written"):
        StarStore(copy.path).verify()
    path.unlink()
    with pytest.raises(OSError, match="not a whole Parquet file"):
        StarStore(copy.path)
