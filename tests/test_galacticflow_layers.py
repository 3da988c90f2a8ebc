"""GalacticFlow's layers: against its own numbers, against autograd, as densities."""

import normflows as nf
import numpy as np
import pytest
import torch

from galflowlab.flow.architectures import find_preset
from galflowlab.flow.folded_galacticflow import FoldedPublished
from galflowlab.flow.folding import FoldedFlow
from galflowlab.flow.galacticflow_layers import (
    DoubleSplineCoupling,
    LearnedLinear,
    SingleSplineCoupling,
)
from galflowlab.flow.workspace import Workspace
from tests.flows import points, shaken


def coupling(features):
    return DoubleSplineCoupling(features, 3, hidden=16, layers=3, bins=6, bound=3.0)


def single(features, first=None):
    first = features // 2 if first is None else first
    return SingleSplineCoupling(
        features, 3, first=first, hidden=16, layers=3, bins=6, bound=3.0, slope=0.05
    )


LAYERS = {"linear": LearnedLinear, "double spline": coupling, "single spline": single}


@pytest.mark.parametrize("features", [2, 5, 10])
@pytest.mark.parametrize("kind", LAYERS)
def test_layer_round_trip_and_jacobian(kind, features):
    torch.manual_seed(0)
    layer = shaken(LAYERS[kind](features), size=0.2).double()
    x, context = points(64, features), points(64, 3, seed=2)
    z, log_det = layer.inverse(x, context)
    back, back_log_det = layer.forward(z, context)
    torch.testing.assert_close(back, x, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(back_log_det, -log_det, rtol=1e-8, atol=1e-8)
    jacobian = torch.autograd.functional.jacobian(lambda p: layer.inverse(p, context)[0].sum(0), x)
    expected = torch.linalg.slogdet(jacobian.permute(1, 0, 2)).logabsdet
    torch.testing.assert_close(log_det, expected, rtol=1e-8, atol=1e-8)
    assert not torch.allclose(z, x)


def test_only_the_triangles_of_the_linear_layer_count():
    torch.manual_seed(0)
    layer = LearnedLinear(6).double()
    x = points(10, 6)
    before, _ = layer.inverse(x, None)
    with torch.no_grad():
        layer.L += 7 * torch.ones(6, 6).triu()
        layer.U += 7 * torch.ones(6, 6).tril()
    torch.testing.assert_close(layer.inverse(x, None)[0], before)


def test_coupling_depends_on_the_context_of_each_star_and_is_the_identity_far_away():
    torch.manual_seed(0)
    layer = shaken(coupling(4), size=0.2).double()
    x = points(1, 4).repeat(2, 1)
    z, _ = layer.inverse(x, points(2, 3, seed=3))
    assert not torch.allclose(z[0], z[1])
    far = torch.tensor([[5.0, -7.0, 9.0, -3.5]], dtype=torch.float64)
    z, log_det = layer.inverse(far, points(1, 3))
    assert torch.equal(z, far)
    assert float(log_det.detach()) == 0.0


@pytest.fixture(scope="module")
def published(shared_data):
    """A small checkpoint in the published format, and what GalacticFlow makes of it."""
    folder = shared_data / "galacticflow"
    if not folder.is_dir():
        pytest.skip(f"no reference data at {folder}")
    checkpoint = torch.load(folder / "galacticflow_small.pth", weights_only=True)
    with np.load(folder / "galacticflow_small_reference.npz") as file:
        return checkpoint, {
            name: torch.from_numpy(file[name])
            for name in ("z", "stars", "context", "log_prob_flow")
        }


def rebuilt(checkpoint):
    """Published layers are counted from the data side, normflows' from the base."""
    hyper = checkpoint["flow_hyper"]
    hidden, layers, _ = hyper["network_args"].int().tolist()
    flows = []
    for _ in range(hyper["n_layers"]):
        flows.append(
            DoubleSplineCoupling(
                hyper["dim_notcond"],
                hyper["dim_cond"],
                hidden=hidden,
                layers=layers,
                bins=hyper["K"],
                bound=float(hyper["B"]),
            )
        )
        flows.append(LearnedLinear(hyper["dim_notcond"]))
    flow = nf.ConditionalNormalizingFlow(
        nf.distributions.DiagGaussian(hyper["dim_notcond"], trainable=False), flows
    )
    state = {f"q0.{name}": value for name, value in flow.q0.state_dict().items()}
    for key, value in checkpoint["flow_dict"].items():
        _, number, name = key.split(".", 2)
        state[f"flows.{len(flows) - 1 - int(number)}.{name}"] = value
    flow.load_state_dict(state)
    return flow


def test_layers_are_those_of_the_published_code(published):
    checkpoint, reference = published
    flow = rebuilt(checkpoint)
    mean, std = checkpoint["mu_vals"], checkpoint["std_vals"]
    features = reference["stars"].shape[1]
    context = reference["context"].clone()
    context[:, 0] = context[:, 0].log10()
    context = ((context - mean[features:]) / std[features:]).float()
    stars = (reference["stars"] - mean[:features]) / std[:features]
    with torch.no_grad():
        sampled = flow.forward(reference["z"], context)
        log_prob = flow.log_prob(stars.float(), context)
    assert float((sampled - stars).abs().max()) < 1e-4
    assert float((log_prob - reference["log_prob_flow"]).abs().max()) < 1e-3


def test_preset_has_the_published_size():
    flow = find_preset("paper").flow(10, 4)
    couplings = [layer for layer in flow.flows if isinstance(layer, DoubleSplineCoupling)]
    assert len(couplings) == 14
    assert len(flow.flows) == 28
    assert 2.9e6 < sum(p.numel() for p in flow.parameters()) < 3.0e6
    assert couplings[0].net1.linear[-1].weight.shape == (5 * 29, 128)


def test_single_coupling_leaves_the_first_features_alone():
    torch.manual_seed(0)
    layer = shaken(single(5, first=2), size=0.2)
    x = points(40, 5).float()
    z, _ = layer.inverse(x, points(40, 3, seed=2).float())
    assert torch.equal(z[:, :2], x[:, :2])
    assert float((z[:, 2:] - x[:, 2:]).detach().abs().median()) > 0.01


@pytest.mark.parametrize("first", [1, 2, 6])
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_single_coupling_folds(first, depth):
    """Also between linear layers and couplings of the other kind, and with another slope."""
    torch.manual_seed(depth)
    size = {"hidden": 16, "layers": depth, "bins": 5, "bound": 2.5, "slope": 0.07}
    layers = [
        SingleSplineCoupling(7, 2, first=first, **size),
        LearnedLinear(7),
        DoubleSplineCoupling(7, 2, **size),
        SingleSplineCoupling(7, 2, first=7 - first, **size),
        LearnedLinear(7),
    ]
    flow = shaken(
        nf.ConditionalNormalizingFlow(nf.distributions.DiagGaussian(7, trainable=False), layers),
        size=0.15,
    )
    context = torch.tensor([0.5, -1.0], dtype=torch.float64)
    noise = points(500, 7).T.float()
    folded = FoldedFlow(flow, 7)
    assert {type(layer) for layer, _ in folded.layers} == {FoldedPublished}
    stars, work = torch.cat([noise, torch.ones_like(noise[:1])]), Workspace(torch.device("cpu"))
    work.resize(500)
    with torch.inference_mode():
        for step in folded.at(context):
            stars = step(stars, work)
        plain = flow.forward(noise.T.contiguous(), context.float().expand(500, -1)).T
    torch.testing.assert_close(folded.tail.float() @ stars, plain, rtol=1e-4, atol=1e-4)
    assert float((plain - noise).abs().max()) > 0.1
