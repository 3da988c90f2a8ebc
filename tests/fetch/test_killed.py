"""A process that is killed while it fetches leaves nothing that looks whole."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.fetch.server import throttled

ROOT = Path(__file__).parents[2]

SCRIPT = """
import sys
from galflowlab.data import fetch
fetch(sys.argv[1], to=sys.argv[2], progress=False)
"""


def start(manifest, folder):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SCRIPT, manifest, folder]
    return subprocess.Popen(command, env=environment, preexec_fn=hear_interrupts)


def hear_interrupts():
    """Also if these tests are run in the background, where interrupts are ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
@pytest.mark.parametrize("how", ["SIGKILL", "SIGINT"])
def test_ended_and_run_again(server, get, here, tmp_path, how):
    content = np.random.default_rng(3).bytes(8_000_000)
    server.files = {"a.bin": content, "b.bin": b"small"}
    server.faults.extend([throttled(0.05)] * 2)
    (tmp_path / "test.toml").write_text(server.text())
    partial = tmp_path / "data" / ".a.bin.partial"
    process = start(tmp_path / "test.toml", tmp_path / "data")
    try:
        for _ in range(3000):
            if partial.exists() and partial.stat().st_size > 500_000:
                break
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(getattr(signal, how))
        assert process.wait(20) != 0
    finally:
        process.kill()
        process.wait()
    assert "a.bin" not in here()
    visible = [name for name in here() if not name.startswith(".")]
    assert visible in ([], ["b.bin"])
    have = partial.stat().st_size
    assert 0 < have < len(content)

    server.faults.clear()
    server.seen.clear()
    again = start(tmp_path / "test.toml", tmp_path / "data")
    assert again.wait(120) == 0
    assert f"bytes={have}-" in server.ranges_asked
    assert (tmp_path / "data" / "a.bin").read_bytes() == content
    assert here() == ["a.bin", "b.bin"]
    assert get(offline=True) == [tmp_path / "data" / "a.bin", tmp_path / "data" / "b.bin"]


@pytest.mark.slow
def test_two_processes_at_once(server, here, tmp_path):
    server.files = {"a.bin": bytes(3_000_000), "b.bin": b"small"}
    (tmp_path / "test.toml").write_text(server.text())
    running = [start(tmp_path / "test.toml", tmp_path / "data") for _ in range(2)]
    assert [process.wait(120) for process in running] == [0, 0]
    assert sorted(server.asked) == ["a.bin", "b.bin"]
    assert here() == ["a.bin", "b.bin"]
