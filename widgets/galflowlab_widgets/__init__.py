"""Apps for JupyterLab and Voila: drag the context of a galaxy, and watch a training."""

from galflowlab_widgets.explorer import Explorer
from galflowlab_widgets.references import GalaxyReferences
from galflowlab_widgets.training_monitor import TrainingMonitor

__all__ = ["Explorer", "GalaxyReferences", "TrainingMonitor"]
