"""Stores of a small mock suite, cut into many files and row groups."""

import pytest

from galflowlab import mocks
from galflowlab.store import layout, write_store, writing


@pytest.fixture(scope="package")
def galaxies():
    return mocks.make_suite(12, 700, seed=3, scatter=0.0)


@pytest.fixture
def small_pieces(monkeypatch):
    """As with billions of stars: dealt in turns, several files, several row groups."""
    monkeypatch.setattr(writing, "_DEAL_AT", 1000)
    monkeypatch.setattr(writing, "_FILE_STARS", 2000)
    monkeypatch.setattr(layout, "ROW_GROUP", 256)


@pytest.fixture(scope="package")
def store(galaxies, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "_FILE_STARS", 2000)
        patch.setattr(layout, "ROW_GROUP", 256)
        return write_store(galaxies, tmp_path_factory.mktemp("stores") / "suite", seed=1)
