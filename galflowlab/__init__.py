"""galflowlab: the extended distribution function of galaxies, learned and explored live."""

from galflowlab import mocks
from galflowlab._version import __version__
from galflowlab.data import prepare, read
from galflowlab.edf import EDF, load
from galflowlab.galaxy import Galaxy
from galflowlab.training import fit

__all__ = ["EDF", "Galaxy", "__version__", "fit", "load", "mocks", "prepare", "read"]
