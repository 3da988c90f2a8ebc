"""Training sets larger than memory: stars of many galaxies, shuffled once, on disk."""

from galflowlab.store.reading import StarStore, StoredStars, is_store
from galflowlab.store.writing import write_store

__all__ = ["StarStore", "StoredStars", "is_store", "write_store"]
