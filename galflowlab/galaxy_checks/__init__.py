"""Checks of whole galaxies: radial profiles and scaling relations, generated against real.

Scaling relations are also held against published ones: `measure_relations` of any galaxies,
`relations_over_grid` of those that a model draws.
"""

from galflowlab.galaxy_checks.grid import GridRelations, relations_over_grid
from galflowlab.galaxy_checks.properties import PROPERTIES, MeasuredRelations, measure_relations
from galflowlab.galaxy_checks.published import PUBLISHED, PublishedRelation
from galflowlab.galaxy_checks.radial import ProfileCheck, ProfileChecks, profile_checks
from galflowlab.galaxy_checks.scaling import Line, Relation, ScalingRelations, scaling_relations

__all__ = [
    "PROPERTIES",
    "PUBLISHED",
    "GridRelations",
    "Line",
    "MeasuredRelations",
    "ProfileCheck",
    "ProfileChecks",
    "PublishedRelation",
    "Relation",
    "ScalingRelations",
    "measure_relations",
    "profile_checks",
    "relations_over_grid",
    "scaling_relations",
]
