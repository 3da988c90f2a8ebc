"""The embedded models: small, honest, and as good as their cards say."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import galflowlab
from galflowlab import report

FOLDER = Path(galflowlab.__file__).parent / "pretrained"


@dataclass(frozen=True)
class Promise:
    """What a model must keep, and how `make model` trains it."""

    name: str
    preset: str
    most_bytes: int
    most_kl: float  # nats per star
    budget: str  # as in the Makefile


MODELS = [
    Promise("mock", "live", 1_000_000, 0.07, "4e7"),
    Promise("mock_accurate", "accurate", 5_000_000, 0.04, "2e7"),
]


@pytest.fixture(scope="module", params=MODELS, ids=lambda m: m.name)
def promise(request):
    return request.param


@pytest.fixture(scope="module")
def any_edf(promise):
    return galflowlab.load(promise.name)


@pytest.fixture(scope="module")
def card(promise):
    return (FOLDER / f"{promise.name}.md").read_text()


@pytest.fixture(scope="module")
def edf():
    return galflowlab.load("mock")


def test_every_embedded_model_is_tested():
    assert set(galflowlab.loading.embedded_models()) == {m.name for m in MODELS}


def test_it_is_small(promise):
    assert (FOLDER / f"{promise.name}.safetensors").stat().st_size <= promise.most_bytes


@pytest.mark.parametrize("suffix", ["", "_context_scatter"])
def test_the_card_tells_what_the_evaluation_found(card, promise, suffix):
    result = json.loads((FOLDER / f"{promise.name}{suffix}.json").read_text())
    assert f"| {result['kl']:.4f} ± {result['kl_error']:.4f} |" in card
    assert result["kl"] == pytest.approx(np.mean([g["kl"] for g in result["galaxies"]]))
    assert result["kl"] <= promise.most_kl
    assert f"seed\n{result['suite']['seed']:,}".replace(",", " ") in card


def test_the_card_tells_how_it_was_trained(card, promise, any_edf):
    training = any_edf.card["training"]
    assert f"| {training['held_out_nll']:.3f} nats per star" in card
    assert f"{training['galaxies']} galaxies; {training['held_out_galaxies']} held out" in card
    assert f"{any_edf.n_parameters:,} parameters".replace(",", " ") in card
    assert any_edf.preset == promise.preset
    makefile = (Path(__file__).resolve().parents[1] / "Makefile").read_text()
    assert f"--preset {promise.preset} --stars-seen {promise.budget}" in makefile
    assert training["recipe"]["stars_seen"] == float(promise.budget)
    assert f"{training['cpu_seconds'] / 60:.0f} CPU minutes" in card


def test_its_training_galaxies_can_be_made_again(edf):
    names, values = edf.card["training"]["names"], edf.population.values
    assert len(set(names)) == len(names) == len(values) == edf.card["training"]["galaxies"]
    masses = np.array([float(re.match(r"mock_m([\d.]+)_s", name)[1]) for name in names])
    np.testing.assert_allclose(masses, values[:, 0], atol=0.000501)
    for row in (0, 300, len(names) - 1):
        galaxy = galflowlab.mocks.remake(names[row], values[row, 0], 10_000)
        measured = [galaxy.context[name] for name in edf.context_names]
        np.testing.assert_allclose(measured, values[row], rtol=1e-3)


def test_unseen_galaxies_are_as_far_as_the_card_says(promise, any_edf):
    """The first galaxies of the suite on the card, drawn anew with fewer stars."""
    stored = json.loads((FOLDER / f"{promise.name}.json").read_text())
    galaxies = galflowlab.mocks.make_suite(
        6, 4000, seed=stored["suite"]["seed"], scatter=stored["suite"]["scatter"]
    )
    result = report.against_truth(any_edf, galaxies)
    for row, known in zip(result["galaxies"], stored["galaxies"], strict=False):
        assert row["name"] == known["name"]
        assert row["inside_population"]
        sigma = np.hypot(row["kl_error"], known["kl_error"])
        assert row["kl"] == pytest.approx(known["kl"], abs=4 * sigma + 0.01)
    assert result["kl"] < promise.most_kl


def test_report_needs_a_truth(edf):
    galaxy = galflowlab.mocks.make_galaxy(10.0, seed=1, n=100)
    with pytest.raises(ValueError, match="has no known eDF"):
        report.against_truth(edf, [galaxy.with_stars(galaxy.stars[:50])])
    with pytest.raises(ValueError, match="at least one galaxy"):
        report.against_truth(edf, [])


def test_mass_and_metallicity_can_be_dragged_apart(edf):
    """Metal-poor and metal-rich galaxies of one mass differ as they should."""
    poor, typical, rich = (
        edf.sample(20_000, {"log10_mstar": 10.0, "mean_metallicity": z}, seed=1)
        for z in (0.006, 0.010, 0.016)
    )
    means = [float(s["metallicity"].value.mean()) for s in (poor, typical, rich)]
    np.testing.assert_allclose(means, (0.006, 0.010, 0.016), rtol=0.06)
    irons = [float(np.median(s["fe_h"].value)) for s in (poor, typical, rich)]
    assert irons[0] < irons[1] - 0.1 < irons[2] - 0.2


@pytest.mark.parametrize("log10_mstar", [7.2, 9.0, 10.2, 11.0])
def test_generated_galaxies_have_the_context_asked_for(edf, log10_mstar):
    context = edf.population.complete({"log10_mstar": log10_mstar})
    measured = galflowlab.Galaxy(
        "g", edf.sample(20_000, context, seed=1), galflowlab.galaxy.Provenance("test")
    ).context
    assert measured["log10_mstar"] == pytest.approx(log10_mstar, abs=1e-4)
    for name in ("age_p50", "age_p10"):
        assert measured[name] == pytest.approx(context[name], abs=0.3)
    assert measured["mean_metallicity"] == pytest.approx(context["mean_metallicity"], rel=0.05)
