"""Options of the commands that can draw with several processes or on a cluster."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from galflowlab.commands.options import count
from galflowlab.files import one_line

if TYPE_CHECKING:
    from distributed import Client

_TIMEOUT = 10  # s for a scheduler to answer


def add_workers(p: argparse.ArgumentParser) -> None:
    """Add the options to a command."""
    where = p.add_mutually_exclusive_group()
    where.add_argument("--workers", type=count, default=1, help="processes, default %(default)s")
    where.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="of a Dask cluster, as tcp://host:8786, whose workers all see the output folder",
    )
    p.add_argument("--quiet", action="store_true", help="no progress bar")


@contextlib.contextmanager
def cluster(address: str | None) -> Iterator[Client | None]:
    """A client of the Dask scheduler at an address; none without one.

    Raises
    ------
    ImportError
        If Dask is not installed.
    OSError
        If no scheduler answers within ten seconds.
    ValueError
        If it is not an address.
    """
    if address is None:
        yield None
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise ImportError(
            f"--scheduler needs Dask: pip install 'galflowlab[cluster]' ({error})"
        ) from error
    try:
        asyncio.run(_answered(address))
        client = Client(address, timeout=_TIMEOUT, set_as_default=False)
    except OSError as error:
        raise OSError(f"{address}: no Dask scheduler answers ({one_line(error)})") from error
    except ValueError as error:
        raise ValueError(f"{address}: expected an address as tcp://host:port ({error})") from error
    with client:
        if not client.scheduler_info()["workers"]:
            print(f"{address}: no workers yet, waiting", file=sys.stderr)
        yield client


async def _answered(address: str) -> None:
    """Raise TimeoutError unless a scheduler shakes hands; a client would wait for that forever."""
    from distributed.comm import connect

    comm = await asyncio.wait_for(connect(address, timeout=_TIMEOUT), _TIMEOUT)
    await comm.close()
