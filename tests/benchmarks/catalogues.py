"""Stars per second onto disk, beside those of the frozen sampler: part of ``make bench``.

    python -m tests.benchmarks.catalogues [--json FILE]

One process writes a catalogue, with all that belongs to it: noise, stars, compression, checksums
and folder; and a population of small galaxies, with their files and table. Ratios are of CPU time;
by the clock a disk may be slower, as every file is on it before it has its name. The sampler maps
noise that it has to columns that it keeps, and does nothing else.
"""

import argparse
import json
import os
import shutil
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

import galflowlab
from galflowlab.catalogues import draw_contexts, write_catalogue, write_galaxies
from tests.benchmarks.timing import median_times

CONTEXT = {"log10_mstar": 10.0}
STARS = 1 << 20
GALAXIES, EACH = 60, 10_000


def rates(edf, repeats):
    """Print and return stars per second of CPU and clock, and ratios to the frozen sampler."""
    frozen = edf.freeze(CONTEXT, n=STARS // 4, seed=1)
    contexts = draw_contexts(edf.population, GALAXIES, seed=1)
    clock = {"catalogue": [], "population": []}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)

        def write(name, writer, *arguments):
            shutil.rmtree(folder / name, ignore_errors=True)
            started = time.perf_counter()
            writer(edf, *arguments, folder / name, seed=1, progress=False)
            clock[name].append(time.perf_counter() - started)

        variants = {
            "frozen": frozen.arrays,
            "catalogue": partial(write, "catalogue", write_catalogue, STARS, CONTEXT),
            "population": partial(write, "population", write_galaxies, contexts, EACH),
        }
        times = median_times(variants, repeats)
        size = sum(path.stat().st_size for path in (folder / "catalogue").iterdir())
    sampler = len(frozen) / times["frozen"]
    result = {"frozen_stars_per_cpu_second": sampler, "bytes_per_star": size / STARS}
    for name, stars in (("catalogue", STARS), ("population", GALAXIES * EACH)):
        rate, by_clock = stars / times[name], stars / float(np.median(clock[name]))
        result |= {
            f"{name}_stars_per_cpu_second": rate,
            f"{name}_stars_per_second": by_clock,
            "ratio" if name == "catalogue" else f"{name}_ratio": rate / sampler,
        }
        print(
            f"\n{name} on disk: {rate:,.0f} stars/CPU-s of {edf.preset}, "
            f"{rate / sampler:.2f} of the frozen sampler; {by_clock:,.0f} stars/s by the clock"
        )
    print(f"{result['bytes_per_star']:.1f} bytes a star")
    return result


def main():
    """Measure the embedded models alone; write the results as JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"  # one worker draws
    models = {"live": "mock", "accurate": "mock_accurate"}
    result = {
        preset: rates(galflowlab.load(name), arguments.repeats) for preset, name in models.items()
    }
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
