"""The reference of the command line, made from the parser that reads it."""

from __future__ import annotations

import argparse
from functools import partial
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive
from quantities import table
from sphinx.application import Sphinx

from galflowlab.cli import make_parser


def sections(parser: argparse.ArgumentParser) -> list[nodes.section]:
    """One section for each command, in the order of ``--help``."""
    (commands,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    helps = {choice.dest: choice.help for choice in commands._choices_actions}
    return [_section(name, helps[name], sub) for name, sub in commands.choices.items()]


def _section(name: str, short: str | None, parser: argparse.ArgumentParser) -> nodes.section:
    section = nodes.section(ids=[f"galflowlab-{name}"], names=[f"galflowlab-{name}"])
    section += nodes.title("", "", nodes.literal("", f"galflowlab {name}"))
    section += nodes.paragraph("", _sentence(parser.description or short or ""))
    section["support_smartquotes"] = False  # they would make a dash of the -- before an option
    parser.formatter_class = partial(argparse.HelpFormatter, width=78)
    usage = parser.format_usage().removeprefix("usage: ").rstrip().replace("\n       ", "\n")
    section += nodes.literal_block(usage, usage, language="none")
    formatter = parser._get_formatter()
    rows: list[list[nodes.Node]] = [
        [nodes.literal("", _synopsis(action)), nodes.Text(formatter._expand_help(action))]
        for action in parser._actions
        if not isinstance(action, argparse._HelpAction)
    ]
    if rows:
        section += table(["argument", "meaning"], rows)
    return section


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "…")) else ".")


def _synopsis(action: argparse.Action) -> str:
    """How it is written: ``-o, --output OUTPUT``."""
    formatter = argparse.HelpFormatter("galflowlab", width=1000)
    return formatter._format_action_invocation(action)


class Commands(Directive):
    """``{commands}``: all of them."""

    option_spec: ClassVar = {}

    def run(self) -> list[nodes.Node]:
        """Return their sections."""
        found = sections(make_parser())
        for section in found:
            self.state.document.note_explicit_target(section, section)
        return list(found)


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
