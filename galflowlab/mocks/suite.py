"""Making mock galaxies, one or many."""

from __future__ import annotations

import multiprocessing
import operator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import SupportsIndex

import numpy as np

from galflowlab.galaxy import Galaxy, Provenance
from galflowlab.mocks.edf import MockEDF
from galflowlab.mocks.parameters import draw_latents, from_latents

MASS_RANGE = (6.0, 11.5)
"""log10 of the stellar masses [Msun] for which the relations hold."""

_GOLDEN = (np.sqrt(5) - 1) / 2


def make_galaxy(
    log10_mstar: float,
    *,
    seed: int | np.random.Generator,
    n: int,
    scatter: float = 1.0,
    context_scatter: float | None = None,
) -> Galaxy:
    """Make a mock galaxy whose extended distribution function is known exactly.

    Stars are test particles in the imposed field of a disc and a dark halo (see `edf`). They
    are in equilibrium, axisymmetric, and rotate about +z.

    Parameters
    ----------
    log10_mstar
        log10 of the stellar mass [Msun], within `MASS_RANGE`.
    seed
        Integer, or a Generator from which one is drawn. Fixes latents and stars.
    n
        Number of star particles, each of mass M*/n.
    scatter
        From 0 (median relations) to 1 (full intrinsic scatter).
    context_scatter
        The same for the two relations that the context sees, mass-metallicity and
        star-formation time; as `scatter` if not given. With ``scatter=0, context_scatter=1``
        mass, metallicity and age vary independently and determine the galaxy.

    Returns
    -------
    Galaxy
        With the context measured from its stars and a `MockEDF` as ``truth``.

    Raises
    ------
    ValueError
        For arguments outside their range.

    Examples
    --------
    >>> from galflowlab import mocks
    >>> galaxy = mocks.make_galaxy(10.0, seed=1, n=1000)
    >>> galaxy.truth.log_prob(galaxy.stars).shape
    (1000,)
    """
    log10_mstar = _checked_mass(log10_mstar)
    scatter, context_scatter = _checked_scatters(scatter, context_scatter)
    n = _checked_count("n", n)
    number = _integer_seed(seed)
    latent_seed, star_seed = np.random.SeedSequence(number).spawn(2)
    latents = draw_latents(np.random.default_rng(latent_seed), scatter, context_scatter)
    truth = MockEDF(from_latents(log10_mstar, latents))
    name = f"mock_m{log10_mstar:.3f}_s{number}_x{scatter:g}"  # `remake` reads it back
    if context_scatter != scatter:
        name += f"_c{context_scatter:g}"
    provenance = Provenance(
        source="galflowlab mock",
        simulation="Staeckel mock",
        notes=f"log10_mstar={log10_mstar!r} seed={number} n={n} scatter={scatter!r} "
        f"context_scatter={context_scatter!r}; test particles in an imposed field",
    )
    stars = truth.sample(n, seed=np.random.default_rng(star_seed))
    return Galaxy(name, stars, provenance, truth=truth)


def make_suite(
    n_galaxies: int,
    n_stars: int,
    *,
    seed: int | np.random.Generator,
    scatter: float = 1.0,
    context_scatter: float | None = None,
    log10_mstar: tuple[float, float] = (7.0, 11.2),
    workers: int = 1,
) -> list[Galaxy]:
    """Make mock galaxies whose masses fill a range evenly.

    Masses follow a golden-ratio sequence that starts at a place set by the seed, so that suites
    of different seeds interleave and a longer suite begins with the shorter one.

    Parameters
    ----------
    n_galaxies, n_stars
        How many galaxies, and stars in each.
    seed
        Integer, or a Generator from which one is drawn.
    scatter, context_scatter
        As in `make_galaxy`.
    log10_mstar
        Lowest and highest log10 of the stellar mass [Msun].
    workers
        Number of processes; the result does not depend on it.

    Returns
    -------
    list of Galaxy

    Examples
    --------
    >>> from galflowlab import mocks
    >>> galaxies = mocks.make_suite(3, 100, seed=1)
    >>> [round(galaxy.context["log10_mstar"], 1) for galaxy in galaxies]
    [9.1, 7.5, 10.1]
    """
    n_galaxies, n_stars = (
        _checked_count("n_galaxies", n_galaxies),
        _checked_count("n_stars", n_stars),
    )
    workers = min(_checked_count("workers", workers), n_galaxies)
    scatter, context_scatter = _checked_scatters(scatter, context_scatter)
    members = suite_members(n_galaxies, seed=seed, log10_mstar=log10_mstar)
    masses, seeds = zip(*members, strict=True)
    task = partial(_make, n=n_stars, scatter=scatter, context_scatter=context_scatter)
    if workers == 1:
        return list(map(task, masses, seeds))
    # spawn, not fork: the caller may hold threads (torch, Jupyter) that a fork would break
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        return list(pool.map(task, masses, seeds))


def suite_members(
    n_galaxies: int,
    *,
    seed: int | np.random.Generator,
    log10_mstar: tuple[float, float] = (7.0, 11.2),
) -> list[tuple[float, int]]:
    """Return log10 of the stellar mass [Msun] and seed of each galaxy that `make_suite` makes."""
    n_galaxies = _checked_count("n_galaxies", n_galaxies)
    low, high = (_checked_mass(mass) for mass in log10_mstar)
    if low > high:
        raise ValueError(f"expected log10_mstar as (low, high), got {log10_mstar}")
    number = _integer_seed(seed)
    sequences = [np.random.SeedSequence([number, i]) for i in range(n_galaxies + 1)]
    offset = np.random.default_rng(sequences[0]).random()
    masses = low + (high - low) * ((offset + _GOLDEN * np.arange(n_galaxies)) % 1)
    seeds = [int(s.generate_state(1)[0]) for s in sequences[1:]]
    return list(zip(masses.tolist(), seeds, strict=True))


def _make(
    log10_mstar: float, seed: int, *, n: int, scatter: float, context_scatter: float
) -> Galaxy:
    return make_galaxy(
        log10_mstar, seed=seed, n=n, scatter=scatter, context_scatter=context_scatter
    )


def _checked_mass(value: float) -> float:
    low, high = MASS_RANGE
    mass = float(value)
    if not low <= mass <= high:
        raise ValueError(f"expected log10_mstar between {low} and {high} [log10 Msun], got {value}")
    return mass


def _checked_count(name: str, value: SupportsIndex) -> int:
    try:
        count = operator.index(value)
    except TypeError:
        raise ValueError(f"expected {name} to be a whole number, got {value!r}") from None
    if count < 1:
        raise ValueError(f"expected {name} >= 1, got {count}")
    return count


def _checked_scatters(scatter: float, context_scatter: float | None) -> tuple[float, float]:
    context_scatter = scatter if context_scatter is None else context_scatter
    for name, value in (("scatter", scatter), ("context_scatter", context_scatter)):
        if not 0 <= value <= 1:
            raise ValueError(f"expected 0 <= {name} <= 1, got {value}")
    return float(scatter), float(context_scatter)


def _integer_seed(seed: int | np.random.Generator) -> int:
    if isinstance(seed, np.random.Generator):
        return int(seed.integers(2**32))
    try:
        number = operator.index(seed)
    except TypeError:
        raise ValueError(f"expected seed as an integer or a Generator, got {seed!r}") from None
    if number < 0:
        raise ValueError(f"expected seed >= 0, got {number}")
    return number
