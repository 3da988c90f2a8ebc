"""Streams: every training star once an epoch, in an order that seed and epoch decide."""

import numpy as np
import pytest
from pyarrow import parquet
from scipy import stats

from galflowlab.schema import star_matrix
from galflowlab.store import write_store, writing
from galflowlab.store.streaming import Shuffled
from galflowlab.training_set import TrainingSet


@pytest.fixture
def parts(store):
    return store.split(0.2, np.random.default_rng(1))


def streamed(stars, *, seed=5, epoch=0, start=0, groups=3):
    blocks = list(Shuffled(stars, seed=seed, groups=groups).epoch(epoch, start))
    assert len(blocks) > 1 or groups > 3
    assert np.concatenate([b.galaxy for b in blocks]).dtype == np.int32
    return blocks


def together(blocks):
    return np.concatenate([b.stars for b in blocks]), np.concatenate([b.galaxy for b in blocks])


def sorted_rows(matrix):
    return matrix[np.lexsort(matrix.T)]


def expected(galaxies, names, columns):
    of = {g.name: star_matrix(g.stars, columns).astype(np.float32) for g in galaxies}
    return [sorted_rows(of[name]) for name in names]


def test_an_epoch_holds_every_training_star_once(parts, galaxies):
    training, held = parts
    assert len(held) == 2
    assert not set(held.names) & set(training.names)
    stars, galaxy = together(streamed(training))
    assert len(stars) == training.n_stars == 7000
    for i, rows in enumerate(expected(galaxies, training.names, training.columns)):
        np.testing.assert_array_equal(sorted_rows(stars[galaxy == i]), rows)


def test_the_held_out_sample_is_that_of_the_held_out_galaxies(parts, galaxies):
    _, held = parts
    for stars, rows in zip(held.stars, expected(galaxies, held.names, held.columns), strict=True):
        np.testing.assert_array_equal(sorted_rows(stars.numpy().astype(np.float32)), rows)


def test_epochs_differ_and_repeat(parts):
    training, _ = parts
    first, again, second, other = (
        together(streamed(training, seed=seed, epoch=epoch))[0]
        for seed, epoch in ((5, 0), (5, 0), (5, 1), (6, 0))
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_the_order_of_an_epoch_is_random(parts):
    training, _ = parts
    order = {tuple(row): i for i, row in enumerate(together(streamed(training, epoch=0))[0])}
    places = [order[tuple(row)] for row in together(streamed(training, epoch=1))[0]]
    # Stars of one row group share a block; beyond that, places are independent.
    assert abs(stats.spearmanr(places, np.arange(len(places))).statistic) < 0.3
    _, galaxy = together(streamed(training, epoch=2))
    tenths = np.array([np.bincount(part, minlength=10) for part in np.array_split(galaxy, 10)])
    assert stats.chi2_contingency(tenths).pvalue > 1e-3


@pytest.mark.parametrize("start", [1, 700, 3333, 6999])
def test_a_stream_goes_on_from_anywhere(parts, start):
    training, _ = parts
    whole, _ = together(streamed(training))
    blocks = list(Shuffled(training, seed=5, groups=3).epoch(0, start))
    assert blocks[0].first <= start < blocks[0].first + len(blocks[0].galaxy)
    np.testing.assert_array_equal(together(blocks)[0], whole[blocks[0].first :])


def test_few_galaxies_hold_out_stars(galaxies, tmp_path, small_pieces):
    few = galaxies[:3]
    store = write_store(few, tmp_path / "store", seed=2)
    training, held = store.split(0.25, np.random.default_rng(1))
    assert len(held) == len(training) == 3
    assert max(len(stars) for stars in held.stars) == 175
    assert 400 < held.n_stars <= 525
    stars, galaxy = together(streamed(training))
    assert len(stars) == training.n_stars == 2100 - held.n_stars
    sample = training.sample()
    for i, rows in enumerate(expected(few, training.names, training.columns)):
        out = held.stars[i].numpy().astype(np.float32)
        np.testing.assert_array_equal(sorted_rows(np.vstack([stars[galaxy == i], out])), rows)
        np.testing.assert_array_equal(
            sorted_rows(sample.stars[i].numpy().astype(np.float32)),
            sorted_rows(stars[galaxy == i]),
        )


def test_few_large_galaxies_have_stars_on_both_sides(galaxies, tmp_path, small_pieces, monkeypatch):
    """Of a large galaxy only the first stars are in the sample."""
    monkeypatch.setattr(writing, "_SAMPLE_RANGE", (20, 40))
    few = [galaxies[0], galaxies[1], galaxies[2].with_stars(galaxies[2].stars[:60])]
    store = write_store(few, tmp_path / "store", seed=2)
    training, held = store.split(0.1, np.random.default_rng(1))
    sample = training.sample()
    assert sample.names == training.names == store.names
    assert all(len(stars) >= 30 for stars in sample.stars)
    assert len(held) >= 2
    stars, _ = together(streamed(training))
    out = np.vstack([s.numpy().astype(np.float32) for s in held.stars])
    every = np.vstack(expected(few, store.names, store.columns))
    np.testing.assert_array_equal(sorted_rows(np.vstack([stars, out])), sorted_rows(every))


def test_galaxies_of_one_star_are_refused(galaxies, tmp_path):
    single = galaxies[0].with_stars(galaxies[0].stars[:1])
    store = write_store([single, galaxies[1]], tmp_path / "store", seed=2)
    with pytest.raises(ValueError, match="too few stars to hold any out"):
        store.split(0.1, np.random.default_rng(1))


def test_the_order_of_galaxies_does_not_decide_which_are_held_out(galaxies, tmp_path, store):
    backwards = write_store(galaxies[::-1], tmp_path / "store", seed=1)
    out = [s.split(0.2, np.random.default_rng(4))[1].names for s in (store, backwards)]
    assert set(out[0]) == set(out[1])
    in_memory = [TrainingSet.from_galaxies(g) for g in (galaxies, galaxies[::-1])]
    assert {frozenset(s.split(0.2, np.random.default_rng(4))[1].names) for s in in_memory} == {
        frozenset(out[0])
    }


def test_stars_of_galaxies_that_are_not_described_are_refused(galaxies, tmp_path, monkeypatch):
    store = write_store(galaxies[:3], tmp_path / "store", seed=2)
    training, _ = store.split(0.25, np.random.default_rng(1))
    stream = Shuffled(training, seed=1)
    stream._place = stream._place[:2]
    with pytest.raises(OSError, match="not described"):
        next(stream.epoch(0))


def test_a_changed_bit_of_a_star_is_noticed(galaxies, tmp_path):
    store = write_store(galaxies[:3], tmp_path / "store", seed=2)
    training, _ = store.split(0.25, np.random.default_rng(1))
    path, whole = store.files[0], store.files[0].read_bytes()
    page = parquet.ParquetFile(path).metadata.row_group(0).column(4).data_page_offset
    flipped = bytearray(whole)
    flipped[page + 1000] ^= 16
    path.write_bytes(bytes(flipped))
    with pytest.raises(OSError, match="damaged"):
        list(Shuffled(training, seed=1).epoch(0))
