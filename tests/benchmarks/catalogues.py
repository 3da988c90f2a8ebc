"""Stars per CPU second onto disk, beside those of the frozen sampler: part of ``make bench``.

    python -m tests.benchmarks.catalogues [--json FILE]

One process writes a catalogue, with all that belongs to it: noise, stars, compression, checksums
and folder. The sampler maps noise that it has to columns that it keeps, and does nothing else.
"""

import argparse
import json
import os
import shutil
import tempfile
from pathlib import Path

import galflowlab
from galflowlab.catalogues import write_catalogue
from tests.benchmarks.timing import median_times

CONTEXT = {"log10_mstar": 10.0}
STARS = 1 << 20


def rates(edf, repeats):
    """Print and return stars per CPU second of both, and the ratio."""
    frozen = edf.freeze(CONTEXT, n=STARS // 4, seed=1)
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "catalogue"

        def write():
            shutil.rmtree(output, ignore_errors=True)
            write_catalogue(edf, STARS, CONTEXT, output, seed=1, progress=False)

        times = median_times({"frozen": frozen.arrays, "catalogue": write}, repeats)
        size = sum(path.stat().st_size for path in output.iterdir())
    sampler, catalogue = len(frozen) / times["frozen"], STARS / times["catalogue"]
    result = {
        "frozen_stars_per_cpu_second": sampler,
        "catalogue_stars_per_cpu_second": catalogue,
        "ratio": catalogue / sampler,
        "bytes_per_star": size / STARS,
    }
    print(
        f"\ncatalogue on disk: {catalogue:,.0f} stars/CPU-s of {edf.preset}, "
        f"{result['ratio']:.2f} of the frozen sampler, {result['bytes_per_star']:.1f} bytes a star"
    )
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
