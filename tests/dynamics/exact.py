"""A mock galaxy's exact density in the place of a learned one."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from galflowlab import mocks
from galflowlab.mocks.edf import MockEDF
from galflowlab.schema import PHASE_SPACE, star_matrix

_STEP = {"x": 1e-4, "y": 1e-4, "z": 1e-4, "vx": 1e-2, "vy": 1e-2, "vz": 1e-2}  # kpc, km/s


class ExactEDF:
    """What `dynamics` asks of an EDF, from the truth of a mock; gradients by differences."""

    columns = PHASE_SPACE

    def __init__(self, truth: MockEDF) -> None:
        self.truth = truth

    def freeze(self, context, *, n, seed):
        stars = self.truth.sample(n, seed=seed)
        columns = {name: stars[name].value for name in (*PHASE_SPACE, "mass")}
        return SimpleNamespace(
            arrays=lambda columns=columns, given=columns: {name: given[name] for name in columns}
        )

    def warn_if_outside(self, context):
        pass

    def log_prob_gradient(self, stars, context):
        rows = star_matrix(stars, PHASE_SPACE)

        def value(moved):
            columns = dict(zip(PHASE_SPACE, moved.T, strict=True))
            return self.truth.log_prob_phase_space(columns)

        gradient = {}
        with np.errstate(invalid="ignore"):  # -inf of unbound stars on both sides
            for i, name in enumerate(PHASE_SPACE):
                step = np.zeros(6)
                step[i] = _STEP[name]
                gradient[name] = (value(rows + step) - value(rows - step)) / (2 * _STEP[name])
        return value(rows), gradient


def exact_disc(log10_mstar: float = 10.3) -> ExactEDF:
    return ExactEDF(mocks.make_galaxy(log10_mstar, seed=4, n=100, scatter=0).truth)
