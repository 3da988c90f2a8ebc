"""Data: from files to galaxies."""

from galflowlab.data.manifests import Manifest, manifest, manifests
from galflowlab.data.prepare import galacticflow, prepare
from galflowlab.data.readers import read

__all__ = ["Manifest", "galacticflow", "manifest", "manifests", "prepare", "read"]
