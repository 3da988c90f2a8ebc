"""Coordinates as published: standardised columns, exact densities, and back from tensors."""

import math

import pytest
import torch

from galflowlab.flow.architectures import PRESETS
from galflowlab.flow.canonical import AsGiven
from galflowlab.flow.coordinates import AS_PUBLISHED, PHYSICAL
from galflowlab.flow.model import FlowModel
from galflowlab.recipes import defaults, one_cycle, published_decay
from galflowlab.schema import EDF_COLUMNS
from tests.flows import shaken

NAMES = ("log10_mstar", "age_p50", "age_p10", "mean_metallicity")
D = len(EDF_COLUMNS)


@pytest.fixture(scope="module")
def data():
    generator = torch.Generator().manual_seed(3)
    shape = torch.linspace(0.1, 50, D, dtype=torch.float64)
    stars = [
        torch.randn(500, D, generator=generator, dtype=torch.float64) * shape + k for k in range(6)
    ]
    context = torch.rand(6, 4, generator=generator, dtype=torch.float64) + 0.1
    return stars, context


def test_published_coordinates_are_standardised_columns(data):
    stars, context = data
    contexts = AS_PUBLISHED.fit_context(NAMES, context)
    standard = contexts(context)
    torch.testing.assert_close(standard.mean(0), torch.zeros(4).double(), atol=1e-12, rtol=0)
    torch.testing.assert_close(standard.std(0, correction=0), torch.ones(4).double())
    transform = AS_PUBLISHED.fit_stars(EDF_COLUMNS, stars, standard)
    pooled = torch.cat(stars)
    values, log_det = transform(pooled, standard[:1])
    torch.testing.assert_close(values, (pooled - pooled.mean(0)) / pooled.std(0, correction=0))
    assert float(log_det[0]) == pytest.approx(-float(pooled.std(0, correction=0).log().sum()))
    torch.testing.assert_close(transform.inverse(values, standard[:1]), pooled)


def test_published_context_does_not_saturate(data):
    contexts = AS_PUBLISHED.fit_context(NAMES, data[1])
    far = torch.tensor([[1e6, -1e6, 3.0, 4.0]], dtype=torch.float64)
    torch.testing.assert_close(contexts(far) * contexts.std + contexts.mean, far)


def test_columns_as_given_are_handed_through():
    given = AsGiven(("x", "y", "age"))
    assert given.needed(("age", "x")) == ("x", "age")
    rows = {"x": torch.ones(3), "age": torch.zeros(3)}
    assert given.physical(rows, ("age",)).keys() == {"age"}


def test_published_density_counts_the_scale_of_the_stars_and_not_of_the_context(data):
    """GalacticFlow's own log_prob also subtracts log sigma of the context (see FlowModel)."""
    stars, context = data
    model = FlowModel.fit_transforms("paper", EDF_COLUMNS, NAMES, stars, 7.0 * context)
    shaken(model.flow, size=0.01)
    with torch.inference_mode():
        some, row = stars[2][:50], 7.0 * context[2:3]
        z, flow_log_det = model.flow.inverse_and_log_det(
            model.star_transform(some, context[:1])[0].float(),
            model.context_transform(row).float().expand(50, -1),
        )
        normal = -0.5 * (z.double().square().sum(1) + D * math.log(2 * math.pi))
        scale = torch.cat(stars).std(0, correction=0).log().sum()
        expected = normal + flow_log_det - scale
        torch.testing.assert_close(model.log_prob(some, row), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("preset", PRESETS)
def test_models_come_back_from_their_tensors(preset, data):
    stars, context = data
    if PRESETS[preset].coordinates is PHYSICAL:
        stars = [torch.cat([s[:, :6], s[:, 6:].abs() / 1000], dim=1) for s in stars]
    model = FlowModel.fit_transforms(preset, EDF_COLUMNS, NAMES, stars, context)
    shaken(model.flow, size=0.01)
    tensors = {k: v.clone() for k, v in model.state_dict().items()}
    again = FlowModel.from_tensors(PRESETS[preset], EDF_COLUMNS, NAMES, tensors)
    with torch.inference_mode():
        a, b = (m.log_prob(stars[0], context[:1]) for m in (model, again))
    assert torch.isfinite(a).all()
    torch.testing.assert_close(a, b, rtol=0, atol=0)
    del tensors["star_transform.marginals.x"]
    with pytest.raises(ValueError, match="do not fit"):
        FlowModel.from_tensors(PRESETS[preset], EDF_COLUMNS, NAMES, tensors)


def test_schedules():
    peak = 5e-3
    rates = [one_cycle(i, 200, peak) for i in range(200)]
    assert max(rates) == pytest.approx(peak, rel=1e-3)
    assert rates.index(max(rates)) == pytest.approx(30, abs=1)
    assert rates[0] < 0.1 * peak
    assert rates[-1] < 1e-3 * peak
    assert published_decay(9, 100, 9e-5) == 9e-5
    assert published_decay(1000, 100, 9e-5) == pytest.approx(9e-5 * 0.998**100)


def test_paper_has_the_published_recipe():
    usual = defaults("paper")
    assert (usual.learning_rate, usual.batch) == (9e-5, 1024)
    optimiser = usual.optimisation.optimiser([torch.nn.Parameter(torch.zeros(1))])
    assert isinstance(optimiser, torch.optim.RAdam)
    assert defaults("live").optimisation is not usual.optimisation
    with pytest.raises(ValueError, match="unknown preset 'nope'"):
        defaults("nope")
