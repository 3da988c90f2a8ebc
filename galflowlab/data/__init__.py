"""Data: from files to galaxies."""

from galflowlab.data.collection import galaxy_files, read_all
from galflowlab.data.fetch import fetch, present
from galflowlab.data.manifests import Manifest, manifest, manifests
from galflowlab.data.prepare import galacticflow, prepare
from galflowlab.data.readers import read

__all__ = [
    "Manifest",
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
