"""Several processes train as one does."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from galflowlab import mocks
from galflowlab.processes import Processes
from galflowlab.store import layout, write_store

TRAIN = """
import json, sys, galflowlab
from galflowlab.store import StarStore
source, out = sys.argv[1:]
data = StarStore(source) if source != "mocks" else galflowlab.mocks.make_suite(12, 600, seed=3)
told = []
edf = galflowlab.fit(
    data, seed=5, stars_seen=20_000, batch=256, progress=False,
    checkpoint=out + ".state", callbacks=[told.append],
)
training = edf.card["training"]
import os
rank = int(os.environ.get("RANK", "0"))
edf.save(f"{out}.{rank}")
with open(f"{out}.{rank}.json", "w") as file:
    json.dump({"history": training["history"], "told": len(told)}, file)
"""


def trained(folder, source, name, processes):
    script = folder / "train.py"
    script.write_text(TRAIN)
    command = [sys.executable]
    if processes > 1:
        command += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", processes]
    command += [script, source, folder / name]
    subprocess.run(
        [str(word) for word in command],
        check=True,
        timeout=400,
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
    )
    said = [json.loads((folder / f"{name}.{r}.json").read_text()) for r in range(processes)]
    return said, [(folder / f"{name}.{r}").read_bytes() for r in range(processes)]


@pytest.mark.slow
@pytest.mark.parametrize("stored", [False, True])
def test_two_processes_have_the_loss_curve_of_one(tmp_path, stored, monkeypatch):
    source = "mocks"
    if stored:
        monkeypatch.setattr(layout, "ROW_GROUP", 500)
        source = write_store(mocks.make_suite(12, 600, seed=3), tmp_path / "store", seed=1).path
    (alone,), _ = trained(tmp_path, source, "one", 1)
    two, files = trained(tmp_path, source, "two", 2)
    curve, curves = np.array(alone["history"]), [np.array(t["history"]) for t in two]
    np.testing.assert_array_equal(curves[0], curves[1])
    # The gradient is that of the same batch, summed in another order.
    np.testing.assert_allclose(curves[0], curve, atol=5e-3)
    assert curve[-1, 1] < curve[0, 1] - 0.3
    assert [t["told"] for t in two] == [alone["told"], 0]
    assert weights_of(files[0]) == weights_of(files[1])
    assert (tmp_path / "two.state").exists()


STOP = """
import os, sys, galflowlab
from galflowlab.store import StarStore
rank = os.environ["RANK"]
options = dict(seed=5, stars_seen=6000, batch=250, progress=False, symmetric=True)
store, folder = StarStore(sys.argv[1]), sys.argv[2]
state = folder + "/state"
told = []
def stop(progress):
    told.append(progress)
    return len(told) < 7
whole = galflowlab.fit(store, **options)
galflowlab.fit(store, **options, checkpoint=state, callbacks=[stop])
resumed = galflowlab.fit(store, **options, checkpoint=state)
whole.save(f"{folder}/whole.{rank}")
resumed.save(f"{folder}/resumed.{rank}")
try:
    galflowlab.fit(store, **options, checkpoint=f"{folder}/state" if rank == "0" else f"{folder}/x")
except ValueError as error:
    open(f"{folder}/error.{rank}", "w").write(str(error))
"""


@pytest.mark.slow
def test_two_processes_stop_and_resume_together(tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "ROW_GROUP", 500)
    store = write_store(mocks.make_suite(12, 600, seed=3), tmp_path / "store", seed=1).path
    (tmp_path / "stop.py").write_text(STOP)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run(
        [sys.executable, *launch, str(tmp_path / "stop.py"), str(store), str(tmp_path)],
        check=True,
        timeout=400,
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
    )
    files = [tmp_path / f"{name}.{rank}" for name in ("whole", "resumed") for rank in "01"]
    assert len({weights_of(path.read_bytes()) for path in files}) == 1
    # One that sees another checkpoint than the other is an error for both, not a wait for ever.
    said = [(tmp_path / f"error.{rank}").read_text() for rank in "01"]
    assert all("expected all processes to see the same checkpoint" in text for text in said)


def weights_of(data):
    """Bytes of the tensors of a safetensors file, whose header has times that differ."""
    length = int.from_bytes(data[:8], "little")
    return data[8 + length :]


def test_a_batch_that_cannot_be_divided_is_refused():
    processes = Processes(0, 3, torch.device("cpu"))
    assert processes.share(9) == 3
    with pytest.raises(ValueError, match="10 stars cannot be divided among 3 processes"):
        processes.share(10)
