"""Apps for JupyterLab and Voila: explore, compare, look from inside, and watch a training."""

from galflowlab_widgets.compare import Compare
from galflowlab_widgets.explorer import Explorer
from galflowlab_widgets.references import GalaxyReferences
from galflowlab_widgets.sky_view import SkyView
from galflowlab_widgets.training_monitor import TrainingMonitor

__all__ = ["Compare", "Explorer", "GalaxyReferences", "SkyView", "TrainingMonitor"]
