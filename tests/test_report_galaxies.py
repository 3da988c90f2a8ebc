"""What the report says of single galaxies: errors, tests, maps, and the words for them."""

import numpy as np
import pytest

from galflowlab import mocks
from galflowlab.metrics import Comparison
from galflowlab.population import Population
from galflowlab.report import against_galaxies, wording
from galflowlab.report.coordinates import coordinates
from galflowlab.report.examination import examine, rejects, spread_in_mass
from galflowlab.report.summary import summarise
from galflowlab.report.views import map_pairs
from galflowlab.schema import CONTEXT, EDF_COLUMNS, as_stars


class Frozen:
    def __init__(self, stars):
        self._stars = stars

    def stars(self):
        return self._stars

    def arrays(self):
        return {name: self._stars[name].value for name in self._stars.colnames}


class StandIn:
    """A model that is the truth of one galaxy, or the truth with its stars changed."""

    columns, context_names = EDF_COLUMNS, tuple(CONTEXT)

    def __init__(self, galaxy, change=lambda values: values, impossible=0):
        self._galaxy, self._change, self._impossible = galaxy, change, impossible
        context = [list(galaxy.context.values())]
        self.population = Population(self.context_names, np.array(context))

    def freeze(self, context, *, n, seed):
        stars = self._galaxy.truth.sample(n, seed=seed)
        values = {name: stars[name].value.copy() for name in stars.colnames}
        return Frozen(as_stars(self._change(values)))

    def log_prob(self, stars, context):
        values = self._galaxy.truth.log_prob(stars)
        values[: self._impossible] = -np.inf
        return values

    def warn_if_outside(self, context):
        pass

    def log_prob_gradient(self, stars, context):
        raise ValueError("the truth of a mock is not differentiated")

    def support(self, context):
        return self.population.support(context)


@pytest.fixture(scope="module")
def galaxy():
    return mocks.make_galaxy(10.0, seed=3, n=2000, scatter=0.0)


def slower(values):
    return {**values, "vx": 0.8 * values["vx"], "vy": 0.8 * values["vy"]}


@pytest.mark.slow
def test_truth_passes_and_a_planted_error_does_not(galaxy, monkeypatch):
    monkeypatch.setattr("galflowlab.dynamics.trial_stars._DRAWN", 2000)
    monkeypatch.setattr("galflowlab.report.physics._DRAWN", 2000)
    settings = {"size": 500, "resamples": 100, "seed": 1}
    good = examine(StandIn(galaxy), galaxy, **settings).entry
    assert "not differentiated" in good["physics"]["failed"]  # the rest is there all the same
    assert not any(m["rejected"] for m in good["two_samples"].values())
    assert not good["densities"]["held_out_nll"]["rejected"]
    assert good["densities"]["kl_to_truth"]["value"] == 0
    assert all(m["residual_rms"] == pytest.approx(1, abs=0.25) for m in good["maps"])

    bad = examine(StandIn(galaxy, slower), galaxy, **settings).entry
    tests = bad["two_samples"]
    assert all(tests[name]["rejected"] for name in ("kolmogorov_smirnov", "rbf_mmd2", "c2st"))
    columns = tests["kolmogorov_smirnov"]["details"]["columns"]
    assert min(columns, key=lambda name: columns[name]["p_value"]) == "v_phi"
    assert bad["profiles"]["quantities"]["v_phi"]["p_value"] < 1e-6
    assert bad["profiles"]["quantities"]["surface_density"]["p_value"] > 1e-3
    assert bad["maps"][3]["residual_rms"] > 1.5

    quality = against_galaxies(StandIn(galaxy), [galaxy], seed=1) | {"trained_on": []}
    words = [
        {f["topic"]: f for f in summarise(quality | {"examined": [entry]}, SPEED, COST)}
        for entry in (good, bad)
    ]
    assert {topic for topic, finding in words[0].items() if finding["concern"]} == {"Forces"}
    assert words[1]["Tests"]["concern"]
    assert "Single columns that differ: v_φ (1 of 1)" in words[1]["Tests"]["text"]
    assert "v_φ (1 of 1)" in words[1]["Profiles"]["text"]


SPEED = {"frozen": 412_345.0, "frozen_over_plain": 4.56, "log_prob": 99_000.0}
COST = {
    "parameters": 120_480,
    "file_bytes": 562_000,
    "compression_ratio": None,
    "stars": None,
    "training_cpu_seconds": 5400.0,
}


def findings(quality):
    quality = {"trained_on": [], "examined": [], **quality}
    return {finding["topic"]: finding for finding in summarise(quality, SPEED, COST)}


def test_errors_of_the_truth_are_zero(galaxy):
    unknown = galaxy.with_stars(galaxy.stars)
    found = against_galaxies(StandIn(galaxy), [galaxy, unknown], seed=1)
    first, second = found["galaxies"]
    assert first["kl"] == 0
    assert first["entropy"] == pytest.approx(first["nll"])
    assert abs(first["surprise"]) < 4 * first["surprise_error"]
    assert second["kl"] is None
    assert second["nll"] == first["nll"]
    assert found["kl"] == 0
    assert found["kl_error"] is None
    words = findings(found)
    assert "0 nats per star over 1 galaxy of known truth" in words["Error"]["text"]
    assert "1.5 h of CPU time" in words["Cost"]["text"]
    assert "410,000 stars of a galaxy per CPU-second" in words["Speed"]["text"]


def test_impossible_stars_are_infinite_errors(galaxy):
    found = against_galaxies(StandIn(galaxy, impossible=3), [galaxy], seed=1)
    (row,) = found["galaxies"]
    assert row["impossible"] == 3
    assert row["nll"] is row["surprise"] is row["kl"] is found["nll"] is found["kl"] is None
    assert row["entropy"] is not None
    words = findings(found)
    assert words["Error"]["concern"]
    assert "3 stars of 1 galaxy cannot exist" in words["Impossible stars"]["text"]


def test_galaxies_without_truth_are_judged_by_their_surprise(galaxy):
    unknown = galaxy.with_stars(galaxy.stars)
    words = findings(against_galaxies(StandIn(galaxy), [unknown], seed=1))
    assert "0 of 1 are off" in words["Error"]["text"]
    assert not words["Error"]["concern"]
    values = {name: unknown.stars[name].value for name in unknown.stars.colnames}
    shifted = unknown.with_stars(as_stars({**values, "z": values["z"] + 0.5}))
    found = against_galaxies(StandIn(galaxy), [shifted], seed=1)
    assert found["surprise"] > 1
    assert findings(found)["Error"]["concern"]


def test_galaxies_of_the_training_and_outside_it_are_pointed_out(galaxy):
    heavy = mocks.make_galaxy(11.0, seed=1, n=300, scatter=0.0)
    found = against_galaxies(StandIn(galaxy), [heavy], seed=1)
    words = findings(found | {"trained_on": [heavy.name]})
    assert "1 of 1 galaxy bear the names of training galaxies" in words["Seen before"]["text"]
    assert words["Support"]["concern"]
    assert "1 of 1 galaxy lie outside" in words["Support"]["text"]


def test_small_nulls_are_judged_by_z():
    null = np.linspace(-1, 1, 20)  # standard deviation 0.607; t of 19 degrees exceeds 2.54 at 1 %
    assert not rejects(Comparison("c2st", 1.5, null))
    assert rejects(Comparison("c2st", 1.7, null))
    null = np.arange(200.0)
    assert not rejects(Comparison("ks", 197.5, null))  # p = 3 / 201
    assert rejects(Comparison("ks", 198.5, null))


def test_false_alarms_are_as_rare_as_they_should_be():
    rng = np.random.default_rng(2)
    for count in (20, 200):
        trials = [
            rejects(Comparison("m", rng.normal(), rng.normal(size=count))) for _ in range(3000)
        ]
        assert np.mean(trials) == pytest.approx(0.01, abs=0.007)


def test_examined_galaxies_are_spread_in_mass():
    masses = (10.5, 8.0, 8.1, 8.2, 11.0, 9.0)
    suite = [mocks.make_galaxy(m, seed=1, n=200, scatter=0.0) for m in masses]
    tiny = mocks.make_galaxy(7.0, seed=1, n=50, scatter=0.0)
    chosen = [g.context["log10_mstar"] for g in spread_in_mass([tiny, *suite], 4)]
    assert chosen == pytest.approx([8.0, 9.0, 10.5, 11.0], abs=1e-6)
    assert len(spread_in_mass(suite, 9)) == 6
    assert spread_in_mass([tiny], 3) == []


def test_coordinates_are_cylindrical():
    values = {"x": [0.0, 3.0], "y": [2.0, 0.0], "z": [1.0, -1.0], "metallicity": [0.01, 0.0]}
    values |= {"vx": [-100.0, 7.0], "vy": [5.0, 50.0], "vz": [1.0, 2.0], "age": [1.0, 2.0]}
    stars = as_stars({name: np.array(v) for name, v in values.items()})
    columns = tuple(name for name in EDF_COLUMNS if name in values)
    found = coordinates(stars, columns)
    assert len(found) == len(columns)
    np.testing.assert_allclose(found["R"], [2, 3])
    np.testing.assert_allclose(found["phi"], [90, 0])
    np.testing.assert_allclose(found["v_R"], [5, 7])
    np.testing.assert_allclose(found["v_phi"], [100, 50])
    np.testing.assert_allclose(found["log10_metallicity"], [-2, -7])


def test_residuals_of_maps_are_in_units_of_their_error(galaxy):
    one, twin = (galaxy.truth.sample(6000, seed=seed) for seed in (7, 8))
    for pair in map_pairs(one, twin, EDF_COLUMNS):
        assert pair.residual.count() > 20
        assert abs(pair.residual.mean()) < 0.4
        assert pair.rms == pytest.approx(1, abs=0.25)
    values = {name: twin[name].value.copy() for name in twin.colnames}
    inside = np.hypot(values["x"], values["y"]) < 2
    older = as_stars({**values, "age": np.minimum(values["age"] + 3 * inside, 13.9)})
    pairs = {(p.view.quantity, p.view.title): p for p in map_pairs(one, older, EDF_COLUMNS)}
    assert pairs["mean_age", "face-on"].residual.max() > 4
    assert pairs["v_los", "edge-on"].rms == pytest.approx(1, abs=0.25)
    without = tuple(name for name in EDF_COLUMNS if name != "age")
    assert "mean_age" not in {p.view.quantity for p in map_pairs(one, twin, without)}


def test_masses_count_in_the_error_of_a_map(galaxy):
    """Few heavy stars make a noisier map than many light ones of the same mass."""
    rng = np.random.default_rng(4)
    one, other = (galaxy.truth.sample(4000, seed=seed) for seed in (5, 6))
    for stars in (one, other):
        stars["mass"] = stars["mass"] * np.where(rng.random(4000) < 0.1, 20.0, 0.1)
    pair = map_pairs(one, other, EDF_COLUMNS)[0]
    assert pair.rms == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0.0, "0"), (0.01234, "0.0123"), (-1.5, "−1.50"), (617_173.0, "617,000"),
     (5.9999e7, "6.00 × 10⁷"), (1.2e-6, "1.20 × 10⁻⁶"), (7_200_000, "7,200,000")],
)  # fmt: skip
def test_numbers_are_readable(value, text):
    assert wording.number(value) == text


def test_other_words():
    assert wording.with_error(0.02331, 0.00174) == "0.0233 ± 0.0017"
    assert wording.with_error(13.1312, 0.02884) == "13.131 ± 0.029"
    assert wording.with_error(-0.5, None) == "−0.500"
    assert wording.with_error(None, None) == "–"
    assert wording.size(561_776) == "562 kB"
    assert wording.size(None) == wording.duration(None) == "not recorded"
    assert wording.duration(90) == "1.5 min"
    assert wording.z_score(-0.04) == "+0.0"
    assert wording.z_score(None) == "∞"
    assert wording.percentile(1e-9) == "< 0.01"
    assert wording.listing(["a", "b", "c"]) == "a, b and c"
    assert wording.subscripted("<v_φ>") == "&lt;v<sub>φ</sub>&gt;"
