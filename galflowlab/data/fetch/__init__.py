"""Fetching: from the name of a data set to verified files on disk."""

from galflowlab.data.fetch.errors import FetchError, HashMismatchError, OfflineError
from galflowlab.data.fetch.fetching import fetch, present
from galflowlab.data.fetch.places import cache_folder, data_folder

__all__ = [
    "FetchError",
    "HashMismatchError",
    "OfflineError",
    "cache_folder",
    "data_folder",
    "fetch",
    "present",
]
