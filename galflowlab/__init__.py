"""galflowlab: the extended distribution function of galaxies, learned and explored live."""

from galflowlab._version import __version__

__all__ = ["__version__"]
