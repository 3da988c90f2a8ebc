"""Context: the galaxy-level parameters that an eDF is conditioned on."""

from __future__ import annotations

import numpy as np

from galflowlab.schema import CONTEXT, Stars, column_values

LOGARITHMIC = frozenset({"mean_metallicity"})
"""Context entries that span decades and are compared by their logarithm."""


def measure(stars: Stars) -> dict[str, float]:
    """Measure the context of one galaxy from its star particles.

    Parameters
    ----------
    stars
        Columns ``mass``, ``age`` and ``metallicity``, each of shape (star,).

    Returns
    -------
    dict
        ``log10_mstar`` [dex(Msun)] from the summed mass, ``age_p50`` and ``age_p10`` [Gyr]
        (median and 10th percentile), ``mean_metallicity`` [mass fraction]. Percentiles and
        mean count star particles, not mass, as in Wolf & Buck (2023, section 2.2).

    Raises
    ------
    ValueError
        If a column is missing, a value is not finite, or the total mass is not positive.

    Examples
    --------
    >>> from galflowlab import mocks
    >>> from galflowlab.context import measure
    >>> context = measure(mocks.make_galaxy(10.0, seed=1, n=1000, scatter=0.0).stars)
    >>> {name: round(value, 3) for name, value in context.items()}
    {'log10_mstar': 10.0, 'age_p50': 7.141, 'age_p10': 1.764, 'mean_metallicity': 0.009}
    """
    mass, age, metallicity = (column_values(stars, c) for c in ("mass", "age", "metallicity"))
    if not len(mass):
        raise ValueError("cannot measure the context of a galaxy without star particles")
    total = float(mass.sum(dtype=np.float64))
    if not total > 0:
        raise ValueError(f"expected a positive total stellar mass, got {total} Msun")
    p10, p50 = np.percentile(age.astype(np.float64), [10, 50])
    context = {
        "log10_mstar": float(np.log10(total)),
        "age_p50": float(p50),
        "age_p10": float(p10),
        "mean_metallicity": float(metallicity.mean(dtype=np.float64)),
    }
    bad = [name for name, value in context.items() if not np.isfinite(value)]
    if bad:
        raise ValueError(f"context entries {bad} are not finite; clean the stars first")
    assert set(context) == set(CONTEXT)
    return context
