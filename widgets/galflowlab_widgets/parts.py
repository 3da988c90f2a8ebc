"""What an app is made of."""

from __future__ import annotations

import ipywidgets as widgets


def parts(widget: widgets.Widget) -> list[widgets.Widget]:
    """A widget and all that it is made of, itself last."""
    inside = [part for child in getattr(widget, "children", ()) for part in parts(child)]
    own = [getattr(widget, name) for name in ("layout", "style") if hasattr(widget, name)]
    return [*inside, *own, widget]
