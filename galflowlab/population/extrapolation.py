"""What to say about contexts unlike those of the training galaxies."""

from __future__ import annotations

from collections.abc import Mapping

from galflowlab.population.contexts import Population


class ExtrapolationWarning(UserWarning):
    """Stars are drawn at a context unlike those of the training galaxies."""


def why_outside(population: Population, context: Mapping[str, float]) -> str:
    """Say how far outside a context is, and which of its entries make it so.

    These are the given entries of which one, made typical at the others, would bring the
    context inside, and those beyond the training range; all, if there are none.

    Raises
    ------
    ValueError
        For an invalid context.
    """
    given = population.check(context)
    blamed, every = [], []
    for name, value in given.items():
        others = {other: v for other, v in given.items() if other != name}
        typical, (low, high) = population.complete(others), population.range(name)
        text = f"{name}={value:.4g} (training galaxies: {low:.4g} to {high:.4g}"
        every.append(text + f"; typical at the others: {typical[name]:.4g})")
        if population.inside(typical) or not low <= value <= high:
            blamed.append(every[-1])
    percentile = population.support(given)
    rough = "; support is rough, as their contexts are not known one by one"
    return (
        "extrapolating: the context is outside the region of 99 % of the training galaxies, at "
        f"percentile {percentile:.2g} of typicality, because of {', '.join(blamed or every)}"
        f"{rough if population.stand_ins else ''}"
    )
