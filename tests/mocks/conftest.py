"""Mock galaxies of three masses."""

import numpy as np
import pytest

from galflowlab.galaxy import Galaxy
from galflowlab.mocks import make_galaxy
from galflowlab.schema import EDF_COLUMNS, star_matrix

MASSES = (7.4, 9.1, 10.7)


@pytest.fixture(scope="module", params=MASSES)
def galaxy(request) -> Galaxy:
    return make_galaxy(request.param, seed=11, n=40_000)


@pytest.fixture(scope="module")
def rows(galaxy) -> np.ndarray:
    return star_matrix(galaxy.stars, EDF_COLUMNS)
