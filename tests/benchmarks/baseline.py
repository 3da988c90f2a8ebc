"""What everything is compared with: normflows alone, and its spline flow with our layers."""

import copy

import normflows as nf

from galflowlab.edf import EDF
from galflowlab.flow.layers import SplineCoupling

NAME = "normflows spline 8x64"


OURS = "our spline 8x64"


def plain_spline(features, contexts):
    """As normflows alone builds it."""
    return _flow(
        features,
        lambda odd: nf.flows.CoupledRationalQuadraticSpline(
            features, 1, 64, num_context_channels=contexts, reverse_mask=odd
        ),
    )


def with_our_spline(edf):
    """Return the eDF with the flow of `plain_spline` in our layers, untrained."""
    model = copy.deepcopy(edf._model)
    features, contexts = len(model.columns), len(model.context_names)
    model.flow = _flow(
        features,
        lambda odd: SplineCoupling(features, contexts, hidden=64, blocks=1, bins=8, odd=odd),
    )
    return EDF(model.eval(), edf.population, edf.card)


def _flow(features, coupling):
    layers = []
    for i in range(8):
        layers += [nf.flows.LULinearPermute(features), coupling(bool(i % 2))]
    return nf.ConditionalNormalizingFlow(nf.distributions.DiagGaussian(features, False), layers)
