"""Pixels with few stars pooled with their neighbours, along the hierarchy of HEALPix."""

from __future__ import annotations

import functools

import healpy
import numpy as np


def pooled(counts: np.ndarray, nside: int, min_stars: int) -> np.ndarray:
    """Region of each pixel, so that regions hold enough stars.

    A pixel with enough stars is a region of its own. Of the four pixels that make up one pixel of
    the next coarser map, those with too few are pooled; pools that are still too small are pooled
    with the others of the next coarser map, up to the twelve pixels of nside 1.

    Parameters
    ----------
    counts
        Stars in each pixel, shape (12 nside²,), ring order.
    nside
        Resolution.
    min_stars
        How many are enough.

    Returns
    -------
    numpy.ndarray
        Region of each pixel in ring order, numbered from 0 without gaps.
    """
    order = int(nside).bit_length() - 1
    pixels = np.arange(len(counts))
    counts = counts[_ring_of_nested(nside)]
    region, poor = pixels.copy(), counts < min_stars
    for level in range(1, order + 1):
        parent = pixels >> (2 * level)
        pool = np.bincount(parent[poor], counts[poor], minlength=len(counts) >> (2 * level))
        region[poor] = parent[poor] + level * len(counts)  # apart from those of other levels
        poor &= pool[parent] < min_stars
    ring = np.empty_like(region)
    ring[_ring_of_nested(nside)] = region
    return np.unique(ring, return_inverse=True)[1]


@functools.lru_cache(maxsize=8)
def _ring_of_nested(nside: int) -> np.ndarray:
    """Ring number of each pixel in nested order, in which the children of a pixel are adjacent."""
    return healpy.nest2ring(nside, np.arange(12 * nside**2))
