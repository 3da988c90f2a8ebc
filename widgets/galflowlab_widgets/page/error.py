"""How far interpolated stars are from those of the flow."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from galflowlab.edf import EDF
from galflowlab.maps import project
from galflowlab.schema import POSITION
from galflowlab_widgets.page.grid import PLANE
from galflowlab_widgets.page.stars import InterpolatedStars, exact, half_mass_radius
from galflowlab_widgets.scales import BINS, field_half_width

CONTEXTS = 40
_TRIALS = 50  # draws for each context wanted, after which the support is taken for too small


@dataclass(frozen=True)
class Error:
    """What interpolation changes, at contexts that training galaxies support.

    Parameters
    ----------
    contexts
        How many were tried.
    position
        Median and 95th percentile, over stars and contexts, of the distance between a star and
        where the flow puts it, in half-mass radii.
    worst_position
        The largest median of a context.
    colours
        The same two percentiles of the difference in each other column, in its unit.
    maps
        Root mean square difference between maps of interpolated and of exact stars, face-on
        and edge-on, as a share of that between maps of two independent draws: median and
        largest over contexts.
    """

    contexts: int
    position: tuple[float, float]
    worst_position: float
    colours: dict[str, tuple[float, float]]
    maps: tuple[float, float]

    def as_dict(self) -> dict[str, object]:
        """Plain data."""
        return asdict(self)


def measure(edf: EDF, stars: InterpolatedStars, *, seed: int) -> Error:
    """Compare with the flow at random places between the nodes.

    Parameters
    ----------
    edf
        The model.
    stars
        What was made from it with this seed.
    seed
        Fixes the stars, and the places.
    """
    places = supported_places(edf, stars, seed=seed)
    contexts = stars.grid.contexts(places)
    n = stars.coefficients.shape[2]
    first = dict(zip(PLANE, contexts[0], strict=True))
    same, other = (edf.freeze(first, n=n, seed=s) for s in (seed, np.random.default_rng([seed, 1])))
    moved, changed, maps = [], [], []
    for place, context in zip(places, contexts, strict=True):
        found, true = stars.at(place), exact(same, context, stars.columns)
        distance = np.sqrt(((found[:3] - true[:3]) ** 2).sum(axis=0))
        moved.append(distance / half_mass_radius(true))
        changed.append(np.abs(found[3:] - true[3:]))
        maps.append(_map_share(found, true, exact(other, context, POSITION)))
    colours = np.concatenate(changed, axis=1)
    return Error(
        contexts=len(places),
        position=_percentiles(np.concatenate(moved)),
        worst_position=float(max(np.median(m) for m in moved)),
        colours={
            name: _percentiles(values)
            for name, values in zip(stars.columns[3:], colours, strict=True)
        },
        maps=(float(np.median(maps)), float(np.max(maps))),
    )


def supported_places(edf: EDF, stars: InterpolatedStars, *, seed: int) -> np.ndarray:
    """Random places of the grid that training galaxies support, shape (place, 2).

    Raises
    ------
    ValueError
        If there are hardly any.
    """
    places = np.random.default_rng(seed).uniform(-1, 1, (_TRIALS * CONTEXTS, 2))
    rows = edf.population.complete_many(PLANE, stars.grid.contexts(places))
    inside = places[edf.population.inside_many(rows)][:CONTEXTS]
    if len(inside) < CONTEXTS:
        raise ValueError("the training galaxies of this model support too few contexts for a page")
    return inside


def _percentiles(values: np.ndarray) -> tuple[float, float]:
    median, most = np.percentile(values, [50, 95])
    return float(median), float(most)


def _map_share(found: np.ndarray, true: np.ndarray, independent: np.ndarray) -> float:
    """Difference of maps as a share of that between independent draws, see `Error`."""
    half_width = field_half_width(dict(zip(POSITION, true[:3], strict=True)))
    ours, theirs, others = (_counts(values, half_width) for values in (found, true, independent))
    return float(np.sqrt(((ours - theirs) ** 2).sum() / ((others - theirs) ** 2).sum()))


def _counts(values: np.ndarray, half_width: float) -> np.ndarray:
    stars = {**dict(zip(POSITION, values[:3], strict=True)), "mass": np.ones(values.shape[1])}
    maps = [project(stars, "surface_density", i, 0.0, half_width, BINS) for i in (0.0, 90.0)]
    return np.stack([m.values.filled(0.0) for m in maps])
