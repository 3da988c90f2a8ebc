"""A button that copies text in the browser."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets


class CopyButton(anywidget.AnyWidget):
    """Copies `text` to the clipboard; shows it for copying by hand where that is forbidden."""

    _esm = Path(__file__).parent / "static" / "copy_button.js"

    text = traitlets.Unicode().tag(sync=True)
    label = traitlets.Unicode("copy code").tag(sync=True)
    title = traitlets.Unicode("the Python that makes this galaxy").tag(sync=True)
