"""References in docstrings: `EDF.sample` in one module means that of another.

Docstrings name things as a reader does, without the module. A name that fits exactly one
documented object links to it; any other is shown as code, as it is in a terminal.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pydoc import locate

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.nodes import make_refnode


def fitting(name: str, known: Iterable[str]) -> str | None:
    """The documented name that ends in `.name`; the shortest, if several are the same object."""
    fits = sorted((full for full in known if full.endswith(f".{name}")), key=len)
    objects = {id(locate(full)) for full in fits}
    return fits[0] if len(objects) == 1 else None


def _resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.Node
) -> nodes.Node | None:
    if node.get("refdomain") != "py":
        return None
    known = env.domains["py"].objects  # type: ignore[attr-defined]
    own = ".".join(filter(None, (node.get("py:module"), node.get("reftarget"))))
    name = own if own in known else fitting(node["reftarget"], known)
    if name is None:
        return None
    entry = known[name]
    return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, content, name)


def constant_docstring(name: str, value: object) -> list[str]:
    """What is written below a constant in the module that defines it, wherever it is imported."""
    for module in [m for m in sys.modules if m.startswith("galflowlab")]:
        if getattr(sys.modules[module], name, None) is value and not callable(value):
            written = ModuleAnalyzer.for_module(module).find_attr_docs()
            if ("", name) in written:
                return list(written["", name])
    return []


def constants(module: str, thing: object) -> list[str]:
    """Those that a module describes, or offers as its own though another describes them."""
    own = [name for of, name in ModuleAnalyzer.for_module(module).find_attr_docs() if not of]
    names = getattr(thing, "__all__", [name for name in own if not name.startswith("_")])
    return [name for name in names if constant_docstring(name, getattr(thing, name))]


def _read(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    if what == "module":
        for constant in constants(name, thing):
            lines += ["", f".. autodata:: {name}.{constant}", "   :no-value:", ""]
    if what == "data":
        lines[:] = constant_docstring(name.rsplit(".", 1)[-1], thing)
    for i, line in enumerate(lines):
        parts = line.split("``")  # |z| is mathematics; in reStructuredText, a substitution
        parts[::2] = [re.sub(r"\|([^|\s]+)\|", r"\\|\1\\|", part) for part in parts[::2]]
        lines[i] = "``".join(parts)


def _skip(
    app: Sphinx, what: str, name: str, thing: object, skip: bool, options: object
) -> bool | None:
    """Constants are documented by `_read`: as members their whole values would be shown."""
    return True if what == "module" and not callable(thing) else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Resolve what Sphinx itself does not find, and read docstrings as plain text is read."""
    app.connect("autodoc-process-docstring", _read, priority=400)  # before napoleon
    app.connect("autodoc-skip-member", _skip)
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
