"""Frozen sampling: the numbers of the plain path, the same stars, any number of threads."""

import threading

import numpy as np
import pytest
import torch

import galflowlab
from galflowlab import parallel
from galflowlab.flow.frozen import FrozenModel
from galflowlab.flow.workspace import Workspace
from galflowlab.schema import EDF_COLUMNS

CONTEXT = {"log10_mstar": 9.8}
CPU = torch.device("cpu")


def standard_context(edf, context=CONTEXT):
    row = torch.from_numpy(edf.population.row(context))
    return row, edf._model.context_transform(row)


def check_agreement(edf):
    """From physical columns in single precision, in units of the standardised flow."""
    model, (row, standard) = edf._model, standard_context(edf)
    frozen = edf.freeze(CONTEXT, n=20_000, seed=4)
    drawn = frozen.arrays()
    stars = torch.from_numpy(np.column_stack([drawn[name] for name in edf.columns])).double()
    noise = frozen._noise.T
    with torch.inference_mode():
        plain = model.flow(noise, standard.float().expand(len(noise), -1))
        coordinates, _ = model.star_transform(stars, standard)
        back, _ = model(stars, row)
    assert float((coordinates - plain).abs().max()) < 1e-4
    assert float((back - noise).abs().max()) < 1e-4


def test_stars_agree_with_the_plain_path_and_lead_back_to_their_noise(edf):
    check_agreement(edf)


def test_stars_of_the_embedded_model_do_too():
    check_agreement(galflowlab.load("mock"))


@pytest.mark.slow
def test_stars_of_the_published_size_do_too(suite):
    recipe = {"seed": 1, "stars_seen": 5000, "batch": 512, "progress": False}
    check_agreement(galflowlab.fit(suite, preset="paper", **recipe))


def test_marginal_curves_agree_with_the_exact_spline(edf):
    marginals = edf._model.star_transform.marginals
    y = torch.linspace(-8, 8, 4001, dtype=torch.float64)
    exact = marginals.inverse(y[:, None].expand(-1, 10)).T
    rows = [0, 3, 9]
    curves = FrozenModel(edf._model)._marginals.of_features(
        rows, torch.eye(11, dtype=torch.float64)[rows], CPU
    )
    stars = y.float().expand(11, -1)
    got = curves(torch.cat([stars[:10], torch.ones(1, len(y))]), Workspace(CPU).resize(len(y)))
    error = (got - exact[rows]).abs() / (1 + exact[rows].abs())
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


def test_mass_alone(edf):
    frozen = edf.freeze(CONTEXT, n=300, seed=2)
    np.testing.assert_allclose(frozen.arrays(columns=["mass"])["mass"], 10**9.8 / 300, rtol=1e-6)


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


def test_any_stretch_of_the_stars(edf):
    frozen = edf.freeze(CONTEXT, n=9000, seed=2)
    whole = frozen.arrays()
    part = frozen.arrays(2500, ("vz", "mass"), start=5000)
    np.testing.assert_allclose(part["vz"], whole["vz"][5000:7500], rtol=2e-4, atol=1e-4)
    np.testing.assert_allclose(part["mass"], 10**9.8 / 7500, rtol=1e-6)
    assert len(frozen.arrays(columns=["age"], start=8990)["age"]) == 10
    for n, start in ((1, 9000), (1, -1), (1001, 8000), (0, 10)):
        with pytest.raises(ValueError, match=r"expected (a start of 0|1) to \d+"):
            frozen.arrays(n, start=start)


def test_a_stream_has_the_stars_of_the_frozen_galaxy(edf):
    n = 2 * parallel.CHUNK + 1000
    whole = edf.freeze(CONTEXT, n=n, seed=5).arrays()
    blocks = list(edf.stream(n, CONTEXT, seed=5, block=parallel.CHUNK))
    assert [len(block["x"]) for block in blocks] == [parallel.CHUNK, parallel.CHUNK, 1000]
    for name, values in whole.items():
        np.testing.assert_array_equal(np.concatenate([block[name] for block in blocks]), values)
    # Blocks may end anywhere: matrix products then round a little differently.
    blocks = list(edf.stream(n, CONTEXT, seed=5, columns=("fe_h", "mass"), block=777))
    assert list(blocks[0]) == ["fe_h", "mass"]
    together = np.concatenate([block["fe_h"] for block in blocks])
    np.testing.assert_allclose(together, whole["fe_h"], rtol=1e-3, atol=1e-4)
    total = sum(block["mass"].sum(dtype=float) for block in blocks)
    assert total == pytest.approx(10**9.8, rel=1e-5)


def test_a_stream_complains_before_its_first_star(edf):
    for arguments, message in (
        ({"n": 0}, "at least one star"),
        ({"n": 5, "block": 0}, "at least one star"),
        ({"n": 5, "columns": ["colour"]}, "unknown columns"),
    ):
        with pytest.raises(ValueError, match=message):
            edf.stream(context=CONTEXT, seed=1, **arguments)
    with pytest.raises(ValueError, match="unknown context"):
        edf.stream(5, {"colour": 1}, seed=1)


def test_two_threads_may_draw_while_one_moves_on(edf):
    """Every picture belongs to one context, whole, however the threads interleave."""
    frozen = edf.freeze(CONTEXT, n=6000, seed=2)
    contexts = [{"log10_mstar": m} for m in (9.2, 9.8, 10.4)]
    expected = [edf.freeze(c, n=6000, seed=2).arrays(columns=["x", "vy"]) for c in contexts]
    seen, stop = [], threading.Event()

    def refine():
        while not stop.is_set():
            seen.append(frozen.arrays(columns=["x", "vy"]))

    thread = threading.Thread(target=refine)
    thread.start()
    for i in range(12):
        frozen.update(contexts[i % 3])
        preview = frozen.arrays(columns=["x", "vy"])
        np.testing.assert_array_equal(preview["x"], expected[i % 3]["x"])
    stop.set()
    thread.join()
    assert seen
    for drawn in seen:
        matches = [np.array_equal(drawn["x"], e["x"]) for e in expected]
        assert sum(matches) == 1
        np.testing.assert_array_equal(drawn["vy"], expected[matches.index(True)]["vy"])


def check_on(device, edf):
    moved = edf.to(device)
    assert moved._model.device.type == torch.device(device).type
    assert moved.columns == edf.columns
    here, there = edf.freeze(CONTEXT, n=3000, seed=2), moved.freeze(CONTEXT, n=3000, seed=2)
    assert there._noise.device.type == torch.device(device).type
    for name, values in here.arrays().items():
        np.testing.assert_allclose(there.arrays()[name], values, rtol=1e-3, atol=1e-4)
    stars = here.stars(200)
    np.testing.assert_allclose(
        moved.log_prob(stars, CONTEXT), edf.log_prob(stars, CONTEXT), atol=1e-2
    )


def test_a_copy_on_a_device_draws_the_same_stars(edf):
    check_on("cpu", edf)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_copy_on_a_gpu_draws_the_same_stars(edf):
    check_on("cuda", edf)


def test_an_accelerator_gets_few_large_pieces(edf, monkeypatch):
    """The same stars in the calling thread, as on a device of another type."""
    frozen = edf.freeze(CONTEXT, n=5000, seed=2)
    expected = frozen.arrays()
    monkeypatch.setattr(parallel, "DEVICE_CHUNK", 3000)
    monkeypatch.setattr("galflowlab.frozen.map_chunks", parallel.one_after_another)
    for name, values in frozen.arrays().items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-3, atol=1e-4)


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
