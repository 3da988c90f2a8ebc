"""Symmetric models: uniform in azimuth, the same on both sides of the plane, and normalised."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import kstest

import galflowlab
from galflowlab import mocks
from galflowlab.flow.model import FlowModel
from galflowlab.flow.symmetric import SymmetricModel, quantile_of_azimuth
from galflowlab.schema import EDF_COLUMNS, star_matrix
from tests.flows import shaken

NAMES = ("log10_mstar", "age_p50", "age_p10", "mean_metallicity")


@pytest.fixture(scope="module")
def galaxy():
    return mocks.make_galaxy(10.0, seed=8, n=1500, scatter=0.0)


@pytest.fixture(scope="module")
def stars(galaxy):
    return torch.from_numpy(star_matrix(galaxy.stars, EDF_COLUMNS))


@pytest.fixture(scope="module")
def row(galaxy):
    return torch.tensor([[galaxy.context[name] for name in NAMES]], dtype=torch.float64)


@pytest.fixture(scope="module")
def model(stars, row):
    torch.manual_seed(2)
    made = SymmetricModel.fit_transforms("live", EDF_COLUMNS, NAMES, [stars], row)
    shaken(made.flow, size=0.05)
    made.flow.double()
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def edf(galaxy):
    return galflowlab.fit(
        [galaxy], seed=1, symmetric=True, stars_seen=20_000, batch=256, progress=False
    )


def rotated(stars, angle):
    c, s = math.cos(angle), math.sin(angle)
    out = stars.clone()
    for i in (0, 3):
        out[:, i], out[:, i + 1] = (
            c * stars[:, i] - s * stars[:, i + 1],
            s * stars[:, i] + c * stars[:, i + 1],
        )
    return out


def test_density_does_not_change_by_rotation_and_reflection(model, stars, row):
    before = model.log_prob(stars[:200], row)
    torch.testing.assert_close(model.log_prob(model.mirrored(stars[:200]), row), before)
    for angle in (0.3, 2.0, -1.4):
        torch.testing.assert_close(model.log_prob(rotated(stars[:200], angle), row), before)
    plain = FlowModel.fit_transforms("live", EDF_COLUMNS, NAMES, [stars], row)
    shaken(plain.flow, size=0.05)
    with torch.inference_mode():
        a, b = (plain.log_prob(s, row) for s in (stars[:200], rotated(stars[:200], 2.0)))
    assert float((a - b).abs().max()) > 0.1


def test_density_is_that_of_the_map_from_noise(model, row):
    """Sum over both preimages of the normal density over the Jacobian by autograd."""
    noise = torch.randn(20, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    stars = model.inverse(noise, row)
    other = noise.clone()  # the preimage on the other side of the plane
    images = torch.where(noise[:, 1:2] < 0, stars, model.mirrored(stars))
    other[:, model.seen] = model(images, row)[0]
    other[:, 1] *= -1
    torch.testing.assert_close(model.inverse(other, row), stars, rtol=1e-7, atol=1e-9)
    total = torch.zeros(20, dtype=torch.float64)
    for preimage in (noise, other):
        jacobian = torch.autograd.functional.jacobian(
            lambda n: model.inverse(n, row).sum(0), preimage
        )
        log_det = torch.linalg.slogdet(jacobian.permute(1, 0, 2)).logabsdet
        normal = -0.5 * (preimage.square() + math.log(2 * math.pi)).sum(1)
        total += torch.exp(normal - log_det)
    torch.testing.assert_close(model.log_prob(stars, row), total.log(), rtol=1e-6, atol=1e-6)


def test_one_number_gives_side_and_azimuth():
    noise = torch.randn(40_000, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    quantile = quantile_of_azimuth(noise).numpy()
    side = noise.numpy() < 0
    assert side.mean() == pytest.approx(0.5, abs=0.01)
    for part in (quantile[side], quantile[~side]):
        assert kstest(part, "norm").pvalue > 0.01
    extreme = torch.tensor([0.0, -0.0, 1e-30, 9.0, -40.0])
    assert torch.isfinite(quantile_of_azimuth(extreme)).all()


def test_samples_are_symmetric(edf, galaxy):
    drawn = edf.sample(20_000, galaxy.context, seed=5)
    azimuth = np.arctan2(drawn["y"].value, drawn["x"].value)
    assert kstest(azimuth, "uniform", (-np.pi, 2 * np.pi)).pvalue > 0.01
    z, vz = drawn["z"].value, drawn["vz"].value
    assert kstest(z[z > 0], -z[z < 0]).pvalue > 0.01
    assert kstest(vz[z > 0], -vz[z < 0]).pvalue > 0.01


def test_frozen_stars_are_those_of_the_plain_path(edf, galaxy):
    frozen = edf.freeze(galaxy.context, n=4000, seed=6)
    row = torch.from_numpy(edf.population.row(galaxy.context))
    with torch.inference_mode():
        plain = edf._model.inverse(frozen._noise.T, row).numpy()
    for i, name in enumerate(edf.columns):
        fast = frozen.arrays(columns=(name,))[name]
        scale = np.percentile(np.abs(plain[:, i]), 84)
        assert np.median(np.abs(fast - plain[:, i])) < 1e-5 * scale
        assert np.percentile(np.abs(fast - plain[:, i]), 99) < 1e-3 * scale
    assert (np.sign(frozen.arrays(columns=("z",))["z"]) == np.sign(plain[:, 2])).mean() > 0.999


def test_symmetry_is_kept_in_the_file(edf, galaxy, tmp_path):
    again = galflowlab.load(edf.save(tmp_path / "symmetric.safetensors"))
    turned = galaxy.stars.copy()
    turned["z"], turned["vz"] = -turned["z"], -turned["vz"]
    before = edf.log_prob(galaxy.stars, galaxy.context)
    np.testing.assert_allclose(again.log_prob(turned, galaxy.context), before, atol=1e-5)
    assert again.card["training"]["recipe"]["symmetric"] is True


@pytest.mark.slow
def test_few_stars_teach_more_where_the_galaxy_is_symmetric(galaxy):
    new = mocks.make_galaxy(10.0, seed=9, n=4000, scatter=0.0)
    recipe = {"seed": 1, "stars_seen": 150_000, "batch": 256, "learning_rate": 1e-3}
    nll = {
        symmetric: -galflowlab.fit([galaxy], symmetric=symmetric, progress=False, **recipe)
        .log_prob(new.stars, galaxy.context)
        .mean()
        for symmetric in (False, True)
    }
    assert nll[True] < nll[False] - 0.02


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"preset": "paper", "symmetric": True}, "cannot be symmetric"),
        ({"weight_decay": -1.0}, "weight_decay of zero or more, got -1"),
        ({"weight_decay": math.nan}, "weight_decay of zero or more, got nan"),
    ],
)
def test_impossible_recipes_are_refused(galaxy, wrong, message):
    with pytest.raises(ValueError, match=message):
        galflowlab.fit([galaxy], seed=1, progress=False, **wrong)
