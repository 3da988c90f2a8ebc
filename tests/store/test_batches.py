"""Batches: those of a store are those of memory, star by star."""

import numpy as np
import pytest
import torch

from galflowlab.processes import Processes
from galflowlab.recipes import Recipe
from galflowlab.training.batches import BatchesFromStore, coordinates_of
from galflowlab.training.run import _model

ALONE = Processes(0, 1, torch.device("cpu"))


HEIGHT = 1  # of the coordinates that a symmetric model sees: there is no azimuth


def recipe(symmetric):
    return Recipe("live", 1, 1000, 250, 1e-3, 0.0, symmetric, 0.1, 0.3)


def test_an_epoch_holds_every_star_once(store):
    training, _ = store.split(0.2, np.random.default_rng(1))
    sample = training.sample()  # of such small galaxies: everything
    assert sample.n_stars == training.n_stars
    model = _model(sample, recipe(symmetric=False))
    batches = BatchesFromStore(model, training, batch=250, seed=1, processes=ALONE)
    seen = [batches(step) for step in range(training.n_stars // 250)]
    expected, galaxy, log_density = coordinates_of(model, sample)
    x = torch.cat([batch.coordinates for batch in seen])
    for column in range(x.shape[1]):
        torch.testing.assert_close(x[:, column].sort()[0], expected[:, column].sort()[0])
    context = torch.cat([batch.context for batch in seen])
    standard = model.context_transform(training.context).float()[galaxy]
    torch.testing.assert_close(context.sort(0)[0], standard.sort(0)[0])
    assert np.mean([b.log_density for b in seen]) == pytest.approx(log_density, rel=1e-6)


def test_half_of_the_stars_are_mirrored_for_a_symmetric_model(store):
    training, _ = store.split(0.2, np.random.default_rng(1))
    sample = training.sample()
    model = _model(sample, recipe(symmetric=True))
    as_they_are = set(coordinates_of(model, sample)[0].numpy().round(4)[:, HEIGHT].tolist())
    batches = BatchesFromStore(model, training, batch=250, seed=1, processes=ALONE)
    heights = torch.cat([batches(step).coordinates[:, HEIGHT] for step in range(28)])
    unmoved = np.mean([h in as_they_are for h in heights.numpy().round(4).tolist()])
    # Heights that are equal by chance count as unmoved.
    assert 0.5 < unmoved < 0.75


def test_batches_of_several_processes_make_up_the_whole(store):
    training, _ = store.split(0.2, np.random.default_rng(1))
    model = _model(training.sample(), recipe(symmetric=False))

    def batches(rank, count):
        processes = Processes(rank, count, torch.device("cpu"))
        return BatchesFromStore(model, training, batch=300, seed=1, processes=processes)

    whole, parts = batches(0, 1), [batches(rank, 3) for rank in range(3)]
    for step in (0, 1, 30, 31):
        expected = whole(step).coordinates
        for rank, part in enumerate(parts):
            torch.testing.assert_close(part(step).coordinates, expected[rank::3])
