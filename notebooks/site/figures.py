"""Words for the figures of tutorials: what is drawn is said by the heading and the text around."""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx


def _describe(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for output in doctree.findall(nodes.container):
        if "cell_output" not in output["classes"]:
            continue
        for image in output.findall(nodes.image):
            section = next(_sections_around(output)).next_node(nodes.title)
            image.setdefault("alt", f"Figure: {section.astext()}")


def _sections_around(node: nodes.Node):
    while node := node.parent:
        if isinstance(node, nodes.section):
            yield node


def setup(app: Sphinx) -> dict[str, bool]:
    """Describe figures once outputs are chosen."""
    app.connect("doctree-resolved", _describe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
