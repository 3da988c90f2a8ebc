"""A hundred million stars into a catalogue: in little memory, killed and resumed.

    python -m tests.benchmarks.large_catalogue FOLDER [--stars 1e8] [--json FILE]

One process writes the catalogue in one go. Two workers write it again, are killed with their
parent when two fifths of the files are there, and go on when called again: all files must have
the same hashes. Memory is that of a command and its workers together, at its largest: what they
share, such as libraries, counts once in ``memory_gb`` and once for each in ``resident_gb``.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

import galflowlab
from tests.benchmarks.large_store import environment

KILLED_AT = 0.4  # of the files


def command(folder: Path, stars: int, workers: int) -> list[str]:
    """Command that writes the catalogue."""
    words = ["sample", "--log10-mstar", 10, "--seed", 1, "-n", stars, "--format", "parquet"]
    words = [*words, "--quiet", "--workers", workers, "-o", folder]
    return [sys.executable, "-m", "galflowlab.cli", *(str(word) for word in words)]


def memory(pid: int) -> tuple[int, int]:
    """Bytes of a process and those that it started: what they share counted once, and for each."""
    once = for_each = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                info = process.memory_full_info()
                once, for_each = once + info.pss, for_each + info.rss
    return once, for_each


def watched(words: list[str], stop: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    """Run a command, killing it when `stop` says so; returns its time and largest memory.

    The CPU time of a command that is killed is not known: the system counts only that of
    workers for whom somebody has waited. Returns when its workers have ended, too.
    """
    workers: list[psutil.Process] = []
    started, peak = time.perf_counter(), (0, 0)
    process = subprocess.Popen(words, env=environment())
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        once, for_each = memory(process.pid)
        peak = max(peak[0], once), max(peak[1], for_each)
        if stop():
            with contextlib.suppress(psutil.NoSuchProcess):
                workers = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(signal.SIGKILL)
        time.sleep(0.2)
    seconds, killed = time.perf_counter() - started, os.WIFSIGNALED(status)
    if left := psutil.wait_procs(workers, timeout=60)[1]:
        raise SystemExit(f"{len(left)} workers have outlived their command by a minute")
    cpu = {} if killed else {"cpu_seconds": usage.ru_utime + usage.ru_stime}
    return {
        "killed": killed,
        "status": os.waitstatus_to_exitcode(status),
        "seconds": seconds,
        **cpu,
        "memory_gb": peak[0] / 1e9,
        "resident_gb": peak[1] / 1e9,
    }


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file, by name."""
    out = {}
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            out[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return out


def main() -> None:
    """Measure all stages and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stars", type=float, default=1e8)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True)
    stars, folder = int(arguments.stars), arguments.folder / "catalogue"
    result: dict[str, Any] = {"galflowlab": galflowlab.__version__, "stars": stars}

    def note(name: str, stage: dict[str, Any]) -> None:
        result[name] = stage
        print(name, json.dumps(stage), flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")

    whole = watched(command(folder, stars, 1))
    expected = hashes(folder)
    size = sum(path.stat().st_size for path in folder.iterdir())
    note("whole", {**whole, "files": len(expected) - 1, "bytes_per_star": size / stars})
    shutil.rmtree(folder)

    def far_enough() -> bool:
        return len(list(folder.glob("part-*"))) >= KILLED_AT * (len(expected) - 1)

    killed = watched(command(folder, stars, 2), far_enough)
    kept = len(list(folder.glob("part-*")))
    note("killed", {**killed, "kept": kept})
    resumed = watched(command(folder, stars, 2))
    same = hashes(folder) == expected
    note("resumed", {**resumed, "same_files": same})
    shutil.rmtree(folder)
    statuses = [stage["status"] for stage in (whole, killed, resumed)]
    if statuses != [0, -signal.SIGKILL, 0]:
        raise SystemExit(f"expected the commands to end with 0, -9 and 0, got {statuses}")
    if not (same and 0 < kept < len(expected) - 1):
        raise SystemExit("the catalogue that was killed did not end as the other")


if __name__ == "__main__":
    main()
