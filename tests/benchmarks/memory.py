"""Peak memory of a galaxy of millions of stars, measured in a process of its own."""

import json
import subprocess
import sys

PROGRAM = """
import json, resource, sys, time
import galflowlab
n, total, weighted = int(sys.argv[1]), 0, 0.0
edf = galflowlab.load("mock")
start, cpu = time.perf_counter(), time.process_time()
for block in edf.stream(n, {"log10_mstar": 10.0}, seed=1):
    total += len(block["x"])
    weighted += float((block["mass"] * block["age"]).sum(dtype=float))
unit = 1 if sys.platform == "darwin" else 1024  # bytes, or kilobytes elsewhere
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
print(json.dumps({
    "stars": total, "mean_age": weighted / 1e10, "peak_bytes": peak,
    "seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu,
}))
"""


def stream(n):
    """Draw `n` stars of the embedded model and keep only their mean age."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(n)], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)
