"""Cross-validation over galaxies, as of Wolf & Buck (2023, arXiv:2312.06017), and its figure."""

from galflowlab.crossvalidation.distances import METRICS
from galflowlab.crossvalidation.extrapolation import Extrapolation, Range, Rung, extrapolate
from galflowlab.crossvalidation.figure import draw
from galflowlab.crossvalidation.fold import Fold, LeftOut
from galflowlab.crossvalidation.result import CrossValidation
from galflowlab.crossvalidation.run import crossvalidate

__all__ = [
    "METRICS",
    "CrossValidation",
    "Extrapolation",
    "Fold",
    "LeftOut",
    "Range",
    "Rung",
    "crossvalidate",
    "draw",
    "extrapolate",
]
