"""Layers and presets: against normflows and autograd, as densities, and folded."""

import normflows as nf
import numpy as np
import pytest
import torch

from galflowlab.flow.architectures import PRESETS, find_preset
from galflowlab.flow.autoregressive import AutoregressiveSpline
from galflowlab.flow.folding import FoldedFlow, Unfolded, fold
from galflowlab.flow.galacticflow_layers import DoubleSplineCoupling, LearnedLinear
from galflowlab.flow.layers import AffineCoupling, SplineCoupling, mask_free_spline
from galflowlab.flow.workspace import Workspace
from tests.flows import points, shaken

LAYERS = {
    "affine": lambda d, odd: AffineCoupling(d, 3, hidden=16, blocks=1, odd=odd),
    "spline": lambda d, odd: SplineCoupling(d, 3, hidden=16, blocks=1, bins=6, odd=odd),
    "autoregressive": lambda d, _: AutoregressiveSpline(
        d, 3, hidden=16, blocks=1, bins=6, tail_bound=3.0
    ),
}


@pytest.mark.parametrize("odd", [False, True])
@pytest.mark.parametrize("d", [2, 5, 10])
@pytest.mark.parametrize("kind", LAYERS)
def test_layer_round_trip_and_jacobian(kind, d, odd):
    torch.manual_seed(0)
    layer = shaken(LAYERS[kind](d, odd)).double()
    x, context = points(64, d), points(64, 3, seed=2)
    z, log_det = layer.inverse(x, context)
    back, back_log_det = layer.forward(z, context)
    torch.testing.assert_close(back, x, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(back_log_det, -log_det, rtol=1e-8, atol=1e-8)
    jacobian = torch.autograd.functional.jacobian(lambda p: layer.inverse(p, context)[0].sum(0), x)
    expected = torch.linalg.slogdet(jacobian.permute(1, 0, 2)).logabsdet
    torch.testing.assert_close(log_det, expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("kind", LAYERS)
def test_layer_starts_as_the_identity(kind):
    layer = LAYERS[kind](7, False).double()
    x = points(200, 7)
    z, log_det = layer.inverse(x, points(200, 3, seed=2))
    torch.testing.assert_close(z, x, rtol=1e-6, atol=1e-6)
    assert float(log_det.detach().abs().max()) < 1e-5


@pytest.mark.parametrize("kind", LAYERS)
def test_layer_depends_on_the_context_of_each_star(kind):
    torch.manual_seed(0)
    layer = shaken(LAYERS[kind](4, False), size=0.5).double()
    x = points(1, 4).repeat(2, 1)
    context = torch.tensor([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]], dtype=torch.float64)
    z, _ = layer.inverse(x, context)
    assert not torch.allclose(z[0], z[1])


@pytest.mark.parametrize("odd", [False, True])
def test_spline_coupling_is_that_of_normflows(odd):
    torch.manual_seed(0)
    ours = shaken(SplineCoupling(10, 4, hidden=32, blocks=2, bins=8, odd=odd), size=0.3).double()
    theirs = nf.flows.CoupledRationalQuadraticSpline(
        10, 2, 32, num_context_channels=4, num_bins=8, reverse_mask=odd
    ).double()
    check_same_layer(ours, theirs)


def test_autoregressive_spline_is_that_of_normflows():
    torch.manual_seed(0)
    size = {"hidden": 32, "blocks": 2, "bins": 8, "tail_bound": 3.0}
    ours = shaken(AutoregressiveSpline(10, 4, **size), size=0.3).double()
    theirs = nf.flows.AutoregressiveRationalQuadraticSpline(
        10, 2, 32, num_context_channels=4, num_bins=8, permute_mask=False
    ).double()
    check_same_layer(ours, theirs)


def check_same_layer(ours, theirs):
    theirs.load_state_dict(ours.state_dict())
    x, context = points(500, 10), points(500, 4, seed=3)
    for direction in ("forward", "inverse"):
        mine, my_log_det = getattr(ours, direction)(x, context)
        other, other_log_det = getattr(theirs, direction)(x, context)
        torch.testing.assert_close(mine, other, rtol=1e-8, atol=1e-8)
        torch.testing.assert_close(my_log_det, other_log_det, rtol=1e-7, atol=1e-7)


def test_mask_free_spline_is_the_identity_in_its_tails():
    raw = points(3, 8)
    value = torch.tensor([[-7.0, 3.5, 100.0]], dtype=torch.float64)
    out, log_slope = mask_free_spline(
        value, raw, raw.flip(0), raw[:, :7], inverse=False, bound=3.0, minima=(1e-3, 1e-3, 1e-3)
    )
    assert torch.equal(out, value)
    assert torch.equal(log_slope, torch.zeros_like(value))


# Evaluated star by star, the published size takes its time.
BY_SPEED = [pytest.param(p, marks=pytest.mark.slow) if p == "paper" else p for p in PRESETS]


def plane(cell=0.1, half=9.0):
    """Centres of square cells whose edges lie on multiples of their size."""
    axis = torch.arange(-half + cell / 2, half, cell, dtype=torch.float64)
    return torch.cartesian_prod(axis, axis), cell**2


@pytest.mark.parametrize("preset", BY_SPEED)
def test_preset_integrates_to_one(preset):
    """Quadrature over the plane for a two-dimensional flow of every preset."""
    torch.manual_seed(4)
    flow = shaken(find_preset(preset).flow(2, 1), size=0.04)
    grid, cell = plane(cell=0.075)
    with torch.inference_mode():
        for value in (-1.0, 0.7):
            context = torch.full((len(grid), 1), value)
            density = torch.exp(flow.log_prob(grid.float(), context))
            assert float(density.double().sum() * cell) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("preset", BY_SPEED)
def test_preset_samples_follow_its_density(preset):
    torch.manual_seed(5)
    flow = shaken(find_preset(preset).flow(2, 1), size=0.04).double()
    n = 20_000
    context = torch.full((n, 1), 0.3, dtype=torch.float64)
    with torch.inference_mode():
        stars = flow.forward(points(n, 2, scale=1.0), context)
        grid, cell = plane()
        density = torch.exp(flow.log_prob(grid, torch.full((len(grid), 1), 0.3).double()))
    for lo, hi in (((-1, -1), (0, 0.5)), ((0, 0), (1.5, 2)), ((-3, 0), (-0.5, 3))):
        lo_, hi_ = torch.tensor(lo).double(), torch.tensor(hi).double()
        counted = float(((stars > lo_) & (stars < hi_)).all(1).double().mean())
        expected = float(density[((grid > lo_) & (grid < hi_)).all(1)].sum() * cell)
        sigma = np.sqrt(expected / n)
        assert counted == pytest.approx(expected, abs=4 * sigma + 0.03 * expected)


@pytest.mark.parametrize("preset", PRESETS)
def test_preset_round_trip_in_single_precision(preset):
    torch.manual_seed(6)
    flow = shaken(find_preset(preset).flow(10, 4), size=0.03)
    noise, context = points(2000, 10, scale=1.0).float(), points(2000, 4, seed=9).float()
    with torch.inference_mode():
        back, _ = flow.inverse_and_log_det(flow.forward(noise, context), context)
    assert float((back - noise).abs().max()) < 1e-4


def test_unknown_preset_is_refused():
    with pytest.raises(ValueError, match="unknown preset 'nope'; known are"):
        find_preset("nope").flow(10, 4)


CPU = torch.device("cpu")


def flow_of(*layers):
    features = 6
    return nf.ConditionalNormalizingFlow(
        nf.distributions.DiagGaussian(features, trainable=False), list(layers)
    )


def noise_of(features, n=500, scale=1.0):
    return scale * torch.randn(features, n, generator=torch.Generator().manual_seed(1))


@torch.inference_mode()
def folded_and_plain(flow, noise, context):
    """Flow coordinates (feature, star) with the context folded in, and star by star."""
    folded = FoldedFlow(flow, len(noise))
    stars, work = torch.cat([noise, torch.ones_like(noise[:1])]), Workspace(CPU)
    work.resize(noise.shape[1])
    for step in folded.at(context):
        stars = step(stars, work)
    plain = flow.forward(noise.T.contiguous(), context.float().expand(noise.shape[1], -1))
    return folded.tail.float() @ stars, plain.T


FOLDABLE = {
    "affine": lambda blocks: AffineCoupling(6, 2, hidden=16, blocks=blocks, odd=True),
    "spline": lambda blocks: SplineCoupling(6, 2, hidden=16, blocks=blocks, bins=5, odd=False),
    "double spline": lambda blocks: DoubleSplineCoupling(
        6, 2, hidden=16, layers=blocks + 1, bins=5, bound=3.0
    ),
}


# Autoregressive layers are evaluated as they are: their preset is for densities.
SAMPLED = [preset for preset in PRESETS if preset != "density"]


@pytest.mark.parametrize("features", [2, 7, 10])
@pytest.mark.parametrize("preset", SAMPLED)
def test_every_sampled_preset_is_folded_and_agrees_with_itself_unfolded(preset, features):
    torch.manual_seed(0)
    flow = shaken(find_preset(preset).flow(features, 3), size=0.03)
    layers = FoldedFlow(flow, features).layers
    assert Unfolded not in [type(layer) for layer, _ in layers]
    assert 2 * len(layers) == len(flow.flows)  # the linear ones are gone
    context = torch.tensor([0.3, -1.2, 0.8], dtype=torch.float64)
    folded, plain = folded_and_plain(flow, noise_of(features, 3000), context)
    assert float((folded - plain).abs().max()) < 1e-4
    assert float((plain - noise_of(features, 3000)).abs().max()) > 0.1


@pytest.mark.parametrize("blocks", [1, 2, 3])
@pytest.mark.parametrize("kind", FOLDABLE)
def test_deeper_conditioners_fold_too(kind, blocks):
    torch.manual_seed(blocks)
    layer = shaken(FOLDABLE[kind](blocks), size=0.3)
    assert not isinstance(fold(layer, 6, CPU), Unfolded)
    folded, plain = folded_and_plain(
        flow_of(layer), noise_of(6, scale=2.0), torch.tensor([0.5, -1.0]).double()
    )
    torch.testing.assert_close(folded, plain, rtol=1e-4, atol=1e-4)


def test_layers_of_all_kinds_follow_each_other():
    """Also two couplings without a linear layer between them, and a layer that is not folded."""
    torch.manual_seed(0)
    strange = nf.flows.CoupledRationalQuadraticSpline(6, 1, 16, num_context_channels=2)
    layers = [FOLDABLE["affine"](1), FOLDABLE["spline"](1), nf.flows.LULinearPermute(6), strange]
    layers += [LearnedLinear(6), FOLDABLE["double spline"](1), FOLDABLE["spline"](2)]
    flow = shaken(flow_of(*layers), size=0.1)
    folded = [type(layer) for layer, _ in FoldedFlow(flow, 6).layers]
    assert folded.count(Unfolded) == 1
    assert len(folded) == 5
    stars, plain = folded_and_plain(flow, noise_of(6), torch.tensor([0.5, -1.0]).double())
    torch.testing.assert_close(stars, plain, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", [1.0, 30.0])
@pytest.mark.parametrize("kind", ["spline", "double spline"])
def test_extreme_conditioners_give_finite_stars(kind, size):
    torch.manual_seed(0)
    flow = flow_of(shaken(FOLDABLE[kind](1), size=size))
    folded, _ = folded_and_plain(flow, noise_of(6, scale=3.0), torch.ones(2).double())
    assert torch.isfinite(folded).all()


def test_extreme_logits_stay_exact():
    """Logits of hundreds, against double precision."""
    torch.manual_seed(0)
    flow, context = flow_of(shaken(FOLDABLE["spline"](1), size=2.0)), torch.ones(2).double()
    noise = noise_of(6, scale=2.0)
    folded, _ = folded_and_plain(flow, noise, context)
    with torch.inference_mode():
        exact = flow.double().forward(noise.T.double(), context.expand(noise.shape[1], -1)).T
    assert float((folded - exact).abs().quantile(0.995)) < 1e-4
