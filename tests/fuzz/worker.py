"""Opens damaged files, one after another, and writes down what should not have happened.

    python -m tests.fuzz.worker SEED_FILE FOLDER FIRST LAST PROGRESS

One JSON line on stdout for each unexpected outcome. PROGRESS takes the number of the case at
hand, so that whoever started this knows which one it did not survive.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

from tests.fuzz.damage import damaged
from tests.fuzz.seeds import opener_of

SEED = 20_260
CPU_SECONDS = 5.0
MORE_MEMORY = 1 << 30  # bytes that opening a small file may take
FORBIDDEN = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "subprocess.Popen",
    "socket.connect",
)


class Hang(BaseException):
    """Opening a file took too long."""


class Executed(BaseException):
    """Opening a file ran something."""


def main(seed_file: Path, folder: Path, first: int, last: int, progress: Path) -> None:
    """Open cases `first` to `last` - 1."""
    warnings.simplefilter("ignore")
    open_file = opener_of(seed_file)
    target = folder / seed_file.name
    target.write_bytes(seed_file.read_bytes())
    open_file(target)  # whole; imports what is needed
    signal.signal(signal.SIGPROF, _hang)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MORE_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    sys.addaudithook(_forbid)
    for case in range(first, last):
        progress.write_text(str(case))
        target.write_bytes(damaged(seed_file, SEED, case))
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        try:
            open_file(target)
        except (ValueError, OSError) as error:
            _check_message(case, error)
        except BaseException as error:
            _tell(case, error)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)


def _check_message(case: int, error: Exception) -> None:
    text = str(error)
    if not text.strip() or "\n" in text or len(text) > 1000:
        _tell(case, error, "is not one sentence")


def _tell(case: int, error: BaseException, what: str = "") -> None:
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else ""
    print(
        json.dumps({"case": case, "error": repr(error)[:500], "what": what, "where": where}),
        flush=True,
    )


def _hang(number: int, frame: Any) -> None:
    raise Hang(f"more than {CPU_SECONDS} CPU seconds")


def _forbid(event: str, arguments: tuple[Any, ...]) -> None:
    if event.startswith(FORBIDDEN):
        raise Executed(f"{event} {arguments}")


if __name__ == "__main__":
    main(
        Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5])
    )
