"""Formulas as MathML, which browsers draw themselves: no script has to be fetched."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging

_LOGGER = logging.getLogger(__name__)
_SIZE = re.compile(r"\\[bB]igg?[lrm]?(?![a-zA-Z])")  # brackets of MathML grow by themselves


def mathml(formula: str, *, block: bool) -> str:
    """Return a formula of TeX as MathML.

    Raises
    ------
    ValueError
        For TeX that docutils does not know.
    """
    plain = _SIZE.sub("", formula)
    if plain[:1] in ("_", "^"):
        plain = "{}" + plain  # docutils wants something that the index hangs on
    try:
        return tex2mathml(plain, as_block=block)
    except MathError as error:
        raise ValueError(f"formula {formula!r}: {error}") from error


def _drawn(node: nodes.Element, *, block: bool) -> str:
    try:
        return mathml(node.astext(), block=block)
    except ValueError as error:
        _LOGGER.warning(str(error), location=node)
        return f"<code>{escape(node.astext())}</code>"


def _inline(writer: Any, node: nodes.math) -> None:
    writer.body.append(_drawn(node, block=False))
    raise nodes.SkipNode


def _block(writer: Any, node: nodes.math_block) -> None:
    writer.body.append(f'<div class="math">{_drawn(node, block=True)}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer and make it the one in use."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
