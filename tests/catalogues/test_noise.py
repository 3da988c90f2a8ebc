"""Noise of any stretch of stars, made without those before it."""

import numpy as np
import pytest

from galflowlab.frozen import BLOCK, Noise
from galflowlab.parallel import CHUNK

CONTEXT = {"log10_mstar": 9.8}


@pytest.fixture
def blocks_of_1000(monkeypatch):
    monkeypatch.setattr("galflowlab.frozen.BLOCK", 1000)


def test_the_first_block_is_that_of_the_seed_itself():
    expected = np.random.default_rng(7).standard_normal((500, 3), np.float32)
    np.testing.assert_array_equal(Noise(7, 3).take(500), expected)


@pytest.mark.parametrize("start", [0, 1, 999, 1000, 1001, 2000, 2750])
def test_any_stretch_is_that_of_the_whole(blocks_of_1000, start):
    whole = Noise(7, 4).take(4500).numpy()
    noise = Noise(7, 4, start)
    parts = [noise.take(n).numpy() for n in (1, 249, 1000, 300)]
    np.testing.assert_array_equal(np.concatenate(parts), whole[start : start + 1550])


def test_blocks_and_seeds_differ_and_are_normal(blocks_of_1000):
    blocks = np.stack([Noise(seed, 5, start).take(1000).numpy().ravel()
                       for seed in (1, 2) for start in (0, 1000, 2000)])  # fmt: skip
    assert np.abs(np.corrcoef(blocks) - np.eye(6)).max() < 0.07  # 5 sigma of 5000 pairs
    assert np.abs(blocks.mean(axis=1)).max() < 0.07
    assert np.abs(blocks.std(axis=1) - 1).max() < 0.05


def test_a_generator_is_drawn_from_in_turn(blocks_of_1000):
    noise, rng = Noise(np.random.default_rng(5), 2), np.random.default_rng(5)
    expected = rng.standard_normal((2500, 2), np.float32)
    np.testing.assert_array_equal(np.concatenate([noise.take(1700), noise.take(800)]), expected)
    with pytest.raises(ValueError, match="expected an integer seed for stars from 3 on"):
        Noise(np.random.default_rng(5), 2, 3)


def test_a_stretch_of_a_stream_is_that_of_the_sample(mock, monkeypatch):
    monkeypatch.setattr("galflowlab.frozen.BLOCK", 2 * CHUNK)
    n = 5 * CHUNK + 10
    whole = mock.sample(n, CONTEXT, seed=3)
    stretch = mock.stream(n, CONTEXT, seed=3, start=3 * CHUNK, block=CHUNK)
    blocks = list(stretch)
    assert [len(block["x"]) for block in blocks] == [CHUNK, CHUNK, 10]
    for name in whole.colnames:
        together = np.concatenate([block[name] for block in blocks])
        np.testing.assert_array_equal(together, whole[name].value[3 * CHUNK :])
    (odd,) = mock.stream(n, CONTEXT, seed=3, start=2 * CHUNK - 5, stop=2 * CHUNK + 5)
    np.testing.assert_allclose(
        odd["vx"], whole["vx"].value[2 * CHUNK - 5 : 2 * CHUNK + 5], rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (6, 5), (0, 11), (11, None)])
def test_stretches_are_checked(mock, start, stop):
    with pytest.raises(ValueError, match="expected 0 <= start <= stop <= 10"):
        mock.stream(10, CONTEXT, seed=1, start=start, stop=stop)


def test_later_blocks_are_drawn_from_as_the_first(mock):
    """A sample that needs two generators is whole and has no star twice."""
    x = mock.freeze(CONTEXT, n=BLOCK + 500, seed=1).arrays(columns=["x"])["x"]
    assert np.isfinite(x).all()
    assert len(np.unique(x[:500])) == 500
    assert not np.array_equal(x[:500], x[BLOCK:])
