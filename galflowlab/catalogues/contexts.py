"""Which galaxies a catalogue has: contexts drawn from a population, stars for their masses."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
from astropy import units as u

from galflowlab.catalogues.mass_functions import MassFunction
from galflowlab.catalogues.requests import MOST_STARS, integer_seed, number_of_galaxies
from galflowlab.population import Population
from galflowlab.schema import in_unit

_CONTEXTS = 0  # of the seeds that are derived from one; see `writing`


def draw_contexts(
    population: Population,
    galaxies: int,
    *,
    seed: int,
    mass_function: MassFunction | None = None,
) -> list[dict[str, float]]:
    """Draw the contexts of galaxies.

    Parameters
    ----------
    population
        Of an eDF, whose joint distribution of contexts is drawn from (`Population.complete`).
    galaxies
        How many; fewer are the first of more.
    seed
        The same seed gives the same contexts.
    mass_function
        From which stellar masses are drawn, between the lowest and highest of the population
        and where it was measured; the other entries follow given the mass. By default masses
        are those of the population, which are as many as somebody simulated.

    Returns
    -------
    list of dict
        Whole contexts, in the units of `schema.CONTEXT`.

    Raises
    ------
    ValueError
        For less than one galaxy or more than 100 000, which is what a catalogue holds, a seed
        that is negative or no integer, a mass function and a population without
        ``log10_mstar``, or ranges of mass that do not overlap.

    Examples
    --------
    >>> import galflowlab
    >>> from galflowlab import catalogues
    >>> population = galflowlab.load("mock").population
    >>> baldry = catalogues.MASS_FUNCTIONS["baldry12"]
    >>> contexts = catalogues.draw_contexts(population, 3, seed=1, mass_function=baldry)
    >>> [round(context["log10_mstar"], 1) for context in contexts]
    [10.1, 8.9, 10.2]
    """
    galaxies, seed = number_of_galaxies(galaxies), integer_seed(seed)
    if mass_function and "log10_mstar" not in population.names:
        raise ValueError(f"a mass function needs log10_mstar; {population.describe()}")
    contexts = []
    for i in range(galaxies):  # a generator for each, so that their number does not matter
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_CONTEXTS, i)))
        given: dict[str, float] = {}
        if mass_function:
            low, high = population.range("log10_mstar")
            given["log10_mstar"] = float(mass_function.quantile(rng.random(), low, high))
        contexts.append(population.complete(given, seed=rng))
    return contexts


def star_counts(
    contexts: Iterable[Mapping[str, float]], star_mass: float | u.Quantity
) -> list[int]:
    """Stars of galaxies whose star particles all have about the same mass, as in simulations.

    Parameters
    ----------
    contexts
        With ``log10_mstar``.
    star_mass
        Of one star particle [Msun].

    Returns
    -------
    list of int
        At least one for every galaxy.

    Raises
    ------
    ValueError
        For a mass that is not positive and finite or gives more than 2^63 stars, or contexts
        without ``log10_mstar``.
    """
    mass = in_unit("star_mass", star_mass, u.Msun)
    if mass.ndim or not (math.isfinite(mass) and mass > 0):
        raise ValueError(f"expected a positive mass of star particles [Msun], got {star_mass}")
    counts = []
    for context in contexts:
        if "log10_mstar" not in context:
            raise ValueError(f"stars by mass need log10_mstar; the context has {list(context)}")
        stars = 10.0 ** float(context["log10_mstar"]) / float(mass)
        if not stars < MOST_STARS:
            raise ValueError(f"expected fewer than 2^63 stars; of {mass:g} Msun they are {stars:g}")
        counts.append(max(1, round(stars)))
    return counts
