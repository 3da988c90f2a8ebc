"""What everything is compared with: normflows alone."""

import normflows as nf

NAME = "normflows spline 8x64"


def plain_spline(features, contexts):
    """The `spline` preset as normflows alone builds it."""
    layers = []
    for i in range(8):
        layers.append(nf.flows.LULinearPermute(features))
        layers.append(
            nf.flows.CoupledRationalQuadraticSpline(
                features, 1, 64, num_context_channels=contexts, reverse_mask=bool(i % 2)
            )
        )
    return nf.ConditionalNormalizingFlow(nf.distributions.DiagGaussian(features, False), layers)
