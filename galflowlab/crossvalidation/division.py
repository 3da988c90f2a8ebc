"""Which galaxies are left out together, and which of their stars are used."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from galflowlab.galaxy import Galaxy
from galflowlab.schema import EDF_COLUMNS, edf_columns, not_finite, star_matrix

_MIN_STARS = 20  # of a galaxy, if it has as many: a tenth of a small one is none


def assign(names: Sequence[str], leave_out: int, *, seed: int) -> tuple[tuple[str, ...], ...]:
    """Divide galaxies into folds.

    The order of a galaxy follows from a hash of seed and name, so that the folds do not depend
    on the order of the list. Sizes differ by at most one.

    Parameters
    ----------
    names
        Galaxy identifiers, all different.
    leave_out
        Largest number of galaxies in a fold.
    seed
        Another seed gives other folds.

    Returns
    -------
    tuple of tuple of str
        Names in each fold, sorted; every name is in one fold.

    Raises
    ------
    ValueError
        For repeated names, `leave_out` below one, or no galaxy left to train on.
    """
    repeated = sorted({name for name in names if list(names).count(name) > 1})
    if repeated:
        raise ValueError(f"expected galaxies of different names, got several of {repeated}")
    if leave_out < 1:
        raise ValueError(f"expected at least one galaxy to leave out, got {leave_out}")
    if len(names) <= leave_out:
        raise ValueError(
            f"expected more galaxies than are left out at a time, got {len(names)} galaxies "
            f"and {leave_out} to leave out"
        )

    def place(name: str) -> bytes:
        return hashlib.sha256(f"{seed}:{name}".encode()).digest()

    parts = np.array_split(sorted(names, key=place), -(-len(names) // leave_out))
    return tuple(tuple(sorted(str(name) for name in part)) for part in parts)


def shared_columns(galaxies: Sequence[Galaxy]) -> tuple[str, ...]:
    """Columns of an eDF that all galaxies have.

    Raises ValueError if a galaxy has values that are not finite in one of them.
    """
    columns = edf_columns(set(EDF_COLUMNS).intersection(*(g.columns for g in galaxies)))
    for galaxy in galaxies:
        if bad := not_finite(star_matrix(galaxy.stars, columns), columns):
            raise ValueError(
                f"galaxy {galaxy.name!r} has values that are not finite in {bad}; "
                "galflowlab.prepare drops such stars"
            )
    return columns


def thinned(galaxy: Galaxy, fraction: float, columns: Sequence[str], *, seed: int) -> Galaxy:
    """Return the galaxy with a random share of its stars, and only some columns.

    The context stays that of all stars, and a smaller share is part of a larger one. At least
    twenty stars are kept, or all.
    """
    n = len(galaxy)
    count = min(n, max(_MIN_STARS, round(fraction * n)))
    rng = np.random.default_rng([seed, zlib.crc32(galaxy.name.encode())])
    rows = np.sort(rng.permutation(n)[:count])
    # A known truth is the density over all columns of the galaxy, not over a part of them.
    truth = galaxy.truth if set(galaxy.columns) <= set(columns) else None
    return replace(galaxy, stars=galaxy.stars[[*columns, "mass"]][rows], truth=truth)


def fingerprint(galaxies: Sequence[Galaxy], columns: Sequence[str]) -> str:
    """Hash that changes with the galaxies, their stars, contexts or columns."""
    digest = hashlib.sha256(repr(tuple(columns)).encode())
    for galaxy in galaxies:
        sums = star_matrix(galaxy.stars, columns).sum(axis=0)
        digest.update(repr((galaxy.name, len(galaxy), sorted(galaxy.context.items()))).encode())
        digest.update(sums.tobytes())
    return digest.hexdigest()
