"""Apps for JupyterLab and Voila: drag the context of a galaxy and watch it change."""

from galflowlab_widgets.explorer import Explorer

__all__ = ["Explorer"]
