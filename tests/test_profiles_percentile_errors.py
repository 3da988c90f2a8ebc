"""Bootstrap errors of running percentiles."""

import numpy as np
import pytest

from galflowlab.profiles import percentile_errors, percentiles

EDGES = [0.0, 4.0, 8.0, 12.0]


def stars(seed, n=900):
    rng = np.random.default_rng(seed)
    age = rng.uniform(0, 8, n)  # none in the last bin
    return {"age": age, "fe_h": 0.1 - 0.05 * age + rng.normal(0, 0.2, n), "mass": np.ones(n)}


def test_they_are_the_scatter_from_sample_to_sample():
    medians = [percentiles(stars(seed), "age", "fe_h", EDGES, (0.5,)).values for seed in range(60)]
    scatter = np.ma.stack(medians).std(axis=0)
    found = percentile_errors(stars(0), "age", "fe_h", EDGES, (0.5,), seed=1, resamples=200)
    assert found.shape == (1, 3)
    assert found.mask.tolist() == [[False, False, True]]
    np.testing.assert_allclose(found[0, :2], scatter[0, :2], rtol=0.35)


def test_they_are_seeded_and_masked_where_stars_are_few():
    few = {name: values[:30] for name, values in stars(3).items()}
    first, again = (percentile_errors(few, "age", "fe_h", EDGES, seed=5) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    counts = percentiles(few, "age", "fe_h", EDGES).counts
    np.testing.assert_array_equal(first.mask[0], counts < 20)


def test_bad_input():
    with pytest.raises(ValueError, match="resamples"):
        percentile_errors(stars(0), "age", "fe_h", EDGES, seed=1, resamples=1)
    with pytest.raises(ValueError, match="fractions"):
        percentile_errors(stars(0), "age", "fe_h", EDGES, (0.0,), seed=1)
