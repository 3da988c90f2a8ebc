"""Who keeps the processor busy: the kernel, the server, the browser, or somebody else."""

import contextlib
import time
from collections import Counter

import psutil

ROLES = {"ipykernel": "kernel", "chrom": "browser", "jupyter": "server"}


def _role(process):
    words = " ".join(process.cmdline())
    return next((role for part, role in ROLES.items() if part in words), "driver")


class Load:
    """Processor time spent since this was made."""

    def __init__(self):
        self._start = self._now()

    def since(self):
        """Seconds by program of ours; cores that other programs kept busy on average."""
        wall, busy, own = self._now()
        own.subtract(self._start[2])
        others = busy - self._start[1] - own.total()
        return dict(own), max(0.0, others) / (wall - self._start[0])

    def _now(self):
        total, own = psutil.cpu_times(), Counter()
        this = psutil.Process()
        for process in [this, *this.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                own[_role(process)] += sum(process.cpu_times()[:4])  # with ended children
        return time.monotonic(), sum(total) - total.idle - getattr(total, "iowait", 0.0), own
