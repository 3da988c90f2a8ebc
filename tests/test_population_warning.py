"""The warning about contexts unlike those of the training galaxies."""

import re
import warnings

import pytest

import galflowlab
from galflowlab.population import ExtrapolationWarning

RICH = {"log10_mstar": 7.0, "mean_metallicity": 0.03}  # thirty times that of its mass


@pytest.fixture
def fresh():
    return galflowlab.load("mock")


def test_sampling_outside_warns_once(fresh):
    with pytest.warns(ExtrapolationWarning) as caught:
        fresh.sample(10, RICH, seed=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fresh.sample(10, RICH, seed=1)
        fresh.sample(10, {"log10_mstar": 13.0}, seed=1)
        fresh.stream(10, RICH, seed=1)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    text = str(caught[0].message)
    low, high = fresh.population.range("mean_metallicity")
    assert f"mean_metallicity=0.03 (training galaxies: {low:.4g} to {high:.4g}; typical" in text
    assert re.search(r"percentile \S+ of typicality", text)
    assert "age_p50" not in text


def test_streaming_outside_warns_too(fresh):
    with pytest.warns(ExtrapolationWarning, match=r"because of log10_mstar=13 \(training galaxies"):
        fresh.stream(10, {"log10_mstar": 13.0}, seed=1)


def test_one_blames_ages_that_do_not_go_together(fresh):
    typical = fresh.complete({"log10_mstar": 9.0})
    odd = {**typical, "age_p50": 10.5, "age_p10": 1.2}
    with pytest.warns(ExtrapolationWarning) as caught:
        fresh.sample(5, odd, seed=1)
    text = str(caught[0].message)
    assert "age_p50=10.5" in text
    assert "mean_metallicity=" not in text


def test_no_warning_inside_or_for_a_slider(fresh):
    with warnings.catch_warnings():
        warnings.simplefilter("error", ExtrapolationWarning)
        fresh.sample(10, {"log10_mstar": 9.0}, seed=1)
        for row in fresh.population.values[::100].tolist():
            fresh.sample(10, dict(zip(fresh.context_names, row, strict=True)), seed=1)
        frozen = fresh.freeze(RICH, n=10, seed=1)
        frozen.update({"log10_mstar": 13.0})
        with pytest.raises(ValueError, match="at least one star"):
            fresh.sample(0, RICH, seed=1)
