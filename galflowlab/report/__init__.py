"""How good is a model: against mocks whose eDF is known, and against held-out stars.

`evaluate` writes all that is to be known of a model, quality, speed and cost, as one page and
as JSON; `against_truth` and `against_galaxies` are quick and give numbers only.
"""

from galflowlab.report.evaluation import Report, evaluate
from galflowlab.report.galaxies import against_galaxies
from galflowlab.report.truth import against_truth

__all__ = ["Report", "against_galaxies", "against_truth", "evaluate"]
