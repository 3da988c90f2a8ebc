"""What `galflowlab export` does."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

import galflowlab
from galflowlab.commands.inputs import require_folder
from galflowlab.commands.options import count


def add_to(sub: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    p = sub.add_parser(
        "export",
        help="write the explorer as one page that needs no kernel",
        description="Write the explorer as one HTML file, which needs neither a kernel nor a "
        "network: stars on a grid of masses and metallicities, interpolated by the browser. How "
        "far they are from the model is measured, printed and said on the page.",
    )
    p.add_argument("output", type=Path, help="explorer.html, which is replaced")
    p.add_argument("--model", default="mock", help="embedded name or file, default %(default)s")
    p.add_argument("--stars", type=count, help="number of stars, default 20000")
    p.add_argument("--seed", type=int, default=1, help="of the stars, default %(default)s")
    p.set_defaults(run=export)


def export(arguments: argparse.Namespace) -> None:
    """Write the page, and print its error."""
    output = arguments.output
    if output.suffix not in (".html", ".htm"):
        raise ValueError(f"{output}: a page is written as .html")
    require_folder(output)
    edf = galflowlab.load(arguments.model)
    # The apps are above this package: found by name when asked for, as `app` finds its notebook.
    page = import_module("galflowlab_widgets.page")
    error = page.write(edf, output, n=arguments.stars or page.STARS, seed=arguments.seed)
    print(f"{output}: {output.stat().st_size / 1e6:.1f} MB")
    median, most = (100 * value for value in error.position)
    print(
        f"interpolated stars are off by {median:.2g} % of the half-mass radius (median; 95 % of "
        f"them by less than {most:.2g} %), at {error.contexts} contexts between the grid's"
    )
