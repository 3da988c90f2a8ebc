"""The explorer on a machine that has other things to do."""

import contextlib
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from galflowlab_widgets import Explorer

import galflowlab

MASSES = np.linspace(8.0, 11.0, 15)


@contextlib.contextmanager
def busy_cores():
    """Keep every core busy with something else."""
    count = os.cpu_count() or 1
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def drag(explorer):
    """Move through the masses; the pictures, and the seconds of the slowest."""
    pictures, slowest = [], 0.0
    for mass in MASSES:
        start = time.perf_counter()
        explorer.sliders["log10_mstar"].value = mass
        slowest = max(slowest, time.perf_counter() - start)
        pictures.append(explorer.canvas.pixels)
    return pictures, slowest


@pytest.mark.slow
def test_pictures_are_right_and_latency_bounded_while_all_cores_are_busy():
    edf = galflowlab.load("mock")
    alone, loaded = (Explorer(edf, n=60_000) for _ in range(2))
    # the contours of the nearest galaxy come when the hand rests, which load may make it do
    for explorer in (alone, loaded):
        explorer.view_panel.ghost.value = False
    expected, _ = drag(alone)
    assert alone.wait(60)
    with busy_cores():
        pictures, slowest = drag(loaded)
        assert loaded.wait(120)
    assert pictures == expected
    assert loaded.canvas.pixels == alone.canvas.pixels
    assert "60 000 stars · refined" in loaded.status.value
    assert slowest < 3  # a collapse of threads that wait for each other takes longer
    for explorer in (alone, loaded):
        explorer.close()
