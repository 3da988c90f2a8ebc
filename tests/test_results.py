"""The figures of the README are those that commands have written to JSON."""

import json
from functools import reduce
from operator import getitem
from pathlib import Path

import numpy as np
import pytest

import galflowlab

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
PRETRAINED = Path(galflowlab.__file__).parent / "pretrained"
RESULTS = ROOT / "tests" / "benchmarks" / "results"


def read(path):
    return json.loads(path.read_text())


def test_divergence_of_the_embedded_models_and_of_the_paper():
    for path in (PRETRAINED / "mock.json", PRETRAINED / "mock_accurate.json"):
        result = read(path)
        assert f"| {result['kl']:.4f} ± {result['kl_error']:.4f} |" in README
    paper, accurate = read(RESULTS / "paper.json"), read(PRETRAINED / "mock_accurate.json")
    medians = [np.median([g["kl"] for g in r["galaxies"]]) for r in (paper, accurate)]
    assert f"| {paper['kl']:.2f} ± {paper['kl_error']:.2f}, median {medians[0]:.2f} |" in README
    assert f"is {medians[0] / medians[1]:.0f} times as far off" in README
    assert medians[0] > 30 * medians[1]
    assert paper["kl"] > 30 * accurate["kl"]


def test_scatter():
    scatter = read(RESULTS / "scatter.json")
    assert f"{scatter['model']:.2f} nats" in README
    assert f"between {scatter['floor_lower']:.2f} and {scatter['floor_upper']:.2f}" in README
    assert scatter["model"] < scatter["floor_upper"] + 0.1


def test_real_galaxies():
    methods = ("ours", "mixture", "kernels", "paper")
    for name, row in read(RESULTS / "real.json")["galaxies"].items():
        numbers = " | ".join(f"{row[method]['nll']:.2f}" for method in methods)
        assert f"| `{name}` | {row['stars'][0]} | {numbers} |" in README
        assert row["paper"]["cpu_seconds"] >= 0.9 * row["ours"]["cpu_seconds"]
        for rival in methods[1:]:
            assert row["ours"]["nll"] < row[rival]["nll"], rival


def test_large_store():
    store = read(RESULTS / "store.json")
    assert store["stars"] == 50_000_000
    prepared, streamed, trained = (store[name] for name in ("prepare", "stream", "train"))
    text = " ".join(README.split())
    assert f"takes {prepared['cpu_seconds']:.0f} CPU-seconds" in text
    assert f"and {prepared['memory_gb']:.2f} GB of memory" in text
    million = f"{streamed['per_second'] / 1e6:.1f} million shuffled stars per second"
    assert f"streams {million} in {streamed['memory_gb']:.2f} GB" in text
    assert f"takes {trained['memory_gb']:.2f} GB" in text
    assert trained["memory_gb"] < 1.5
    ended = store["killed_and_resumed"]
    assert ended["kills"] == 2
    assert ended["same_weights"]


def test_catalogue():
    catalogue, rates = read(RESULTS / "catalogue.json"), read(RESULTS / "catalogue_rate.json")
    assert catalogue["stars"] == 100_000_000
    whole, resumed = catalogue["whole"], catalogue["resumed"]
    text = " ".join(README.split())
    assert f"takes {whole['cpu_seconds']:.0f} CPU-seconds" in text
    assert f"and {whole['memory_gb']:.2f} GB of memory in one process" in text
    assert f"{resumed['memory_gb']:.2f} GB with two" in text
    live = rates["live"]
    assert f"keeps {100 * live['ratio']:.0f} % of the rate" in text
    assert f"and {100 * live['population_ratio']:.0f} % for galaxies of 10 000 stars" in text
    assert catalogue["killed"]["status"] == -9
    assert resumed["same_files"]
    assert all(catalogue[run]["resident_gb"] < 1.5 for run in ("whole", "killed", "resumed"))
    assert all(rate["ratio"] >= 0.7 for rate in rates.values())


def test_visitors():
    rows = read(RESULTS / "visitors.json")
    for row in rows["dragging"]:
        latencies = f"{row['p50_ms']:.0f} / {row['p95_ms']:.0f} ms"
        assert f"| {row['visitors']} | {latencies} | {row['mb_beyond_imports']:.0f} MB |" in README
        assert row["mb_beyond_imports"] < 250
        assert row["kernels_left"] == 0
    first, *_, last = rows["page_loads"]
    memory = [f"{row['server_own_mb']:.0f} MB" for row in (first, last)]
    assert f"{memory[0]} after {first['loads']} loads, {memory[1]} a minute after 200" in README
    assert last["loads"] == 200
    assert last["kernels"] == last["processes"] == 0


def test_live():
    live = read(RESULTS / "live.json")
    explorer, baseline = live["explorer"], live["baseline"]
    rows = {
        "key step to changed pixels": ("key",),
        "drag: age of the value on the screen": ("drag", "staleness"),
        "release to the refined 200 000 stars (baseline: 20 000)": ("release", "refined"),
        "key step over a link of 80 ms and 10 Mbit/s": ("link", "key"),
    }
    for row, path in rows.items():
        ours, theirs = (reduce(getitem, path, app) for app in (explorer, baseline))
        times = [f"{app['median']:.0f} / {app['p95']:.0f} ms" for app in (ours, theirs)]
        ratio = theirs["median"] / ours["median"]
        assert f"| {row} | {' | '.join(times)} | {ratio:.2g} |" in README
        assert ratio > 2
    rates = [app["drag"]["frames_per_second"] for app in (explorer, baseline)]
    words = [f"{rate:.1f}" for rate in rates]
    assert f"frames per second | {' | '.join(words)} | {rates[0] / rates[1]:.0f} |" in README
    memory = explorer["memory"]
    highest, drift = memory["highest"], memory["drift"]
    assert f"in {memory['minutes']:.0f} minutes of dragging | at most {highest:.0f} MB, " in README
    assert f"MB, drift {drift:.0f} MB |" in README


def test_exported_page():
    page, text = read(RESULTS / "exported_page.json"), " ".join(README.split())
    assert f"as one file of {page['megabytes']:.1f} MB" in text
    typical, most = page["error"]["position"][:2]
    assert f"{100 * typical:.2g} % of the half-mass radius (median; 95 % of the stars" in text
    assert f"within {100 * most:.1f} %)" in text
    fast, slow = (page["milliseconds"][of][0] for of in ("mass", "mass_off_typical_metallicity"))
    assert f"takes {fast:.0f} to {slow:.0f} ms while the context moves" in text
    assert f"and {page['milliseconds']['direction'][0]:.0f} ms while the galaxy turns" in text


def test_dynamics():
    dynamics, text = read(RESULTS / "dynamics.json"), " ".join(README.split())
    for model in ("mock", "mock_accurate"):
        found = dynamics[model]
        numbers = [f"{100 * found['discs']['rms'][i]:.1f}" for i in (0, -1)]
        numbers += [f"{100 * found[suite]['largest']:.1f}" for suite in ("discs", "dwarfs")]
        numbers += [
            f"{100 * np.sqrt(np.mean(np.square(found['discs']['enclosed_mass_rms']))):.1f}",
            f"{100 * found['discs']['mass_model_vertical_force_rms']:.1f}",
            f"{100 * found['full_scatter']['rms'][2]:.0f}",
        ]
        assert f"| `{model}` | {' | '.join(numbers)} |" in text
        assert found["discs"]["largest"] < 0.05
        assert len(found["discs"]["galaxies"]) >= 20


@pytest.mark.parametrize("preset", ["live", "accurate", "paper"])
def test_speed(preset):
    sampling = read(RESULTS / "sampling.json")["sampling"]
    ratio = sampling[f"{preset}, frozen"]["ratio"]
    assert f"| {ratio:.1f}" in README
