"""The galaxies that a model has not seen, from the mean and spread of those that it has."""

import numpy as np
import pytest
import torch

import galflowlab
from galflowlab.galacticflow import Moments, left_out
from galflowlab.galacticflow.checkpoint import COLUMNS, CONTEXT
from galflowlab.mocks import make_suite
from galflowlab.schema import star_matrix
from tests import published


@pytest.fixture(scope="module")
def galaxies():
    return make_suite(30, 300, seed=6, scatter=0.5, log10_mstar=(8.0, 11.0))


@pytest.fixture
def model(galaxies, tmp_path):
    """A model of all but some galaxies, with their scales as the published code takes them."""

    def trained_without(names):
        saved = published.checkpoint(size=0.3)
        rows = []
        for galaxy in galaxies:
            if galaxy.name in names:
                continue
            stars = star_matrix(galaxy.stars, COLUMNS.values())
            context = [galaxy.context[name] for name in CONTEXT.values()]
            rows.append(np.hstack([stars, np.broadcast_to(context, (len(stars), 4))]))
        pooled = torch.from_numpy(np.concatenate(rows))
        saved["mu_vals"], saved["std_vals"] = pooled.mean(0), pooled.std(0)
        saved["subset_params"]["leavout_vals"] = list(range(len(names)))
        torch.save(saved, tmp_path / "model.pth")
        return galflowlab.load(tmp_path / "model.pth")

    return trained_without


@pytest.mark.parametrize("count", [0, 1, 5])
def test_they_are_found(galaxies, model, count):
    moments = [Moments.of(galaxy) for galaxy in galaxies]
    for seed in range(3):
        chosen = np.random.default_rng(seed).choice(len(galaxies), count, replace=False)
        names = {galaxies[i].name for i in chosen}
        assert set(left_out(model(names), moments)) == names


def test_dwarfs_among_giants_are_found():
    """As many galaxies as published, from 500 stars to millions; one number per column."""
    rng = np.random.default_rng(2)
    moments = []
    for i in range(90):
        n, mean = int(10 ** rng.uniform(2.7, 6.5)), rng.normal(size=14)
        names = [*COLUMNS.values(), *CONTEXT.values()]
        square = mean**2 + rng.uniform(0.5, 1, size=14)
        moments.append(
            Moments(
                f"g{i}",
                n,
                dict(zip(names, mean, strict=True)),
                dict(zip(names, square, strict=True)),
            )
        )
    for seed in range(2):
        out = {f"g{i}" for i in np.random.default_rng(seed).choice(90, 5, replace=False)}
        seen = [galaxy for galaxy in moments if galaxy.name not in out]
        total = sum(galaxy.stars for galaxy in seen)
        scales = {}
        for name in moments[0].mean:
            mean = sum(galaxy.stars * galaxy.mean[name] for galaxy in seen) / total
            square = sum(galaxy.stars * galaxy.square[name] for galaxy in seen) / total
            scales[name] = (mean, ((square - mean**2) * total / (total - 1)) ** 0.5)
        card = {"training": {"scales": scales}}
        card["checkpoint"] = {"subset_params": {"leavout_vals": [1, 2, 3, 4, 5]}}
        assert set(left_out(Carded(card), moments)) == out


class Carded:
    def __init__(self, card):
        self.card = card


def test_galaxies_turned_by_half_a_circle_are_the_same(galaxies, model):
    names = {galaxy.name for galaxy in galaxies[3:6]}
    edf = model(names)
    turned = []
    for i, galaxy in enumerate(galaxies):
        sign = {c: -1.0 if c in ("x", "y", "vx", "vy") and i % 2 else 1.0 for c in galaxy.columns}
        stars = galaxy.stars.copy()
        for column, factor in sign.items():
            stars[column] = factor * stars[column]
        turned.append(Moments.of(galaxy.with_stars(stars)))
    assert set(left_out(edf, turned)) == names


def test_other_galaxies_are_refused(galaxies, model):
    edf = model({galaxies[0].name, galaxies[7].name})
    others = make_suite(20, 300, seed=60, scatter=0.5, log10_mstar=(8.0, 11.0))
    with pytest.raises(ValueError, match="no 2 of these 20 galaxies leave the mean and spread"):
        left_out(edf, [Moments.of(galaxy) for galaxy in others])
    with pytest.raises(ValueError, match="2 galaxies cannot be left out of 2"):
        left_out(edf, [Moments.of(galaxy) for galaxy in galaxies[:2]])
    edf.card = {}
    with pytest.raises(ValueError, match="the card lacks 'training'"):
        left_out(edf, [])
