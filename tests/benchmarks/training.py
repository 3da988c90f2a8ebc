"""Training throughput: steps of 1024 stars, with normflows' spline as the baseline."""

import copy
import shutil

import torch

from galflowlab.flow import layers
from tests.benchmarks import baseline


def train_step(flow, x, context):
    optimiser = torch.optim.AdamW(flow.parameters(), lr=1e-4)

    def work():
        loss = -flow.log_prob(x, context).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    return work


def with_compiled_spline(work):
    """Let a step evaluate its splines with `torch.compile`."""
    plain, compiled = layers.mask_free_spline, torch.compile(layers.mask_free_spline)

    def patched():
        layers.mask_free_spline = compiled
        try:
            work()
        finally:
            layers.mask_free_spline = plain

    return patched


def variants(edfs, plain, batch):
    """Training steps by name; prints what cannot be measured here.

    Parameters
    ----------
    edfs
        Trained models by preset; copies are trained on.
    plain
        The normflows baseline.
    """
    x, context = torch.randn(batch, 10), torch.zeros(batch, 4)
    flows = {name: copy.deepcopy(edf._model.flow).train() for name, edf in edfs.items()}
    for flow in flows.values():
        flow.requires_grad_(True)
    steps = {baseline.NAME: train_step(plain, x, context)}
    steps |= {name: train_step(flow, x, context) for name, flow in flows.items()}
    if not (shutil.which("g++") or shutil.which("clang++")):
        print("our spline 8x64, compiled: skipped, torch.compile needs a C++ compiler")
        return steps
    step = with_compiled_spline(train_step(copy.deepcopy(flows[baseline.OURS]), x, context))
    try:
        step()
    except Exception as error:  # whatever the compiler stack throws, the rest still counts
        reason = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        print(f"our spline 8x64, compiled: failed, {reason}")
        return steps
    return steps | {"our spline 8x64, compiled": step}
