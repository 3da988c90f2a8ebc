"""What tests of layers share: weights off the identity, and points."""

import torch


def shaken(module, seed=0, size=0.15):
    """Move the weights away from the identity initialisation."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += size * torch.randn(parameter.shape, generator=generator)
    return module


def points(n, d, seed=1, scale=1.5):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(n, d, generator=generator, dtype=torch.float64)
