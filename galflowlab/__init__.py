"""galflowlab: the extended distribution function of galaxies, learned and explored live."""

from galflowlab._version import __version__
from galflowlab.edf import EDF, load
from galflowlab.galaxy import Galaxy
from galflowlab.training import fit

__all__ = ["EDF", "Galaxy", "__version__", "fit", "load"]
