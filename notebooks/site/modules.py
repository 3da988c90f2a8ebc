"""Lists of modules with the first line of each."""

from __future__ import annotations

from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive
from layers import first_line
from quantities import table
from sphinx import addnodes
from sphinx.application import Sphinx


class Modules(Directive):
    """``{modules} Title`` with a name in each line: a section with a table of their pages."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar = {}

    def run(self) -> list[nodes.Node]:
        """Return the section, and the pages for the navigation."""
        title = self.arguments[0]
        env = self.state.document.settings.env
        folder = env.docname.rpartition("/")[0]
        entries = [(None, f"{folder}/{name}") for name in self.content]
        tree = addnodes.toctree(
            entries=entries,
            includefiles=[page for _, page in entries],
            parent=env.docname,
            caption=title,
            hidden=True,
            glob=False,
            maxdepth=1,
        )
        rows = [[_link(name, env.docname), nodes.Text(first_line(name))] for name in self.content]
        section = nodes.section("", nodes.title("", title), ids=[nodes.make_id(title)])
        section += [tree, table(["module", "what it is"], rows)]
        return [section]


def _link(module: str, docname: str) -> nodes.Node:
    text = nodes.literal("", module)
    return addnodes.pending_xref(
        "", text, refdomain="std", reftype="doc", reftarget=module, refdoc=docname, refexplicit=True
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("modules", Modules)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
