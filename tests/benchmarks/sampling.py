"""Speed as ratios measured in one run: ``make bench``.

Plain and frozen sampling end in physical units, the baseline in flow coordinates, which favours
the baseline. Variants take turns in one process on one thread; medians of CPU time are
compared, because absolute times drift with whatever else the machine does.
"""

import argparse
import json
import time
from pathlib import Path

import normflows as nf
import numpy as np
import torch

from galflowlab import mocks
from galflowlab.flow.architectures import PRESETS
from galflowlab.flow.frozen import FrozenModel
from galflowlab.training_run import Run
from galflowlab.training_set import TrainingSet

BASELINE = "normflows spline 8x64"


def plain_spline(features, contexts):
    """The `spline` preset as normflows alone builds it."""
    layers = []
    for i in range(8):
        layers.append(nf.flows.LULinearPermute(features))
        layers.append(
            nf.flows.CoupledRationalQuadraticSpline(
                features, 1, 64, num_context_channels=contexts, reverse_mask=bool(i % 2)
            )
        )
    return nf.ConditionalNormalizingFlow(nf.distributions.DiagGaussian(features, False), layers)


def median_times(variants, repeats):
    """Median CPU seconds of each variant, interleaved."""
    times = {name: [] for name in variants}
    for work in variants.values():
        work()
    for _ in range(repeats):
        for name, work in variants.items():
            start = time.process_time()
            work()
            times[name].append(time.process_time() - start)
    return {name: float(np.median(t)) for name, t in times.items()}


def untrained(data, preset):
    """Runs whose weights are shaken off the identity; speed does not depend on training."""
    run = Run(data, data, preset=preset, seed=1, batch=1024, n_steps=10**6, learning_rate=1e-4)
    with torch.no_grad():
        for parameter in run.model.flow.parameters():
            parameter += 0.01 * torch.randn_like(parameter)
    return run


def train_step(flow, x, context):
    optimiser = torch.optim.AdamW(flow.parameters(), lr=1e-4)

    def work():
        loss = -flow.log_prob(x, context).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    return work


def main():
    """Print stars per CPU second and ratios to the baseline; write them as JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stars", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = TrainingSet.from_galaxies(mocks.make_suite(12, 2000, seed=1, scatter=0.0))
    runs = {preset: untrained(data, preset) for preset in sorted(PRESETS)}
    n = arguments.stars
    row = data.context[:1]
    noise = torch.randn(n, len(data.columns))
    context = torch.zeros(n, len(data.context_names))
    plain = plain_spline(noise.shape[1], context.shape[1])
    plain.load_state_dict(runs["spline"].model.flow.state_dict())

    def in_chunks(work):
        def whole():
            with torch.inference_mode():
                for i in range(0, n, 4096):
                    work(noise[i : i + 4096])

        return whole

    sampling = {BASELINE: lambda: plain.sample(n, context)}
    for preset, run in runs.items():
        sampling[f"{preset}, plain"] = in_chunks(lambda z, model=run.model: model.inverse(z, row))
        sampler = FrozenModel(run.model).at(row)
        sampling[f"{preset}, frozen"] = in_chunks(lambda z, at=sampler: at(z.T, data.columns))
    x, c = noise[:1024], context[:1024]
    training = {BASELINE: train_step(plain, x, c)}
    training |= {preset: train_step(run.model.flow, x, c) for preset, run in runs.items()}
    result = {}
    for kind, variants, count in (("sampling", sampling, n), ("training", training, len(x))):
        times = median_times(variants, arguments.repeats)
        result[kind] = {
            name: {"stars_per_cpu_second": count / t, "ratio": times[BASELINE] / t}
            for name, t in times.items()
        }
        print(f"{kind:<28} {'stars/CPU-s':>12} {'ratio':>7}")
        for name, entry in result[kind].items():
            print(f"  {name:<26} {entry['stars_per_cpu_second']:12,.0f} {entry['ratio']:7.2f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
