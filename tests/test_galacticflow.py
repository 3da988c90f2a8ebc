"""GalacticFlow's checkpoints: against its own numbers, against its formulas, and as EDFs."""

import math

import numpy as np
import pytest
import torch

import galflowlab
from galflowlab.flow.frozen import FrozenModel
from galflowlab.galacticflow.checkpoint import COLUMNS, CONTEXT
from galflowlab.galacticflow.contexts import stand_ins
from galflowlab.population import why_outside
from galflowlab.schema import EDF_COLUMNS
from tests import published

ODD = {"coupling": "NSF_CL", "columns": published.COLUMNS[:7]}
KINDS = {
    "double": {},
    "single": {"coupling": "NSF_CL"},
    "single, odd": ODD,
    "single, uneven split": {"coupling": "NSF_CL", "split": 0.25},
    "double, another size": {
        "n_layers": 5,
        "hidden": 12,
        "depth": 2,
        "bins": 3,
        "bound": 2.5,
        "size": 0.5,
    },
    "double, one matrix": {"depth": 1, "slope": 0.01, "n_layers": 3, "size": 0.5},
    "single, one matrix": {"coupling": "NSF_CL", "depth": 1, "bins": 2},
    "double precision": {"dtype": torch.float64},
    "single coupling, double precision": {"dtype": torch.float64, **ODD},
    "positions, mass only": {"columns": ("x", "y", "z", "age"), "context": ("M_stars",)},
    "no mass": {"context": ("Z_av", "tau50")},
    "another order": {"columns": ("age", "vz", "x", "y", "z", "vx", "vy", "feh")},
    "single, another order": {"columns": ("vy", "y", "age", "z", "x"), "coupling": "NSF_CL"},
}


@pytest.fixture
def load(tmp_path):
    """Save a checkpoint and load it as anybody would."""

    def of(saved, name="model.pth"):
        torch.save(saved, tmp_path / name)
        return galflowlab.load(tmp_path / name)

    return of


@pytest.fixture(scope="module")
def reference(shared_data):
    folder = shared_data / "galacticflow"
    if not folder.is_dir():
        pytest.skip("no galacticflow/ among the data")
    edf = galflowlab.load(folder / "galacticflow_small.pth")
    with np.load(folder / "galacticflow_small_reference.npz") as file:
        numbers = {
            name: torch.from_numpy(file[name]) for name in file if file[name].dtype.kind == "f"
        }
    numbers["context"][:, 0].log10_()  # Msun to dex(Msun), as our context has it
    return edf, numbers


def physical_sigma(edf):
    return torch.exp(edf._model.star_transform.scale.log_scale[0])


# -- against GalacticFlow's own numbers


def test_reference_stars_from_their_noise(reference):
    edf, numbers = reference
    with torch.inference_mode():
        stars = edf._model.inverse(numbers["z"], numbers["context"])
    off = (stars - numbers["stars"]).abs() / physical_sigma(edf)
    assert float(off.max()) < 1e-4


def test_reference_densities_in_physical_units(reference):
    edf, numbers = reference
    with torch.inference_mode():
        found = edf._model.log_prob(numbers["stars"], numbers["context"])
    assert float((found - numbers["log_prob_physical"]).abs().max()) < 1e-3


def test_reference_through_the_public_door(reference):
    """Star by star, each at its context: the frozen sampler and `log_prob`."""
    edf, numbers = reference
    frozen = FrozenModel(edf._model)
    sigma = physical_sigma(edf)
    for i in range(0, 4000, 80):
        row = numbers["context"][i]
        stars = frozen.at(row[None]).drawing(edf.columns)(numbers["z"][i, :, None])
        drawn = torch.stack([stars[name][0] for name in edf.columns])
        assert float(((drawn - numbers["stars"][i]) / sigma).abs().max()) < 1e-4
        star = {c: numbers["stars"][i, k : k + 1].numpy() for k, c in enumerate(edf.columns)}
        context = dict(zip(edf.context_names, row.tolist(), strict=True))
        found = edf.log_prob(star, context)
        assert float(found[0]) == pytest.approx(float(numbers["log_prob_physical"][i]), abs=1e-3)


def test_reference_card(reference):
    card = reference[0].card
    assert card["checkpoint"]["subset_params"]["leavout_vals"] == [66, 20, 88, 48, 5]
    assert card["checkpoint"]["flow_hyper"]["K"] == 10
    assert card["training"]["history"] == [[0, 10.0], [1, 9.0], [2, 8.0]]
    assert card["training"]["seconds"] == 123.4
    assert card["source"]["file"] == "galacticflow_small.pth"
    assert len(card["source"]["sha256"]) == 64
    assert "licence" in card["source"]
    assert "rough" in card["support"]


# -- both kinds of coupling and any size, against the formulas


@pytest.mark.parametrize("kind", KINDS)
def test_density_and_stars_follow_the_formulas(kind, load):
    saved = published.checkpoint(**KINDS[kind])
    edf = load(saved)
    theirs = saved["component_names"]["stars"]
    assert edf.columns == tuple(c for c in EDF_COLUMNS if c in {COLUMNS[n] for n in theirs})
    assert edf.context_names == tuple(CONTEXT[n] for n in saved["cond_names"]["galaxy"])
    context = saved["mu_vals"][len(theirs) :] + 0.7 * saved["std_vals"][len(theirs) :]
    of_ours = dict(zip(edf.context_names, context.tolist(), strict=True))

    stars = published.typical_stars(saved)
    given = {COLUMNS[name]: stars[:, i].numpy() for i, name in enumerate(theirs)}
    expected = published.log_prob(saved, stars, context).numpy()
    np.testing.assert_allclose(edf.log_prob(given, of_ours), expected, rtol=0, atol=1e-3)

    # Stars of some noise, pushed through the formulas, are that noise again.
    frozen = edf.freeze(of_ours, n=300, seed=4)
    drawn = frozen.arrays(columns=edf.columns)
    matrix = torch.stack([torch.from_numpy(drawn[COLUMNS[n]]).double() for n in theirs], 1)
    noise, _ = published.to_noise(saved, matrix, context)
    off = (noise - frozen._noise.T.double()).abs()
    assert float(off.max()) < 2e-3  # stars in single precision, stretched by the map
    with torch.inference_mode():
        plain = edf._model.inverse(frozen._noise.T, torch.tensor([list(of_ours.values())]).double())
    ours = torch.stack([torch.from_numpy(drawn[n]) for n in edf.columns], 1)
    assert float(((plain - ours) / physical_sigma(edf)).abs().max()) < 1e-4


@pytest.mark.parametrize("kind", ["double", "single, odd"])
def test_log_determinant_is_that_of_the_jacobian(kind, load):
    saved = published.checkpoint(dtype=torch.float64, **KINDS[kind])
    edf = load(saved)
    d = len(edf.columns)
    stars, row = published.typical_stars(saved, n=20), saved["mu_vals"][None, d:]
    jacobian = torch.autograd.functional.jacobian(lambda s: edf._model(s, row)[0].sum(0), stars)
    expected = torch.linalg.slogdet(jacobian.permute(1, 0, 2)).logabsdet
    torch.testing.assert_close(edf._model(stars, row)[1], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("coupling", ["NSF_CL", "NSF_CL2"])
def test_density_integrates_to_one_in_physical_units(coupling, load):
    saved = published.checkpoint(coupling, columns=("z", "age"), n_layers=2, size=0.4)
    edf = load(saved)
    steps = [np.linspace(-40, 40, 501), np.linspace(-50, 60, 501)]
    z, age = np.meshgrid(*steps)
    cell = np.prod([step[1] - step[0] for step in steps])
    for mass in (9.0, 10.8):
        log_prob = edf.log_prob({"z": z.ravel(), "age": age.ravel()}, {"log10_mstar": mass})
        assert np.exp(log_prob).sum() * cell == pytest.approx(1, abs=0.005)


def test_network_arguments_have_the_defaults_of_the_published_code(load):
    saved = published.checkpoint("NSF_CL", hidden=16, depth=4, bins=8)
    hyper = saved["flow_hyper"]
    expected = load(saved).freeze({}, n=50, seed=1).arrays()
    for key in ("K", "B", "network", "network_args"):
        del hyper[key]
    found = load(saved).freeze({}, n=50, seed=1).arrays()
    np.testing.assert_allclose(found["x"], expected["x"], rtol=1e-4)
    hyper["network_args"] = (16, 4, 0.2)
    assert np.array_equal(load(saved).freeze({}, n=50, seed=1).arrays()["x"], found["x"])


# -- as an EDF like any other


@pytest.mark.parametrize("kind", ["double", "single, odd", "double precision", "another order"])
def test_saved_anew_it_is_the_same_to_the_bit(kind, load, tmp_path):
    saved = published.checkpoint(**KINDS[kind])
    edf = load(saved)
    assert edf._model._dtype == saved["flow_dict"]["layers.0.S"].dtype
    again = galflowlab.load(edf.save(tmp_path / "model.safetensors"))
    ours, theirs = edf._model.state_dict(), again._model.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[k], theirs[k]) and ours[k].dtype == theirs[k].dtype for k in ours)
    assert again._model.architecture == edf._model.architecture
    assert again.preset == edf.preset == "galacticflow"
    assert again.card == edf.card
    np.testing.assert_array_equal(again.population.values, edf.population.values)
    stars = edf.freeze({}, n=100, seed=1).arrays(columns=edf.columns)
    np.testing.assert_array_equal(again.log_prob(stars, {}), edf.log_prob(stars, {}))


def test_everything_an_edf_does(load):
    edf = load(published.checkpoint())
    context = {"log10_mstar": 10.2}
    stars = edf.sample(2000, context, seed=3)
    assert stars["vx"].unit.to_string() == "km / s"
    assert stars["mass"].value.sum() == pytest.approx(10**10.2, rel=1e-4)
    blocks = list(edf.stream(2000, context, seed=3, block=700))
    streamed = np.concatenate([block["age"] for block in blocks])
    np.testing.assert_allclose(streamed, stars["age"].value, rtol=1e-5, atol=1e-5)
    assert np.isfinite(edf.log_prob(stars, context)).all()
    frozen = edf.freeze(context, n=500, seed=3)
    before = frozen.arrays()["vx"]
    frozen.update({"log10_mstar": 10.9})
    assert np.abs(frozen.arrays()["vx"] - before).mean() > 1
    assert edf.support(context) > 1 > edf.support({"log10_mstar": 3.0})
    assert edf.complete(context).keys() == set(edf.context_names)
    assert edf.to("cpu").log_prob(stars[:3], context).shape == (3,)


def test_saved_hyper_parameters_must_be_those_of_the_weights(load, tmp_path):
    """A file that promises any size is refused before that size is built."""
    from galflowlab.checkpoint import read_tensors, write_tensors

    path = load(published.checkpoint()).save(tmp_path / "model.safetensors")
    tensors, header = read_tensors(path, "edf")
    for change in ({"hidden": 60_000}, {"n_layers": 900}, {"bins": 2}):
        changed = {**header, "hyper": header["hyper"] | change}
        write_tensors(path, "edf", tensors, changed)
        with pytest.raises(ValueError, match=r"model\.safetensors: tensors do not fit"):
            galflowlab.load(path)
    for hyper in ({}, [1], header["hyper"] | {"extra": 1}, header["hyper"] | {"depth": 0.5}):
        write_tensors(path, "edf", tensors, {**header, "hyper": hyper})
        with pytest.raises(ValueError, match=r"model\.safetensors: expected"):
            galflowlab.load(path)


# -- contexts that stand for the training galaxies


def test_stand_ins_have_the_mean_and_spread_and_are_possible():
    names = tuple(CONTEXT.values())
    mean, std = np.array([10.0, 6.0, 2.0, 0.02]), np.array([0.8, 2.0, 1.5, 0.015])
    contexts = stand_ins(names, mean, std)
    np.testing.assert_allclose(contexts.mean(0), mean, rtol=0.15)
    np.testing.assert_allclose(contexts.std(0) / std, 0.85, atol=0.2)  # without the tails
    assert np.ptp(contexts[:, 0]) == pytest.approx(4 * 0.8, rel=0.1)
    _, p50, p10, metallicity = contexts.T
    assert (p10 >= 0).all()
    assert (p10 <= p50).all()
    assert (p50 <= 14).all()
    assert (metallicity > 0).all()
    assert math.log10(metallicity.max() / metallicity.min()) > 0.5
    np.testing.assert_array_equal(stand_ins(names, mean, std), contexts)


def test_what_stands_for_training_galaxies_says_so(load, tmp_path):
    edf = load(published.checkpoint())
    assert edf.population.stand_ins
    saved = galflowlab.load(edf.save(tmp_path / "model.safetensors"))
    assert saved.population.stand_ins
    for population in (edf.population, saved.population):
        assert "support is rough" in why_outside(population, {"log10_mstar": 14.0})
    embedded = galflowlab.load("mock")
    assert not embedded.population.stand_ins
    assert "rough" not in why_outside(embedded.population, {"log10_mstar": 14.0})


@pytest.mark.parametrize(("name", "mean"), [("age_p50", 20.0), ("mean_metallicity", -0.1)])
def test_stand_ins_of_impossible_means_are_refused(name, mean):
    with pytest.raises(ValueError, match=f"expected a mean {name} of 0 to"):
        stand_ins((name,), np.array([mean]), np.array([1.0]))
    assert np.isfinite(stand_ins((name,), np.array([0.5]), np.array([1e300]))).all()
