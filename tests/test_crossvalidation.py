"""Cross-validation: who is left out, resuming, distances, extrapolation, figure and command."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

import galflowlab
from galflowlab import cli, mocks
from galflowlab.crossvalidation import METRICS, Rung, crossvalidate, draw, extrapolate, fold
from galflowlab.crossvalidation.distances import Summariser
from galflowlab.crossvalidation.division import assign, thinned
from galflowlab.schema import EDF_COLUMNS

pytestmark = pytest.mark.slow

NAMES = [f"galaxy_{i}" for i in range(23)]
QUICK = {"leave_out": 2, "seed": 1, "stars_seen": 3000, "progress": False}


@pytest.fixture(scope="module")
def galaxies():
    return mocks.make_suite(6, 240, seed=3, scatter=0.0, log10_mstar=(9, 10.5))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("crossval")


@pytest.fixture(scope="module")
def done(galaxies, folder):
    return crossvalidate(galaxies, output=folder, **QUICK)


def comparable(crossvalidation):
    """All that is found, without the time it took."""
    record = crossvalidation.as_dict()
    del record["summary"]["cpu_seconds"]
    for one in record["folds"]:
        del one["fit_seconds"], one["judge_seconds"]
    return record


# -- folds


@pytest.mark.parametrize("leave_out", [1, 5, 22])
def test_every_galaxy_is_left_out_exactly_once(leave_out):
    folds = assign(NAMES, leave_out, seed=1)
    assert sorted(name for names in folds for name in names) == sorted(NAMES)
    sizes = [len(names) for names in folds]
    assert max(sizes) <= leave_out
    assert max(sizes) - min(sizes) <= 1


def test_folds_follow_from_names_and_seed_alone():
    assert assign(NAMES, 5, seed=1) == assign(NAMES[::-1], 5, seed=1)
    assert assign(NAMES, 5, seed=1) != assign(NAMES, 5, seed=2)
    first = assign(NAMES, 5, seed=1)[0]
    assert list(first) != sorted(NAMES)[:5]  # not neighbours in a list that a suite sorts by mass


@pytest.mark.parametrize(
    ("names", "leave_out", "message"),
    [
        ([*NAMES, "galaxy_3"], 5, r"several of \['galaxy_3'\]"),
        (NAMES, 0, "at least one galaxy to leave out"),
        (NAMES[:5], 5, "5 galaxies and 5 to leave out"),
    ],
)
def test_galaxies_that_cannot_be_divided_are_refused(names, leave_out, message):
    with pytest.raises(ValueError, match=message):
        assign(names, leave_out, seed=1)


def test_a_share_of_the_stars_is_part_of_a_larger_share(galaxies):
    half, quarter = (thinned(galaxies[0], f, EDF_COLUMNS, seed=1) for f in (0.5, 0.25))
    assert (len(half), len(quarter)) == (120, 60)
    assert set(quarter.stars["x"].value) < set(half.stars["x"].value)
    assert half.context == galaxies[0].context
    assert half.truth is galaxies[0].truth
    assert len(thinned(galaxies[0], 0.001, EDF_COLUMNS, seed=1)) == 20
    fewer = [name for name in EDF_COLUMNS if name != "o_fe"]
    assert thinned(galaxies[0], 0.5, fewer, seed=1).truth is None


# -- training without them


def test_left_out_galaxies_never_enter_their_training(done, galaxies, folder):
    names = {g.name for g in galaxies}
    assert len(done.folds) == 3
    left = [one.name for one in done.folds[0].left_out]
    for i, one in enumerate(done.folds, start=1):
        left = {galaxy.name for galaxy in one.left_out}
        assert set(one.trained_on) == names - left
        card = galflowlab.load(folder / f"fold_{i:02d}.safetensors").card
        assert set(card["training"]["names"]) <= names - left
    assert [one.name for one in done.left_out] == sorted(names)


def test_result_is_finite_and_of_every_galaxy(done, galaxies):
    record = json.loads(json.dumps(done.as_dict(), allow_nan=False))
    assert record["settings"]["stars_seen"] == 3000
    assert record["extrapolation"] is None
    assert np.shape(record["data_distances"]["linear_mmd2"]) == (6, 6)
    for one, galaxy in zip(done.left_out, sorted(galaxies, key=lambda g: g.name), strict=True):
        entropy = -galaxy.truth.log_prob(galaxy.stars).mean()
        assert one.nll - one.kl == pytest.approx(entropy)
        assert one.stars == 240
        assert all(len(one.distances[metric]) == 6 for metric in METRICS)


def test_without_truth_there_is_no_divergence(done):
    blind = [
        replace(one, left_out=tuple(replace(g, kl=None, kl_error=None) for g in one.left_out))
        for one in done.folds
    ]
    found = replace(done, folds=tuple(blind))
    assert found.summary()["kl"] is found.summary()["kl_median"] is None
    assert "KL" not in draw(found).get_suptitle()
    json.dumps(found.as_dict(), allow_nan=False)


def test_order_of_the_galaxies_changes_nothing(done, galaxies, tmp_path):
    again = crossvalidate(galaxies[::-1], output=tmp_path, **QUICK)
    assert comparable(again) == comparable(done)


def test_interrupted_and_resumed_equals_uninterrupted(done, galaxies, tmp_path, monkeypatch):
    trainings = []

    def interrupted(training, **options):
        trainings.append(training)

        def stop(progress):
            if len(trainings) == 2 and progress.stars_seen > 1500:
                raise KeyboardInterrupt

        return galflowlab.fit(training, callbacks=[stop], **options)

    monkeypatch.setattr(fold, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        crossvalidate(galaxies, output=tmp_path, **QUICK)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["fold_01.json", "fold_01.safetensors", "fold_02.partial.safetensors"]
    resumed = crossvalidate(galaxies, output=tmp_path, **QUICK)
    assert len(trainings) == 4
    assert comparable(resumed) == comparable(done)
    assert resumed.folds[0].fit_seconds > 0
    assert not list(tmp_path.glob("*.partial*"))


def test_finished_folds_are_read_back(done, galaxies, folder, monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("trained again")

    monkeypatch.setattr(fold, "fit", refuse)
    assert crossvalidate(galaxies, output=folder, **QUICK).as_dict() == done.as_dict()


@pytest.mark.parametrize("change", [{"stars_seen": 4000}, {"leave_out": 3}, {"preset": "spline"}])
def test_a_folder_of_another_crossvalidation_is_refused(done, galaxies, folder, change):
    with pytest.raises(ValueError, match="another cross-validation"):
        crossvalidate(galaxies, output=folder, **(QUICK | change))
    other = [replace(galaxies[0], stars=galaxies[0].stars[:200]), *galaxies[1:]]
    with pytest.raises(ValueError, match="another cross-validation"):
        crossvalidate(other, output=folder, **QUICK)


@pytest.mark.parametrize("text", ["no JSON", "[]", "{}"])
def test_spoiled_records_are_refused(galaxies, tmp_path, text):
    (tmp_path / "fold_01.json").write_text(text)
    with pytest.raises(ValueError, match="not a record of a fold"):
        crossvalidate(galaxies, output=tmp_path, **QUICK)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fraction": 0.0}, "fraction of the data above 0, at most 1"),
        ({"fraction": float("nan")}, "fraction of the data above 0, at most 1"),
        ({"stars_seen": 0}, "budget of stars"),
        ({"stars_seen": float("inf")}, "budget of stars"),
        ({"preset": "huge"}, "unknown preset"),
        ({"leave_out": 6}, "6 galaxies and 6 to leave out"),
    ],
)
def test_bad_settings_are_refused(galaxies, tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        crossvalidate(galaxies, output=tmp_path, **(QUICK | change))
    assert not list(tmp_path.iterdir())


def test_bad_galaxies_and_folders_are_refused(galaxies, tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        crossvalidate(galaxies, output=tmp_path / "absent", **QUICK)
    stars = galaxies[0].stars.copy()
    stars["fe_h"][0] = np.nan
    bad = [replace(galaxies[0], stars=stars), *galaxies[1:]]
    with pytest.raises(ValueError, match=r"not finite in \['fe_h'\]; galflowlab.prepare"):
        crossvalidate(bad, output=tmp_path, **QUICK)


# -- distances


def test_a_distance_is_zero_to_itself_and_symmetric(done):
    for metric in METRICS:
        data = done.data_distances[metric]
        assert (data.diagonal() == 0).all()
        np.testing.assert_allclose(data, data.T)
        assert (data[~np.eye(6, dtype=bool)] > 0).all()


def test_distances_are_what_their_names_say(galaxies):
    summarise = Summariser(galaxies, EDF_COLUMNS, seed=1)
    every = np.concatenate([matrix(g) for g in galaxies])
    a, b = ((matrix(g) - every.mean(axis=0)) / every.std(axis=0) for g in galaxies[:2])
    first, second = (summarise(g.stars) for g in galaxies[:2])
    found = first.distances([first, second])
    expected = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum()
    np.testing.assert_allclose(found["linear_mmd2"], [0, expected])
    axes = np.random.default_rng(5).standard_normal((400, len(EDF_COLUMNS)))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    sliced = np.mean([wasserstein_distance(a @ axis, b @ axis) for axis in axes])
    assert found["sliced_wasserstein"][1] == pytest.approx(sliced, rel=0.1)


def matrix(galaxy):
    return np.column_stack([galaxy.stars[name].value for name in EDF_COLUMNS])


def test_noise_is_the_distance_of_two_draws(galaxies):
    truth = galaxies[0].truth
    draws = [truth.sample(1000, seed=seed) for seed in range(8)]
    summarise = Summariser(galaxies, EDF_COLUMNS, seed=1)
    summaries = [summarise(stars) for stars in draws]
    pairs = [summaries[i].distances([summaries[i + 1]]) for i in range(0, 8, 2)]
    noise = [summarise.noise(stars) for stars in draws]
    for metric in METRICS:
        expected = np.mean([pair[metric] for pair in pairs])
        assert np.mean([one[metric] for one in noise]) == pytest.approx(expected, rel=0.5)


class Truthful:
    """A model whose eDF is that of one of the galaxies, chosen by a function."""

    def __init__(self, galaxies, choose):
        self.card = {"training": {"stars_seen": 1, "cpu_seconds": 1.0}}
        self.columns = EDF_COLUMNS
        self.population = self
        self._galaxies, self._choose = galaxies, choose

    def _truth(self, context):
        return self._choose(self._galaxies, context["log10_mstar"]).truth

    def inside(self, context):
        return True

    def log_prob(self, stars, context):
        return self._truth(context).log_prob(stars)

    def freeze(self, context, *, n, seed):
        self._drawn = self._truth(context).sample(n, seed=seed)
        return self

    def stars(self):
        return self._drawn

    def save(self, path):
        Path(path).touch()


def own(galaxies, log10_mstar):
    return min(galaxies, key=lambda g: abs(g.context["log10_mstar"] - log10_mstar))


def lightest(galaxies, log10_mstar):
    return min(galaxies, key=lambda g: g.context["log10_mstar"])


def judged(galaxies, choose, folder, monkeypatch):
    monkeypatch.setattr(fold, "fit", lambda *_, **__: Truthful(galaxies, choose))
    return crossvalidate(galaxies, output=folder, **QUICK)


def test_a_perfect_model_is_nearest_to_its_own_galaxy(galaxies, tmp_path, monkeypatch):
    found = judged(galaxies, own, tmp_path, monkeypatch)
    summary = found.summary()
    assert summary["kl"] == 0
    for metric in METRICS:
        assert summary["metrics"][metric]["own_is_nearest"] == 1
        assert summary["metrics"][metric]["nearest_dex"] == 0
        assert 0.4 < summary["metrics"][metric]["own_over_noise"] < 2.5
        between = ~np.eye(6, dtype=bool)
        ratio = found.model_distances[metric][between] / found.data_distances[metric][between]
        assert 0.8 < np.median(ratio) < 1.25


def test_a_model_blind_to_its_context_is_near_one_galaxy_only(galaxies, tmp_path, monkeypatch):
    found = judged(galaxies, lightest, tmp_path, monkeypatch)
    summary = found.summary()
    assert summary["kl"] > 1
    for metric in METRICS:
        assert summary["metrics"][metric]["own_is_nearest"] < 0.5
        assert summary["metrics"][metric]["nearest_dex"] > 0.4
        assert summary["metrics"][metric]["own_over_noise"] > 2


def test_stars_without_density_or_place_are_counted(galaxies, tmp_path, monkeypatch):
    class Faulty(Truthful):
        def log_prob(self, stars, context):
            return np.where(np.arange(len(stars)) < 3, -np.inf, super().log_prob(stars, context))

        def stars(self):
            self._drawn["x"][:2] = np.inf
            return self._drawn

    monkeypatch.setattr(fold, "fit", lambda *_, **__: Faulty(galaxies, own))
    found = crossvalidate(galaxies, output=tmp_path, **QUICK)
    assert {(one.impossible, one.broken, one.stars) for one in found.left_out} == {(3, 2, 237)}
    assert found.summary()["impossible_stars"] == 18
    assert found.summary()["broken_stars"] == 12
    json.dumps(found.as_dict(), allow_nan=False)


# -- extrapolation


def rungs(rng, *, exponent, noise, fraction=0.1, folds=18, outliers=0):
    """Pilots of 90 galaxies whose NLL falls by a power law, and what is gained by all stars."""
    entropy, slope = rng.normal(11, 3, (folds, 5)), rng.uniform(0.05, 0.1, (folds, 5))
    entropy.flat[:outliers] = 1e4
    made = []
    for share in (fraction / 4, fraction / 2, fraction):
        nll = entropy + slope * share**-exponent + noise * rng.standard_normal((folds, 5))
        nll.flat[:outliers] *= rng.uniform(0.5, 2, outliers)
        stars = round(4e6 * share)
        made.append(
            Rung(
                fraction=share,
                stars_seen=(stars,) * folds,
                fit_seconds=(2.0 + 3e-5 * stars,) * folds,
                judge_seconds=(10 * share,) * folds,
                nll=tuple(map(tuple, nll.tolist())),
            )
        )
    return made, float(np.median(slope * (fraction**-exponent - 1)))


@pytest.mark.parametrize("exponent", [0.25, 0.5, 1.0])
def test_a_power_law_is_extrapolated_exactly(exponent):
    pilots, truth = rungs(np.random.default_rng(1), exponent=exponent, noise=0.0)
    found = extrapolate(pilots, stars_seen=4_000_000, seed=1)
    assert found.gain.value == pytest.approx(truth, abs=1e-6)
    assert found.nll.value == pytest.approx(found.rungs[-1]["nll"] - truth)
    assert 0 < found.gain.low <= found.gain.value
    doublings = np.log2(10)
    last = np.median(np.concatenate(pilots[1].nll) - np.concatenate(pilots[2].nll))
    assert found.gain.high == pytest.approx(last * doublings, rel=0.1)
    assert found.cpu_seconds.value == pytest.approx(18 * (2 + 120) + 18 * 10)
    assert found.cpu_seconds.high - found.cpu_seconds.low < 1e-3
    json.dumps(found.as_dict(), allow_nan=False)


def test_the_range_holds_the_truth_in_spite_of_noise_and_outliers():
    inside, off = 0, []
    for seed in range(25):
        pilots, truth = rungs(np.random.default_rng(seed), exponent=0.5, noise=0.02, outliers=4)
        found = extrapolate(pilots, stars_seen=4_000_000, seed=1)
        inside += found.gain.low <= truth <= found.gain.high
        off.append(found.gain.value - truth)
    assert inside >= 17
    assert abs(np.median(off)) < 0.03  # of 0.16


def test_time_has_an_error_if_folds_differ():
    pilots, _ = rungs(np.random.default_rng(1), exponent=0.5, noise=0.0)
    rng = np.random.default_rng(2)
    busy = [
        replace(p, fit_seconds=tuple(s * (1 + 0.1 * rng.standard_normal()) for s in p.fit_seconds))
        for p in pilots
    ]
    time = extrapolate(busy, stars_seen=4_000_000, seed=1).cpu_seconds
    assert time.low < time.value < time.high
    assert time.value == pytest.approx(18 * 132, abs=4 * (time.high - time.value))


def test_a_gain_that_does_not_shrink_is_held_by_the_range():
    pilots, _ = rungs(np.random.default_rng(1), exponent=0.5, noise=0.0)
    fall = [tuple(tuple(12 - 0.2 * i for _ in fold) for fold in pilots[0].nll) for i in range(3)]
    found = extrapolate(
        [replace(p, nll=nll) for p, nll in zip(pilots, fall, strict=True)],
        stars_seen=4_000_000,
        seed=1,
    )
    assert found.gain.value == pytest.approx(0.2 * np.log2(10), rel=1e-6)
    assert found.gain.high == pytest.approx(found.gain.value)


def test_pilots_that_gain_nothing_promise_nothing():
    pilots, _ = rungs(np.random.default_rng(1), exponent=0.5, noise=0.0)
    worse = [
        replace(pilot, fraction=other.fraction)
        for pilot, other in zip(pilots[::-1], pilots, strict=True)
    ]
    found = extrapolate(worse, stars_seen=4_000_000, seed=1)
    assert found.gain.value == found.gain.high == 0


def test_pilots_that_do_not_belong_together_are_refused():
    pilots, _ = rungs(np.random.default_rng(1), exponent=0.5, noise=0.0)
    with pytest.raises(ValueError, match="three fractions that double"):
        extrapolate(pilots[:2], stars_seen=100, seed=1)
    with pytest.raises(ValueError, match="three fractions that double"):
        extrapolate(pilots[::-1], stars_seen=100, seed=1)
    with pytest.raises(ValueError, match="the same folds"):
        extrapolate([*pilots[:2], replace(pilots[2], nll=pilots[2].nll[:3])], stars_seen=9, seed=1)


# -- figure


def test_the_figure_has_data_beside_model_on_the_same_scale(done):
    figure = draw(done)
    *panels, bar = figure.axes
    assert len(panels) == 4
    for (left, right), metric in zip((panels[:2], panels[2:]), METRICS, strict=True):
        assert left.get_ylim() == right.get_ylim()
        assert left.get_xlim() == right.get_xlim()
        assert left.get_yscale() == "log"
        assert "[σ" in left.get_ylabel()
        assert metric.split("_")[0] in left.get_ylabel()
        for panel, distances in ((left, done.data_distances), (right, done.model_distances)):
            shown = np.concatenate([np.asarray(c.get_offsets()) for c in panel.collections])
            between = ~np.eye(6, dtype=bool)
            expected = distances[metric][between if panel is left else slice(None)].ravel()
            assert len(shown) == len(expected)
            low, high = panel.get_ylim()
            assert ((low < shown[:, 1]) & (shown[:, 1] < high)).all()
            seen = expected < shown[:, 1].max()
            np.testing.assert_allclose(
                np.sort(shown[:, 1])[: seen.sum()], np.sort(expected[seen]), rtol=1e-6
            )
    assert "[dex]" in panels[2].get_xlabel()
    assert "dex" in bar.get_ylabel()
    assert "held-out NLL" in figure.get_suptitle()
    (legend,) = figure.legends
    assert {"model: from its own galaxy", "two draws of one galaxy"} <= {
        text.get_text() for text in legend.get_texts()
    }


def test_models_off_the_scale_are_arrows_at_the_edge(done):
    far = []
    for one in done.folds:
        first = replace(one.left_out[0], distances={m: [1e9] * len(done.names) for m in METRICS})
        far.append(replace(one, left_out=(first, *one.left_out[1:])))
    figure = draw(replace(done, folds=tuple(far)))
    for left, right in (figure.axes[:2], figure.axes[2:4]):
        assert right.get_ylim()[1] < 10 * left.collections[0].get_offsets()[:, 1].max()
        arrows = [c for c in right.collections if c.get_label() == "off the scale"]
        assert len(arrows[-1].get_offsets()) == 3


# -- pilot and command


def run(*arguments):
    return cli.main([str(a) for a in arguments])


COMMAND = ("crossval", "--leave-out", 2, "--stars-seen", 6000, "--quiet", "-o")


def test_a_pilot_judges_the_same_stars_on_fewer_and_fewer(galaxies, tmp_path):
    found = crossvalidate(galaxies, output=tmp_path, **QUICK, fraction=0.5)
    assert {one.stars for one in found.left_out} == {120}
    assert [rung["fraction"] for rung in found.extrapolation.rungs] == [0.125, 0.25, 0.5]
    for name in ("quarter", "half"):
        records = sorted((tmp_path / name).glob("fold_??.json"))
        left_out = [json.loads(path.read_text())["fold"]["left_out"] for path in records]
        assert [[one["name"] for one in names] for names in left_out] == [
            [one.name for one in each.left_out] for each in found.folds
        ]
        assert {one["stars"] for names in left_out for one in names} == {120}
    assert "pilot on 0.5 of the stars" in draw(found).get_suptitle()


def test_command_with_mocks_writes_result_figure_and_models(tmp_path, capsys):
    mock = ("--galaxies", 4, "--stars", 160, "--fraction", 0.5, "--seed", 2)
    assert run(*COMMAND, tmp_path, *mock) == 0
    text = capsys.readouterr().out
    assert "4 galaxies in 2 folds, on 0.5 of their stars" in text
    assert "KL(truth‖model)" in text
    assert "whole run:" in text
    record = json.loads((tmp_path / "crossval.json").read_text())
    assert record["settings"]["fraction"] == 0.5
    assert (tmp_path / "crossval.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "crossval.pdf").read_bytes().startswith(b"%PDF")
    assert len(list(tmp_path.glob("fold_??.safetensors"))) == 2


def test_command_with_files(galaxies, tmp_path, capsys):
    files = [g.write(tmp_path / f"{g.name}.hdf5") for g in galaxies[3::-1]]
    assert run(*COMMAND, tmp_path / "new" / "folder", *files) == 0
    assert "KL(truth‖model)" in capsys.readouterr().out  # of mocks, which are made again
    record = json.loads((tmp_path / "new" / "folder" / "crossval.json").read_text())
    assert record["names"] == sorted(g.name for g in galaxies[:4])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--fraction", 2), "fraction of the data"),
        (("absent.hdf5",), "absent.hdf5"),
        (("--galaxies", 2), "2 galaxies and 2 to leave out"),
    ],
)
def test_errors_of_the_command_are_one_line(tmp_path, capsys, arguments, message):
    mock = ("--galaxies", 3, "--stars", 30) if "--galaxies" not in arguments else ("--stars", 30)
    assert run(*COMMAND, tmp_path, *mock, *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("galflowlab crossval: ")
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("crossval.*"))
