"""Mock galaxies with an exactly known, normalised and stationary extended distribution function."""

from galflowlab.mocks.edf import MockEDF
from galflowlab.mocks.suite import MASS_RANGE, make_galaxy, make_suite

__all__ = ["MASS_RANGE", "MockEDF", "make_galaxy", "make_suite"]
