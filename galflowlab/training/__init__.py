"""Training: galaxies or a store in, eDF out."""

from galflowlab.training.fitting import FewStarsWarning, fit
from galflowlab.training.reports import Progress

__all__ = ["FewStarsWarning", "Progress", "fit"]
