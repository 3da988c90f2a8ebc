"""Training: it learns, repeats itself, resumes bit by bit, and refuses what it cannot learn."""

import math

import numpy as np
import pytest
import torch

import galflowlab
from galflowlab.checkpoint import read_tensors, write_tensors
from galflowlab.galaxy import Galaxy
from galflowlab.schema import as_stars
from galflowlab.training import judge
from galflowlab.training_set import TrainingSet

QUICK = {"seed": 5, "stars_seen": 15_000, "batch": 256, "progress": False}


def weights(edf):
    return edf._model.state_dict()


def same(a, b):
    return all(torch.equal(weights(a)[k], weights(b)[k]) for k in weights(a))


def without_cost(edf):
    cost = ("cpu_seconds", "peak_memory_bytes")
    return {k: v for k, v in edf.card["training"].items() if k not in cost}


def test_training_learns(edf, suite):
    training = edf.card["training"]
    history = np.array(training["history"])
    assert history[-1, 1] < history[0, 1] - 0.1
    assert training["held_out_nll"] == history[:, 2].min()
    assert training["galaxies"] == 18
    assert training["held_out_galaxies"] == 2
    truth = suite[4].truth.log_prob(suite[4].stars)
    divergence = (truth - edf.log_prob(suite[4].stars, suite[4].context)).mean()
    assert 0 < divergence < 1.5


def test_the_card_names_the_galaxies_of_the_population(edf, suite):
    names = edf.card["training"]["names"]
    assert len(names) == len(edf.population) == 18
    context_of = {g.name: g.context for g in suite}
    for name, row in zip(names, edf.population.values, strict=True):
        assert row.tolist() == [context_of[name][entry] for entry in edf.context_names]


@pytest.mark.slow
def test_same_seed_same_weights(suite):
    a, b = (galflowlab.fit(suite, **QUICK) for _ in range(2))
    assert same(a, b)
    assert not same(a, galflowlab.fit(suite, **(QUICK | {"seed": 6})))


def test_global_random_state_is_left_alone(suite):
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    galflowlab.fit(suite, **(QUICK | {"stars_seen": 512}))
    assert torch.equal(torch.rand(3), expected)


def test_interrupted_training_resumes_to_the_same_weights(suite, tmp_path):
    checkpoint = tmp_path / "run.safetensors"
    whole = galflowlab.fit(suite, **QUICK)
    calls = []

    def interrupt(progress):
        calls.append(progress)
        if len(calls) == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        galflowlab.fit(suite, **QUICK, checkpoint=checkpoint, callbacks=[interrupt])
    _, header = read_tensors(checkpoint, "training")
    assert 0 < header["step"] < 15_000 // 256
    later = []
    resumed = galflowlab.fit(suite, **QUICK, checkpoint=checkpoint, callbacks=[later.append])
    assert later[0].stars_seen == calls[-1].stars_seen  # the ninth report came to no checkpoint
    assert same(whole, resumed)
    assert without_cost(whole) == without_cost(resumed)
    assert resumed.card["training"]["cpu_seconds"] > 0


def test_checkpoint_of_another_run_is_refused(suite, tmp_path):
    checkpoint = tmp_path / "run.safetensors"
    quick = QUICK | {"stars_seen": 2000}
    galflowlab.fit(suite, **quick, checkpoint=checkpoint)
    with pytest.raises(ValueError, match="checkpoint of another run"):
        galflowlab.fit(suite, **(quick | {"seed": 9}), checkpoint=checkpoint)
    with pytest.raises(ValueError, match="checkpoint of another run"):
        galflowlab.fit(suite[:-1], **quick, checkpoint=checkpoint)


@pytest.mark.parametrize(("spoil", "ends"), [(1, True), (60, False)])
def test_held_out_stars_without_a_density(suite, tmp_path, monkeypatch, spoil, ends):
    """As layers of the published kind give NaN: few are left out, many are never good."""
    plain = judge.coordinates_of

    def with_nan(model, data):
        x, *rest = plain(model, data)
        x[:spoil] = math.nan
        return x, *rest

    monkeypatch.setattr(judge, "coordinates_of", with_nan)
    checkpoint = tmp_path / "run.safetensors"
    options = QUICK | {"stars_seen": 2000, "checkpoint": checkpoint, "log": tmp_path / "log.csv"}
    if ends:
        card = galflowlab.fit(suite, **options).card["training"]
        assert card["held_out_not_finite"] == spoil
        assert np.isfinite(card["held_out_nll"])
    else:
        with pytest.raises(FloatingPointError, match="held-out likelihood was never finite"):
            galflowlab.fit(suite, **options)
    _, header = read_tensors(checkpoint, "training")
    assert [row[2] is not None for row in header["history"]] == [ends] * len(header["history"])


def test_checkpoints_of_another_version_are_refused(suite, tmp_path):
    checkpoint = tmp_path / "run.safetensors"
    quick = QUICK | {"stars_seen": 1000, "checkpoint": checkpoint}
    galflowlab.fit(suite, **quick)
    tensors, header = read_tensors(checkpoint, "training")
    del header["version"], header["seconds"]
    write_tensors(checkpoint, "training", tensors, header)
    with pytest.raises(ValueError, match="of another version of galflowlab"):
        galflowlab.fit(suite, **quick)


@pytest.mark.parametrize("what", ["checkpoint", "log"])
def test_missing_folders_are_noticed_before_the_work(suite, tmp_path, what):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        galflowlab.fit(suite, **QUICK, **{what: tmp_path / "no" / "file"})


def test_a_path_is_no_training_set(tmp_path):
    with pytest.raises(ValueError, match="opens one"):
        galflowlab.fit(tmp_path, **QUICK)


def test_callback_can_stop(suite):
    edf = galflowlab.fit(suite, **QUICK, callbacks=[lambda progress: False])
    assert edf.card["training"]["stars_seen"] < 15_000 / 10


@pytest.mark.slow
def test_training_stops_early_when_it_only_overfits(suite):
    galaxy = suite[0].with_stars(suite[0].stars[:120])
    edf = galflowlab.fit(
        [galaxy], seed=1, stars_seen=100_000, batch=64, patience=0.15, progress=False
    )
    assert edf.card["training"]["stars_seen"] < 75_000


def test_callbacks_hear_of_an_early_end(suite):
    galaxy, told = suite[0].with_stars(suite[0].stars[:120]), []
    galflowlab.fit(
        [galaxy],
        seed=1,
        stars_seen=100_000,
        batch=64,
        patience=0.02,
        learning_rate=0.05,
        progress=False,
        callbacks=[told.append],
    )
    assert told[-1].stars_seen < told[-1].budget
    assert [progress.last for progress in told] == [False] * (len(told) - 1) + [True]


def test_few_stars_per_parameter_are_warned_of(suite):
    galaxy = suite[0].with_stars(suite[0].stars[:120])
    with pytest.warns(galflowlab.FewStarsWarning, match="108 training stars for 94200 param"):
        galflowlab.fit([galaxy], seed=1, stars_seen=256, batch=64, progress=False)


def test_few_galaxies_hold_out_stars(suite):
    data = TrainingSet.from_galaxies(suite[:3])
    kept, held = data.split(0.25, np.random.default_rng(1))
    assert [len(s) for s in held.stars] == [500] * 3
    assert [len(s) for s in kept.stars] == [1500] * 3
    together = torch.cat([kept.stars[1], held.stars[1]]).sort(0).values
    torch.testing.assert_close(together, data.stars[1].sort(0).values)


def test_many_galaxies_hold_out_galaxies(suite):
    kept, held = TrainingSet.from_galaxies(suite).split(0.2, np.random.default_rng(1))
    assert len(held) == 4
    assert set(kept.names) | set(held.names) == {g.name for g in suite}
    assert not set(kept.names) & set(held.names)


def without(galaxy, *columns):
    stars = {c: galaxy.stars[c] for c in galaxy.stars.colnames if c not in columns}
    return Galaxy(galaxy.name, as_stars(stars), galaxy.provenance)


def test_only_shared_columns_are_learned(suite):
    mixed = [without(suite[0], "fe_h", "o_fe"), suite[1]]
    edf = galflowlab.fit(mixed, **(QUICK | {"stars_seen": 2000}))
    assert edf.columns == ("x", "y", "z", "vx", "vy", "vz", "metallicity", "age")
    assert np.isfinite(edf.log_prob(suite[1].stars, suite[1].context)).all()


def spoiled(galaxy, column, value):
    stars = galaxy.stars.copy()
    stars[column][0] = value * stars[column].unit
    return galaxy.with_stars(stars)


def test_galaxies_that_cannot_be_learned_are_refused(suite):
    with pytest.raises(ValueError, match="at least one galaxy"):
        galflowlab.fit([], **QUICK)
    with pytest.raises(ValueError, match=r"not finite in \['fe_h'\]; galflowlab.prepare"):
        galflowlab.fit([spoiled(suite[0], "fe_h", np.nan)], **QUICK)
    with pytest.raises(ValueError, match="1 stars with an age outside"):
        galflowlab.fit([spoiled(suite[0], "age", 15.0)], **QUICK)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"preset": "huge"}, "unknown preset"),
        ({"stars_seen": 0}, "stars_seen above zero"),
        ({"learning_rate": float("nan")}, "learning_rate above zero"),
        ({"held_out": 1.0}, "between 0 and 1"),
    ],
)
def test_bad_recipes_are_refused(suite, change, message):
    with pytest.raises(ValueError, match=message):
        galflowlab.fit(suite, **(QUICK | change))


def test_divergence_is_reported(suite):
    with pytest.raises(FloatingPointError, match="try a lower learning rate"):
        galflowlab.fit(suite, **(QUICK | {"learning_rate": 1e6}))


def test_a_step_that_is_not_finite_is_skipped_and_counted(suite, monkeypatch):
    """As layers of the published kind give it for a star far out; weights stay finite."""
    plain, calls = torch.nn.utils.clip_grad_norm_, []

    def now_and_then(*arguments):
        calls.append(1)
        norm = plain(*arguments)
        return norm * math.nan if len(calls) in (3, 7) else norm

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", now_and_then)
    told = []
    edf = galflowlab.fit(suite, **(QUICK | {"stars_seen": 5000}), callbacks=[told.append])
    assert edf.card["training"]["skipped_steps"] == 2
    assert told[2].train_nll is None  # as many reports as steps
    assert all(np.isfinite(p.train_nll) for i, p in enumerate(told) if i not in (2, 6))
    assert all(torch.isfinite(w).all() for w in weights(edf).values())
