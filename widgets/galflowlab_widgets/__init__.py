"""Apps for JupyterLab and Voila: drag the context of a galaxy and watch it change."""

from galflowlab_widgets.explorer import Explorer
from galflowlab_widgets.references import GalaxyReferences

__all__ = ["Explorer", "GalaxyReferences"]
