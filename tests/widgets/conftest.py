"""A model galaxy in closed form, with the interface of an eDF: fast, smooth, no training."""

import numpy as np
import pytest
from galflowlab_widgets import Explorer

from galflowlab.population import Population
from galflowlab.schema import EDF_COLUMNS, as_stars

NAMES = ("log10_mstar", "age_p50", "age_p10", "mean_metallicity")


def population():
    mass = np.linspace(8, 11.2, 30)
    bend = np.sin(3 * mass)
    contexts = np.column_stack(
        [mass, 5 + 1.2 * (mass - 9) + bend, 2 + 0.5 * bend, 10 ** (0.35 * (mass - 10) - 2)]
    )
    return Population(NAMES, contexts)


class StubEDF:
    columns = EDF_COLUMNS
    context_names = NAMES

    def __init__(self):
        self.population = population()
        self.calls = []

    def freeze(self, context, *, n, seed):
        return StubFrozen(self, context, n, seed)

    def draw(self, n, context, seed):
        self.calls.append(context)
        noise = np.random.default_rng(seed).normal(size=(10, n)).astype(np.float32)
        size = 3 * 10 ** (0.3 * (context["log10_mstar"] - 10))
        size *= (context["mean_metallicity"] / 0.01) ** 0.1
        radius = size * np.abs(noise[0] * noise[1] + noise[2])
        angle, speed = np.pi * noise[3] * 3, 100.0
        age = context["age_p50"] - 0.4 * (radius - size) + 2 * noise[9]
        return as_stars(
            {
                "x": radius * np.cos(angle),
                "y": 0.8 * radius * np.sin(angle),
                "z": 0.1 * size * noise[4],
                "vx": -speed * np.sin(angle),
                "vy": speed * np.cos(angle),
                "vz": 20 * noise[5],
                "metallicity": context["mean_metallicity"] * np.exp(0.3 * noise[6]),
                "fe_h": 0.3 * noise[7],
                "o_fe": 0.1 * noise[8],
                "age": np.clip(age, 0.01, 13.8),
                "mass": np.full(n, 10 ** context["log10_mstar"] / n, np.float32),
            }
        )


class StubFrozen:
    def __init__(self, edf, context, n, seed):
        self.edf, self.n, self.seed = edf, n, seed
        self.update(context)

    def update(self, context):
        self.context = self.edf.population.complete(context)
        self.table = self.edf.draw(self.n, self.context, self.seed)

    def arrays(self, n, columns, *, start):
        return {name: self.table[name].value[start : start + n] for name in columns}


@pytest.fixture
def edf():
    return StubEDF()


@pytest.fixture
def explore(edf):
    """Make explorers that are closed in the end."""
    made = []

    def make(**options):
        made.append(Explorer(edf, **options))
        return made[-1]

    yield make
    for explorer in made:
        explorer.close()
