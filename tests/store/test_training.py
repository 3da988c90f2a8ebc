"""Training from a store: as in memory, and to the last bit the same after any interruption."""

import csv
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

import galflowlab
from galflowlab.checkpoint import read_tensors
from galflowlab.store import write_store
from galflowlab.training.reports import LOG_COLUMNS

QUICK = {"seed": 5, "stars_seen": 20_000, "batch": 250, "progress": False}


def weights(edf):
    return edf._model.state_dict()


def same(a, b):
    return all(torch.equal(weights(a)[k], weights(b)[k]) for k in weights(a))


@pytest.fixture(scope="module")
def whole(store):
    return galflowlab.fit(store, **QUICK)


def test_a_store_teaches_what_galaxies_teach(store, galaxies, whole):
    in_memory = galflowlab.fit(galaxies, **QUICK)
    a, b = (e.card["training"] for e in (whole, in_memory))
    assert (a["names"], a["stars"]) == (b["names"], b["stars"])
    assert a["held_out_nll"] == pytest.approx(b["held_out_nll"], abs=0.15)
    assert a["history"][-1][1] < a["history"][0][1] - 0.3
    np.testing.assert_array_equal(whole.population.values, in_memory.population.values)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("reports", [1, 30])
def test_interrupted_training_resumes_to_the_same_weights(
    store, whole, tmp_path, reports, symmetric
):
    options = QUICK | {"symmetric": symmetric}
    if symmetric:
        whole = galflowlab.fit(store, **options)
    checkpoint, told = tmp_path / "run.safetensors", []

    def stop(progress):
        told.append(progress)
        return len(told) < reports

    galflowlab.fit(store, **options, checkpoint=checkpoint, callbacks=[stop])
    _, header = read_tensors(checkpoint, "training")
    assert header["step"] == told[-1].stars_seen / 250 < 80
    resumed = galflowlab.fit(store, **options, checkpoint=checkpoint)
    assert same(whole, resumed)
    assert resumed.card["training"]["history"] == whole.card["training"]["history"]


def test_another_store_is_another_run(store, galaxies, tmp_path):
    checkpoint = tmp_path / "run.safetensors"
    quick = QUICK | {"stars_seen": 1000}
    galflowlab.fit(store, **quick, checkpoint=checkpoint)
    other = write_store(galaxies, tmp_path / "other", seed=2)
    with pytest.raises(ValueError, match="checkpoint of another run"):
        galflowlab.fit(other, **quick, checkpoint=checkpoint)


def test_a_stop_before_the_first_evaluation_gives_a_judged_model(store, tmp_path):
    edf = galflowlab.fit(
        store, **(QUICK | {"stars_seen": 100_000}), callbacks=[lambda progress: False]
    )
    assert np.isfinite(edf.card["training"]["held_out_nll"])


def test_the_log_goes_on_after_an_interruption(store, tmp_path):
    checkpoint, log = tmp_path / "run.safetensors", tmp_path / "run.csv"
    options = QUICK | {"checkpoint": checkpoint, "log": log}
    told = []

    def stop(progress):
        told.append(progress)
        return len(told) < 12

    galflowlab.fit(store, **options, callbacks=[stop])
    galflowlab.fit(store, **options, callbacks=[told.append])
    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == LOG_COLUMNS
    assert [int(row["stars_seen"]) for row in rows] == [p.stars_seen for p in told]
    assert [float(row["train_nll"]) for row in rows] == [p.train_nll for p in told]
    held = [None if row["held_out_nll"] == "" else float(row["held_out_nll"]) for row in rows]
    assert held == [p.held_out_nll for p in told]
    assert all(np.diff([float(row["seconds"]) for row in rows]) >= 0)


def test_progress_carries_the_model_and_what_is_held_out(store):
    told = []
    edf = galflowlab.fit(store, **(QUICK | {"stars_seen": 5000}), callbacks=[told.append])
    last = told[-1]
    assert last.stars_seen == last.budget == 5000
    name = last.held_out.names[0]
    assert name not in edf.card["training"]["names"]
    context = dict(zip(edf.context_names, last.held_out.context[0].tolist(), strict=True))
    now = last.snapshot()
    assert now.card["training"]["stars_seen"] == 5000
    assert np.isfinite(now.sample(100, context, seed=1)["x"].value).all()


TRAIN = """
import sys, galflowlab
from galflowlab.store import StarStore
import galflowlab.training.reports as reports
reports._SAVE_AFTER = 0.0  # after every report, so that a kill can come anywhere
edf = galflowlab.fit(
    StarStore(sys.argv[1]), seed=5, stars_seen=60_000, batch=250, progress=False,
    checkpoint=sys.argv[2],
)
edf.save(sys.argv[3])
"""


@pytest.mark.slow
def test_a_killed_training_resumes_to_the_same_file(store, tmp_path):
    def start(name):
        command = [
            sys.executable,
            "-c",
            TRAIN,
            store.path,
            tmp_path / name,
            tmp_path / f"{name}.out",
        ]
        return subprocess.Popen(
            [str(word) for word in command], env=os.environ | {"OMP_NUM_THREADS": "1"}
        )

    assert start("whole").wait(300) == 0
    kills = 0
    for steps in (20, 90):
        process = start("killed")
        deadline = time.monotonic() + 200
        while time.monotonic() < deadline and process.poll() is None:
            if (tmp_path / "killed").exists():
                _, header = read_tensors(tmp_path / "killed", "training")
                if header["step"] >= steps:
                    process.send_signal(signal.SIGKILL)
                    break
            time.sleep(0.02)
        kills += process.wait(60) == -signal.SIGKILL
    assert kills == 2
    assert not (tmp_path / "killed.out").exists()
    assert start("killed").wait(300) == 0
    whole, resumed = (galflowlab.load(tmp_path / f"{n}.out") for n in ("whole", "killed"))
    assert same(whole, resumed)
    assert whole.card["training"]["history"] == resumed.card["training"]["history"]
