"""Data: from files to galaxies."""

from galflowlab.data.collection import galaxy_files, read_all
from galflowlab.data.fetching import (
    FetchError,
    HashMismatchError,
    OfflineError,
    cache_folder,
    fetch,
    present,
)
from galflowlab.data.manifests import Manifest, manifest, manifests
from galflowlab.data.prepare import galacticflow, prepare
from galflowlab.data.readers import read

__all__ = [
    "FetchError",
    "HashMismatchError",
    "Manifest",
    "OfflineError",
    "cache_folder",
    "fetch",
    "galacticflow",
    "galaxy_files",
    "manifest",
    "manifests",
    "prepare",
    "present",
    "read",
    "read_all",
]
