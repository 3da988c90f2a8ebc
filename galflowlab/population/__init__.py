"""The population of training galaxies: fill-in, support and nearest, as far as contexts go."""

from galflowlab.population.contexts import Population
from galflowlab.population.extrapolation import ExtrapolationWarning, why_outside

__all__ = ["ExtrapolationWarning", "Population", "why_outside"]
