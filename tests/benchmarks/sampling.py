"""Speed as ratios measured in one run: ``make bench``.

Plain and frozen sampling end in physical units, the baseline in flow coordinates, which favours
the baseline. Variants take turns in one process on one thread; medians of CPU time are
compared, because absolute times drift with whatever else the machine does.
"""

import argparse
import json
import os
from pathlib import Path

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

import galflowlab
from galflowlab import mocks
from galflowlab.flow.architectures import PRESETS
from tests.benchmarks import baseline, catalogues, memory, training
from tests.benchmarks.timing import median_times, sgemm_rates

CONTEXT = {"log10_mstar": 10.0}
BATCH = 1024


def models():
    """Models by preset: embedded ones, briefly trained ones; and the baseline in our layers."""
    suite = mocks.make_suite(12, 4000, seed=1, scatter=0.0)
    recipe = {"seed": 1, "batch": 512, "progress": False}
    live = galflowlab.load("mock")
    return {
        "live": live,
        "accurate": galflowlab.load("mock_accurate"),
        "density": galflowlab.fit(suite, preset="density", stars_seen=20_000, **recipe),
        "paper": galflowlab.fit(suite, preset="paper", stars_seen=5_000, **recipe),
        baseline.OURS: baseline.with_our_spline(live),
    }


def plain_sampling(edf, noise):
    row = torch.from_numpy(edf.population.row(CONTEXT))

    @torch.inference_mode()
    def work():
        for i in range(0, len(noise), 4096):
            edf._model.inverse(noise[i : i + 4096], row)

    return work


def flops_per_star(frozen):
    """Of all matrix products of the folded model."""
    with FlopCounterMode(display=False) as counter:
        frozen._at.sampler.drawing(("x",))(frozen._noise[:, :1000])
    return counter.get_total_flops() / 1000


@torch.inference_mode()
def agreement(edf, frozen):
    """Largest differences in units of the standardised flow, starting from physical columns.

    Returns
    -------
    dict
        ``plain``: of the coordinates from those of the plain path; ``round_trip``: of the
        noise that the stars lead back to from the noise they came from.
    """
    row = torch.from_numpy(edf.population.row(CONTEXT))
    standard = edf._model.context_transform(row)
    drawn, noise = frozen.arrays(), frozen._noise.T
    stars = torch.from_numpy(np.column_stack([drawn[name] for name in edf.columns])).double()
    plain = edf._model.flow(noise, standard.float().expand(len(noise), -1))
    coordinates, _ = edf._model.star_transform(stars, standard)
    back, _ = edf._model(stars, row)
    return {
        "plain": float((coordinates - plain).abs().max()),
        "round_trip": float((back - noise).abs().max()),
    }


def table(kind, times, count):
    """Print and return stars per CPU second and ratios to the baseline."""
    rows = {
        name: {"stars_per_cpu_second": count / t, "ratio": times[baseline.NAME] / t}
        for name, t in times.items()
    }
    print(f"\n{kind:<28} {'stars/CPU-s':>12} {'ratio':>7}")
    for name, row in rows.items():
        print(f"  {name:<26} {row['stars_per_cpu_second']:12,.0f} {row['ratio']:7.2f}")
    return rows


def frozen_table(edfs, galaxies, sampling, rates, repeats):
    """Print and return what only frozen sampling has, by preset."""
    updates = {name: lambda g=g: g.update(CONTEXT) for name, g in galaxies.items()}
    updates = median_times(updates, 3 * repeats)
    head = ("x plain", "update ms", "kFLOP/star", "of sgemm", "vs plain", "round trip")
    print(f"\n{'frozen':<18}" + "".join(f"{name:>12}" for name in head))
    rows = {}
    for name, galaxy in galaxies.items():
        speed = sampling[f"{name}, frozen"]["stars_per_cpu_second"]
        flops, errors = flops_per_star(galaxy), agreement(edfs[name], galaxy)
        rows[name] = {
            "ratio_to_plain": speed / sampling[f"{name}, plain"]["stars_per_cpu_second"],
            "update_ms": 1e3 * updates[name],
            "flops_per_star": flops,
            "fraction_of_sgemm": 1e-9 * flops * speed / rates["64 x 64 x 4096"],
            "largest_difference": errors,
        }
        r = rows[name]
        print(
            f"  {name:<16}{r['ratio_to_plain']:12.2f}{r['update_ms']:12.2f}{flops / 1e3:12.1f}"
            f"{r['fraction_of_sgemm']:12.2f}{errors['plain']:12.1e}{errors['round_trip']:12.1e}"
        )
    return rows


def main():
    """Print stars per CPU second and ratios to the baseline; write them as JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stars", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--streamed", type=int, default=10_000_000, help="0: no streaming")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"  # one worker draws, here and in the subprocess
    torch.set_num_threads(1)
    result = {}
    if arguments.streamed:  # first: the peak of a child counts its parent's size when it starts
        result["stream"] = s = memory.stream(arguments.streamed)
        print(
            f"stream of {s['stars']:,} stars: peak {s['peak_bytes'] / 1e6:.0f} MB, "
            f"{s['stars'] / s['cpu_seconds']:,.0f} stars/CPU-s, mean age {s['mean_age']:.3f} Gyr"
        )
    n, repeats = arguments.stars, arguments.repeats
    edfs = models()
    assert set(edfs) == {*PRESETS, baseline.OURS}, "a preset is not measured"
    galaxies = {name: edf.freeze(CONTEXT, n=n, seed=1) for name, edf in edfs.items()}
    plain = baseline.plain_spline(10, 4)
    plain.load_state_dict(edfs[baseline.OURS]._model.flow.state_dict())

    context = torch.zeros(n, 4)
    noise = torch.randn(n, 10)
    variants = {baseline.NAME: lambda: plain.sample(n, context)}
    for name, edf in edfs.items():
        variants[f"{name}, plain"] = plain_sampling(edf, noise)
        variants[f"{name}, frozen"] = galaxies[name].arrays
    result["sampling"] = table("sampling", median_times(variants, repeats), n)
    result["sgemm_gflops"] = rates = sgemm_rates(repeats)
    for name, rate in rates.items():
        print(f"  sgemm {name:<20} {rate:12.0f} GFLOP/s")
    result["frozen"] = frozen_table(edfs, galaxies, result["sampling"], rates, repeats)
    result["catalogue"] = catalogues.rates(edfs["live"], repeats)
    steps = training.variants(edfs, plain, BATCH)
    result["training"] = table("training", median_times(steps, repeats), BATCH)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
