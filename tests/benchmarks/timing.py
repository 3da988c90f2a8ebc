"""How the benchmarks measure: CPU time, variants in turns, medians."""

import time

import numpy as np
import torch


def median_times(variants, repeats):
    """Median CPU seconds of each variant, interleaved.

    Parameters
    ----------
    variants
        Functions without arguments, by name.
    """
    times = {name: [] for name in variants}
    for work in variants.values():
        work()
    for _ in range(repeats):
        for name, work in variants.items():
            start = time.process_time()
            work()
            times[name].append(time.process_time() - start)
    return {name: float(np.median(t)) for name, t in times.items()}


def sgemm_rates(repeats):
    """Rates of single-precision matrix products in GFLOP/s."""
    shapes = {"64 x 64 x 4096": (64, 64, 4096, 100), "2048 cubed": (2048, 2048, 2048, 1)}
    variants = {}
    for name, (rows, inner, columns, count) in shapes.items():
        variants[name] = _products(rows, inner, columns, count)
    times = median_times(variants, repeats)
    return {
        name: 2e-9 * rows * inner * columns * count / times[name]
        for name, (rows, inner, columns, count) in shapes.items()
    }


def _products(rows, inner, columns, count):
    a, b, out = torch.randn(rows, inner), torch.randn(inner, columns), torch.empty(rows, columns)

    def work():
        for _ in range(count):
            torch.mm(a, b, out=out)

    return work
