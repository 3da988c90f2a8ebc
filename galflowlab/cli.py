"""Command line: ``galflowlab {lab,app,mock,fetch,data,prepare,train,convert,sample,…}``."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from galflowlab._version import __version__
from galflowlab.commands import (
    basic,
    convert,
    crossval,
    data,
    evaluate,
    export,
    population,
    prepare,
    sample,
    servers,
    train,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; errors end in one line on stderr and exit status 2."""
    words = list(sys.argv[1:] if argv is None else argv)
    own, passed_on = words, []
    if "--" in words:
        own, passed_on = words[: words.index("--")], words[words.index("--") + 1 :]
    parser = make_parser()
    arguments = parser.parse_args(own)
    if passed_on and arguments.run not in (servers.lab, servers.app):
        parser.error(f"{arguments.command} passes nothing on: {' '.join(passed_on)}")
    arguments.passed_on, arguments.words = passed_on, words
    usual, warnings.formatwarning = warnings.formatwarning, _warned
    try:
        code = arguments.run(arguments) or 0
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever read, such as head, has enough
        # Python flushes once more at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, OSError, ImportError, FloatingPointError) as error:
        print(f"galflowlab {arguments.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    finally:
        warnings.formatwarning = usual


def _warned(message: Warning | str, *_: Any, **__: Any) -> str:
    """One line, without the place in our source."""
    return f"warning: {message}\n"


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands; arguments that it returns have a `run` to call with them."""
    parser = argparse.ArgumentParser(prog="galflowlab", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    sub = parser.add_subparsers(dest="command", required=True, metavar="command")
    servers.add_to(sub)
    basic.add_mock(sub)
    data.add_to(sub)
    prepare.add_to(sub)
    train.add_to(sub)
    convert.add_to(sub)
    sample.add_to(sub)
    population.add_to(sub)
    export.add_to(sub)
    evaluate.add_to(sub)
    crossval.add_to(sub)
    basic.add_info(sub)
    return parser


if __name__ == "__main__":
    sys.exit(main())
