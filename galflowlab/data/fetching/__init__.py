"""Fetching: from the name of a data set to verified files on disk."""

from galflowlab.data.fetching.data_sets import fetch, present
from galflowlab.data.fetching.errors import FetchError, HashMismatchError, OfflineError
from galflowlab.data.fetching.places import cache_folder, data_folder

__all__ = [
    "FetchError",
    "HashMismatchError",
    "OfflineError",
    "cache_folder",
    "data_folder",
    "fetch",
    "present",
]
