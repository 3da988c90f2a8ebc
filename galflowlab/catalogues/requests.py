"""Numbers that a catalogue is asked for with, checked before anything is drawn."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

MOST_FILES = 100_000  # as many as five digits number
MOST_STARS = 2**63 - 1  # of a galaxy: as many as tables can say


def integer_seed(seed: int) -> int:
    """Return a seed as an integer; raises ValueError for others, such as a Generator."""
    number = _whole("an integer seed", seed)
    if number < 0:
        raise ValueError(f"expected a seed of at least 0, got {number}")
    return number


def number_of_workers(workers: int) -> int:
    """Return a positive number; raises ValueError for others."""
    number = _whole("a whole number of workers", workers)
    if number < 1:
        raise ValueError(f"expected at least one worker, got {number}")
    return number


def number_of_galaxies(galaxies: int) -> int:
    """Return a number from 1 to `MOST_FILES`; raises ValueError for others."""
    number = _whole("a whole number of galaxies", galaxies)
    if not 1 <= number <= MOST_FILES:
        raise ValueError(f"expected 1 to {MOST_FILES} galaxies, got {number}")
    return number


def star_numbers(stars: int | Sequence[int] | np.ndarray, galaxies: int) -> list[int]:
    """Stars of each galaxy, from a number for all or one for each; else raises ValueError."""
    given: Any = [stars] * galaxies if np.ndim(stars) == 0 else stars
    if len(given) != galaxies:
        raise ValueError(f"expected numbers of stars for {galaxies} galaxies, got {len(given)}")
    counts = [_whole("a whole number of stars", count) for count in given]
    if bad := [count for count in counts if not 1 <= count <= MOST_STARS]:
        raise ValueError(f"expected at least one star and at most 2^63 - 1, got n={bad[0]}")
    return counts


def names_of_columns(columns: Iterable[str] | None) -> tuple[str, ...] | None:
    """Return names, or None for all; raises ValueError for a string, which has letters."""
    if isinstance(columns, str):
        raise ValueError(f"expected a list of columns, got the string {columns!r:.80}")
    return None if columns is None else tuple(columns)


def _whole(expected: str, number: Any) -> int:
    try:
        return operator.index(number)
    except TypeError:
        raise ValueError(f"expected {expected}, got {number!r:.80}") from None
