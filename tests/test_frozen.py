"""Frozen sampling: the numbers of the plain path, the same stars, any number of threads."""

import numpy as np
import pytest
import torch

from galflowlab import parallel
from galflowlab.flow.folding import Unfolded, fold
from galflowlab.flow.frozen import FrozenModel
from galflowlab.flow.layers import AffineCoupling, SplineCoupling
from galflowlab.schema import EDF_COLUMNS

CONTEXT = {"log10_mstar": 9.8}


def standard_context(edf, context=CONTEXT):
    full = edf.population.complete(context)
    row = torch.tensor([[full[name] for name in edf.context_names]], dtype=torch.float64)
    return row, edf._model.context_transform(row)


def test_every_layer_agrees_with_itself_unfolded(edf):
    row, standard = standard_context(edf)
    noise = torch.randn(10, 3000, generator=torch.Generator().manual_seed(1))
    folded = plain = noise
    with torch.inference_mode():
        for layer in edf._model.flow.flows:
            folded = fold(layer, 10).at(standard[0])(folded)
            plain = Unfolded(layer).at(standard[0])(plain)
    assert float((folded - plain).abs().max()) < 1e-4
    assert row.shape == (1, 4)


def test_every_layer_of_every_preset_is_folded(edf):
    assert Unfolded not in [type(fold(layer, 10)) for layer in edf._model.flow.flows]


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_deeper_conditioners_fold_too(blocks):
    torch.manual_seed(blocks)
    for layer in (
        AffineCoupling(6, 2, hidden=16, blocks=blocks, odd=True),
        SplineCoupling(6, 2, hidden=16, blocks=blocks, bins=5, odd=False),
    ):
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter += 0.3 * torch.randn_like(parameter)
        z, context = 2 * torch.randn(6, 500), torch.randn(2, dtype=torch.float64)
        with torch.inference_mode():
            folded, plain = fold(layer, 6).at(context)(z), Unfolded(layer).at(context)(z)
        torch.testing.assert_close(folded, plain, rtol=1e-4, atol=1e-4)


def test_stars_agree_with_the_plain_path(edf):
    """In units of the spread of each column, away from the few stars in the far tails."""
    row, _ = standard_context(edf)
    frozen = edf.freeze(CONTEXT, n=20_000, seed=4)
    with torch.inference_mode():
        plain = edf._model.inverse(frozen._noise.T, row).numpy()
    stars = frozen.arrays()
    for i, name in enumerate(edf.columns):
        difference = np.abs(stars[name] - plain[:, i]) / plain[:, i].std()
        assert np.quantile(difference, 0.999) < 1e-4, name
        assert difference.max() < 5e-2, name


def test_marginal_curves_agree_with_the_exact_spline(edf):
    marginals = edf._model.star_transform.marginals
    y = torch.linspace(-8, 8, 4001, dtype=torch.float64)
    exact = marginals.inverse(y[:, None].expand(-1, 10))
    for i, curve in enumerate(FrozenModel(edf._model)._curves):
        error = (curve(y.float()) - exact[:, i]).abs() / (1 + exact[:, i].abs())
        assert float(error.max()) < 2e-5


def test_update_is_the_same_as_freezing_there(edf):
    moved = edf.freeze({"log10_mstar": 9.0}, n=500, seed=2)
    moved.update(CONTEXT)
    there = edf.freeze(CONTEXT, n=500, seed=2)
    assert moved.context == there.context
    for name, values in there.arrays().items():
        np.testing.assert_array_equal(moved.arrays()[name], values)


def test_sample_is_frozen_once(edf):
    stars = edf.sample(700, CONTEXT, seed=2)
    again = edf.freeze(CONTEXT, n=700, seed=2).stars()
    assert stars.colnames == again.colnames == [*EDF_COLUMNS, "mass"]
    assert all((stars[c] == again[c]).all() for c in stars.colnames)


def test_part_of_the_stars_and_columns(edf):
    frozen = edf.freeze(CONTEXT, n=5000, seed=2)
    whole = frozen.arrays()
    part = frozen.arrays(1200, ("age", "vx", "mass"))
    assert list(part) == ["age", "vx", "mass"]
    for name in ("age", "vx"):
        np.testing.assert_allclose(part[name], whole[name][:1200], rtol=2e-4, atol=1e-4)
    assert part["mass"].sum(dtype=float) == pytest.approx(10**9.8, rel=1e-5)


@pytest.mark.parametrize("column", EDF_COLUMNS)
def test_every_column_can_be_asked_for_alone(edf, column):
    frozen = edf.freeze(CONTEXT, n=300, seed=2)
    np.testing.assert_allclose(
        frozen.arrays(columns=(column,))[column], frozen.arrays()[column], rtol=2e-4, atol=1e-4
    )


def test_chunks_do_not_matter(edf, monkeypatch):
    frozen = edf.freeze(CONTEXT, n=6000, seed=2)
    before = frozen.arrays()
    monkeypatch.setattr(parallel, "CHUNK", 333)
    for name, values in frozen.arrays().items():
        np.testing.assert_allclose(values, before[name], rtol=1e-3, atol=1e-4)


def test_bad_requests_leave_the_galaxy_as_it_was(edf):
    frozen = edf.freeze(CONTEXT, n=100, seed=2)
    before = frozen.context
    with pytest.raises(ValueError, match="unknown context"):
        frozen.update({"mass": 3})
    assert frozen.context == before
    for n in (0, 101):
        with pytest.raises(ValueError, match="expected 1 to 100 stars"):
            frozen.arrays(n)
    with pytest.raises(ValueError, match=r"unknown columns \['colour'\]"):
        frozen.arrays(columns=["colour"])
    with pytest.raises(ValueError, match="at least one star"):
        edf.freeze(CONTEXT, n=0, seed=2)
