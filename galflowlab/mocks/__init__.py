"""Mock galaxies with an exactly known, normalised and stationary extended distribution function."""

from galflowlab.mocks.edf import MockEDF
from galflowlab.mocks.remake import is_mock_name, remake
from galflowlab.mocks.suite import MASS_RANGE, make_galaxy, make_suite, suite_members

__all__ = [
    "MASS_RANGE",
    "MockEDF",
    "is_mock_name",
    "make_galaxy",
    "make_suite",
    "remake",
    "suite_members",
]
