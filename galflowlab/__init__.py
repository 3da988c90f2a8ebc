"""galflowlab: the extended distribution function of galaxies, learned and explored live."""

from galflowlab import mocks
from galflowlab._version import __version__
from galflowlab.data import prepare, read
from galflowlab.edf import EDF
from galflowlab.galaxy import Galaxy
from galflowlab.loading import load
from galflowlab.population import ExtrapolationWarning
from galflowlab.training import FewStarsWarning, fit

__all__ = [
    "EDF",
    "ExtrapolationWarning",
    "FewStarsWarning",
    "Galaxy",
    "__version__",
    "fit",
    "load",
    "mocks",
    "prepare",
    "read",
]
