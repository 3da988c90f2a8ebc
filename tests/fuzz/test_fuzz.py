"""Damaged files: a clear error or a whole result, never a crash, a hang or more memory."""

import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.fuzz.damage import damaged
from tests.fuzz.seeds import write_seeds

CASES = 540  # of each kind
STUCK = 60.0  # seconds of one case after which its process is killed
KINDS = (
    *("own.hdf5", "own.fits", "own.parquet", "own.ecsv"),
    *("galaxy_g1.05e11_109636618947.82254.npy", "galaxy.npz", "columns.toml"),
    *("tng.hdf5", "gizmo.hdf5", "swift.hdf5", "table.vot"),
    *("model.safetensors", "training.safetensors", "published.pth"),
    *("manifest.toml", "lock.json"),
    *("sample.parquet", "stars-00000.parquet", "store.json"),
)
assert CASES * len(KINDS) >= 10_000


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    files = write_seeds(tmp_path_factory.mktemp("whole"))
    assert sorted(path.name for path in files) == sorted(KINDS)
    return {path.name: path for path in files}


@pytest.fixture(scope="module")
def outcomes(seeds, tmp_path_factory):
    """What should not have happened, of every kind, when it is ready; all cores are at it."""
    pool = ThreadPoolExecutor(min(4, os.cpu_count() or 1))
    yield {
        kind: pool.submit(opened, path, tmp_path_factory.mktemp("damaged"), CASES)
        for kind, path in sorted(seeds.items(), key=lambda item: KINDS.index(item[0]))
    }
    pool.shutdown(cancel_futures=True)


def opened(seed_file, folder, cases):
    """Open damaged files in processes of their own; returns what should not have happened."""
    if seed_file.parent.name == "store" or seed_file.name == "columns.toml":
        folder = folder / seed_file.parent.name
        shutil.copytree(seed_file.parent, folder)
    progress, unexpected, first = folder / ".progress", [], 0
    while first < cases:
        progress.write_text(str(first))
        command = [sys.executable, "-m", "tests.fuzz.worker", seed_file, folder, first, cases]
        with (folder / ".out").open("w+") as out:
            process = subprocess.Popen(
                [str(word) for word in (*command, progress)],
                stdout=out,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
                cwd=Path(__file__).parents[2],
            )
            stuck = _watch(process, progress)
            out.seek(0)
            unexpected += [json.loads(line) for line in out]
        if not process.returncode:
            break
        assert process.returncode != 1, "the whole file cannot be opened"
        case = int(progress.read_text())
        why = "is stuck" if stuck else f"ends its process with {process.returncode}"
        unexpected.append({"case": case, "error": why})
        first = case + 1
    return unexpected


def _watch(process, progress):
    """Wait for a process; kill it if it makes no progress."""
    case, since = "", time.monotonic()
    while process.poll() is None:
        time.sleep(0.05)
        if (now := progress.read_text()) != case:
            case, since = now, time.monotonic()
        elif time.monotonic() - since > STUCK:
            process.kill()
            process.wait()
            return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_refused_or_read(outcomes, kind):
    assert outcomes[kind].result() == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_damage_and_repeats(seeds, kind):
    path = seeds[kind]
    cases = [damaged(path, 1, case) for case in range(40)]
    assert cases == [damaged(path, 1, case) for case in range(40)]
    assert sum(case != path.read_bytes() for case in cases) > 35
