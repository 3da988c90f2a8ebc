"""What a server and its kernels hold of the machine; read from /proc."""

import re
import time
from pathlib import Path

import psutil


def kernels(server):
    """Processes of the kernels of a server, by the kernels' ids."""
    found = {}
    for child in server.children(recursive=True):
        try:
            words = " ".join(child.cmdline())
        except psutil.ZombieProcess:  # has ended, but the server has not taken note
            found[child.pid] = child
            continue
        except psutil.NoSuchProcess:
            continue
        if "ipykernel_launcher" in words:
            found[re.search(r"kernel-([\w-]+)\.json", words)[1]] = child
    return found


def wait_for_kernels(server, count, seconds=30.0):
    """Wait until there are so many kernels; returns how many there are in the end."""
    deadline = time.monotonic() + seconds
    while (there := len(kernels(server))) != count and time.monotonic() < deadline:
        time.sleep(0.1)
    return there


def held(process):
    """Open files, sockets and pipes, and threads of a process."""
    return {"files": process.num_fds(), "threads": process.num_threads()}


def pss(process):
    """Memory of a process [MB]: what it shares with others is shared out among them."""
    for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ValueError(f"no Pss of process {process.pid}")
