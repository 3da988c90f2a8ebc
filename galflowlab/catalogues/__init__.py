"""Catalogues of any number of stars: one galaxy in parts, or a population, a file per galaxy."""

from galflowlab.catalogues.contexts import draw_contexts, star_counts
from galflowlab.catalogues.folder import Catalogue
from galflowlab.catalogues.galaxies import write_galaxies
from galflowlab.catalogues.mass_functions import MASS_FUNCTIONS, MassFunction
from galflowlab.catalogues.writing import PARTITION, write_catalogue

__all__ = [
    "MASS_FUNCTIONS",
    "PARTITION",
    "Catalogue",
    "MassFunction",
    "draw_contexts",
    "star_counts",
    "write_catalogue",
    "write_galaxies",
]
