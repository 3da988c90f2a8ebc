"""How the figures of the report look, and how they travel in its page."""

from __future__ import annotations

import base64
import io
import re

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

DATA = "#333333"
DATA_SHADES = ("#dcdcdc", "#b4b4b4", "#868686")  # outer to inner
MODEL = "#d55e00"  # vermillion of Okabe & Ito: apart from grey for every eye
FONT = 9.0  # points; the page shows figures at about their own size


def tidy(axes: Axes) -> None:
    """Thin frame and small ticks."""
    axes.tick_params(labelsize=FONT - 1, length=2.5, width=0.6, color=DATA)
    for spine in axes.spines.values():
        spine.set(linewidth=0.6, color=DATA)


_OUTLINES = re.compile(r'(?<= d=")[^"]*')
_HUNDREDTHS = re.compile(r"(\.\d\d)\d+")


def mathtext(label: str) -> str:
    """Label whose subscripts, such as in ``v_φ``, are set as such."""
    return re.sub(r"(\w)_(\w+)", r"$\\mathregular{\1_{\2}}$", label)


def svg(figure: Figure) -> str:
    """SVG of a figure, the same bytes every time and without anything external."""
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "galflowlab", "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None}, facecolor="white")
    # Laid out already: laid out again, axes would move a little.
    figure.set_layout_engine("none")
    # Hundredths of a point are finer than any screen, and six decimals make half of the file.
    return _OUTLINES.sub(lambda d: _HUNDREDTHS.sub(r"\1", d[0]), buffer.getvalue())


def data_uri(figure: Figure) -> str:
    """Figure as the address of an image inside the page."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg(figure).encode()).decode()
