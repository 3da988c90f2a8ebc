"""Distances between a model and the truth or the data: plain arrays in, numbers out.

Two-sample metrics take real and generated stars as arrays of shape (star, feature) and return a
`Comparison`: the value, the values that the same metric gives between equally many real stars,
and from these a z-score and a p-value. What each of them sees:

===================  ====  ========  ===========  ==========
metric               mean  variance  correlation  bimodality
===================  ====  ========  ===========  ==========
linear_mmd2          yes   no        no           no
kolmogorov_smirnov   yes   yes       no           yes
rbf_mmd2             yes   yes       yes          yes
rbf_mmd2_features    yes   yes       yes          yes
sliced_wasserstein   yes   yes       yes          yes
c2st                 yes   yes       yes          yes
===================  ====  ========  ===========  ==========

All with enough stars: a shape hidden in one of ten columns shows first in `c2st` and in the
per-column values of `kolmogorov_smirnov`.

Where densities are known, `kl_divergence` and `negative_log_likelihood` give values with a
standard error, `kl_to_truth` and `held_out_nll` judge them against a null.
"""

from galflowlab.metrics.classifier import c2st
from galflowlab.metrics.comparison import Comparison
from galflowlab.metrics.densities import held_out_nll, kl_to_truth
from galflowlab.metrics.estimates import (
    Estimate,
    kl_divergence,
    mean_over_stars,
    negative_log_likelihood,
)
from galflowlab.metrics.mmd import linear_mmd2, rbf_mmd2, rbf_mmd2_features
from galflowlab.metrics.one_dimensional import kolmogorov_smirnov, sliced_wasserstein
from galflowlab.metrics.suite import compare

__all__ = [
    "Comparison",
    "Estimate",
    "c2st",
    "compare",
    "held_out_nll",
    "kl_divergence",
    "kl_to_truth",
    "kolmogorov_smirnov",
    "linear_mmd2",
    "mean_over_stars",
    "negative_log_likelihood",
    "rbf_mmd2",
    "rbf_mmd2_features",
    "sliced_wasserstein",
]
