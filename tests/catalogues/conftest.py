"""Fixtures of the tests of catalogues."""

import hashlib

import pytest

import galflowlab


@pytest.fixture(scope="session")
def mock():
    """The embedded model."""
    return galflowlab.load("mock")


@pytest.fixture(scope="session")
def hashes():
    """A function that returns the hashes of all files in a folder, by name."""

    def of(folder):
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
        }

    return of
