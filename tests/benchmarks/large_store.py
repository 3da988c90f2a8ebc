"""Fifty million stars: prepared, streamed, trained on for one epoch, killed and resumed.

    python -m tests.benchmarks.large_store FOLDER [--stars 5e7] [--json FILE]

The stars are drawn from the embedded model, one galaxy of half a million for each of many
contexts. Every stage is a process of its own, whose largest resident memory is counted.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

import galflowlab
from galflowlab.checkpoint import read_tensors

GALAXY_STARS = 500_000
KILLED_AT = (0.15, 0.55)  # of the budget
GALFLOWLAB = (sys.executable, "-m", "galflowlab.cli")

DRAW = """
import sys
import numpy as np
import galflowlab
from galflowlab.galaxy import Galaxy, Provenance

folder, galaxies, stars = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
edf = galflowlab.load("mock")
for i, log10_mstar in enumerate(np.linspace(7.5, 11.0, galaxies)):
    context = edf.complete({"log10_mstar": log10_mstar}, seed=i)
    drawn = edf.freeze(context, n=stars, seed=i).stars()
    galaxy = Galaxy(f"drawn_{i:04d}", drawn, Provenance("the embedded model"))
    galaxy.write(f"{folder}/{galaxy.name}.parquet")
"""

STREAM = """
import json, sys, time
import numpy as np
from galflowlab.store import StarStore
from galflowlab.store.streaming import Shuffled

training, _ = StarStore(sys.argv[1]).split(0.1, np.random.default_rng(1))
wall, cpu, stars = time.perf_counter(), time.process_time(), 0
for block in Shuffled(training, seed=1).epoch(0):
    stars += len(block.galaxy)
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
assert stars == training.n_stars
print(json.dumps({"stars": stars, "per_second": stars / wall, "per_cpu_second": stars / cpu}))
"""


def measured(command: list[Any]) -> dict[str, Any]:
    """Run a command; returns its output, wall and CPU seconds and largest memory."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.PIPE, text=True, env=environment()
    )
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{command[:5]} ended with status {status}")
    return {
        "output": output,
        "seconds": time.perf_counter() - started,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "memory_gb": usage.ru_maxrss * 1024 / 1e9,
    }


def environment() -> dict[str, str]:
    """One thread, so that figures are per core."""
    return os.environ | {"OMP_NUM_THREADS": "1"}


def train_command(store: Path, output: Path, budget: int) -> list[Any]:
    """One epoch, in large batches: what counts here is the data, not the model."""
    options = ["--stars-seen", budget, "--batch", 8192, "--seed", 1, "--quiet"]
    return [*GALFLOWLAB, "train", store, "-o", output, *options, "--log", f"{output}.csv"]


def killed(command: list[Any], state: Path, budget: int) -> int:
    """Kill -9 a training at `KILLED_AT`, start it again each time; returns the kills."""
    kills = 0
    for share in KILLED_AT:
        process = subprocess.Popen([str(word) for word in command], env=environment())
        while process.poll() is None:
            time.sleep(0.5)
            if state.exists():
                _, header = read_tensors(state, "training")
                if header["step"] * 8192 >= share * budget:
                    # Somewhere after the checkpoint, not right at it.
                    time.sleep(3.0)
                    process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
    return kills


def same_weights(a: Path, b: Path) -> bool:
    """Whether two models have the same tensors, to the last bit."""
    first, second = (read_tensors(path, "edf")[0] for path in (a, b))
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def main() -> None:
    """Measure all stages and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stars", type=float, default=5e7)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    folder = arguments.folder
    files, store = folder / "galaxies", folder / "store"
    files.mkdir(parents=True)
    count = max(10, round(arguments.stars / GALAXY_STARS))
    stars = round(arguments.stars / count)
    result: dict[str, Any] = {"galflowlab": galflowlab.__version__, "stars": count * stars}

    def note(name: str, stage: dict[str, Any]) -> None:
        result[name] = stage
        print(name, json.dumps(stage), flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")

    drawn = measured([sys.executable, "-c", DRAW, files, count, stars])
    note("draw", {k: v for k, v in drawn.items() if k != "output"})
    options = ["--as-given", "--quiet", "-o", store]
    prepared = measured([*GALFLOWLAB, "prepare", files, *options])
    note("prepare", {k: v for k, v in prepared.items() if k != "output"})
    streamed = measured([sys.executable, "-c", STREAM, store])
    note("stream", json.loads(streamed["output"]) | {"memory_gb": streamed["memory_gb"]})
    budget = result["stream"]["stars"]
    whole, again = folder / "whole.safetensors", folder / "killed.safetensors"
    trained = measured(train_command(store, whole, budget))
    note("train", {k: v for k, v in trained.items() if k != "output"} | {"stars": budget})
    command = train_command(store, again, budget)
    kills = killed(command, again.with_suffix(".partial.safetensors"), budget)
    resumed, same = measured(command), same_weights(whole, again)
    note(
        "killed_and_resumed",
        {"kills": kills, "memory_gb": resumed["memory_gb"], "same_weights": same},
    )
    if not (same and kills == len(KILLED_AT)):
        raise SystemExit("the training that was killed did not end as the other")


if __name__ == "__main__":
    main()
