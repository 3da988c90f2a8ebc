"""Tables of the columns and contexts that the package knows, made from the package itself."""

from __future__ import annotations

import importlib
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx


def table(head: list[str], rows: list[list[nodes.Node]]) -> nodes.table:
    """Return a table of cells with inline content."""
    group = nodes.tgroup(cols=len(head))
    group += [nodes.colspec(colwidth=1) for _ in head]
    group += nodes.thead("", _row([nodes.Text(word) for word in head]))
    group += nodes.tbody("", *map(_row, rows))
    return nodes.table("", group)


def _row(cells: list[nodes.Node]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells))


class Quantities(Directive):
    """``{quantities} galflowlab.schema.COLUMNS``: name, unit and meaning of each entry."""

    required_arguments = 1
    option_spec: ClassVar = {}

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        module, name = self.arguments[0].rsplit(".", 1)
        known = getattr(importlib.import_module(module), name)
        rows = [
            [nodes.literal("", q.name), nodes.Text(q.unit_text or "–"), nodes.Text(q.description)]
            for q in known.values()
        ]
        return [table(["name", "unit", "meaning"], rows)]


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("quantities", Quantities)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
