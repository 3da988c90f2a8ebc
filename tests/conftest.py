"""Fixtures for all tests."""

import os
from pathlib import Path

import pytest
from filelock import FileLock


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of simulated galaxies that are not part of the repository; skips if absent."""
    default = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    folder = Path(os.environ.get("GALFLOWLAB_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no data at {folder}; set GALFLOWLAB_DATA to the folder with real/ and raw/")
    return folder


@pytest.fixture(scope="session")
def suite():
    """Twenty mock galaxies on the median relations, with known eDF."""
    from galflowlab import mocks

    return mocks.make_suite(20, 2000, seed=3, scatter=0.0, log10_mstar=(8.5, 10.8))


@pytest.fixture(scope="session", params=["live", "accurate"])
def edf(request, suite, tmp_path_factory):
    """A briefly trained model of each of the two presets that train in seconds.

    It is kept in a file, for one training has to do for all files of tests and all processes.
    `paper` takes minutes: test_frozen.py has one slow test of it, and test_flow_layers.py tests
    the architecture of every preset, untrained.
    """
    import galflowlab

    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # of all processes of this run
    path = folder / f"{request.param}.safetensors"
    with FileLock(path.with_suffix(".lock")):
        if not path.exists():
            galflowlab.fit(
                suite, preset=request.param, seed=1, stars_seen=100_000, batch=512, progress=False
            ).save(path)
    return galflowlab.load(path)
