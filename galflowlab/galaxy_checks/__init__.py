"""Checks of whole galaxies: radial profiles and scaling relations, generated against real."""

from galflowlab.galaxy_checks.radial import ProfileCheck, ProfileChecks, profile_checks
from galflowlab.galaxy_checks.scaling import Line, Relation, ScalingRelations, scaling_relations

__all__ = [
    "Line",
    "ProfileCheck",
    "ProfileChecks",
    "Relation",
    "ScalingRelations",
    "profile_checks",
    "scaling_relations",
]
