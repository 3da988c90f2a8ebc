"""The report on a model: numbers, page and files."""

import base64
import copy
import json
import re
import warnings
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib.figure import Figure

import galflowlab
from galflowlab import mocks, report
from galflowlab.galaxy import Provenance
from galflowlab.galaxy_checks import PUBLISHED
from galflowlab.population import ExtrapolationWarning
from galflowlab.report import evaluation, style
from galflowlab.report.cost import training_history, training_number
from galflowlab.report.document import plain
from galflowlab.report.examination import Examination
from galflowlab.report.page import render

pytestmark = pytest.mark.slow

SIZE = 150


@pytest.fixture(scope="module")
def model():
    """The embedded model, as if it had been trained here."""
    model = galflowlab.load("mock")
    model.source = None
    return model


@pytest.fixture(scope="module")
def galaxies():
    """Two mocks, and one whose truth is not known."""
    found = mocks.make_suite(3, 600, seed=9, scatter=0.0, log10_mstar=(8.6, 10.6))
    return [*found[:2], found[2].with_stars(found[2].stars)]


def evaluate(model, galaxies, **settings):
    return report.evaluate(
        model, galaxies, **{"seed": 5, "size": SIZE, "resamples": 10, "examined": 1, **settings}
    )


@pytest.fixture(scope="module")
def found(model, galaxies):
    return evaluate(model, galaxies, command="galflowlab evaluate")


@pytest.fixture(scope="module")
def html(found):
    return found.html()


class Page(HTMLParser):
    """Tags, addresses and text of a page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.addresses, self.text, self.attributes = [], [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attributes]
        outside = ("src", "href", "srcset", "data", "action", "poster")
        self.addresses += [value for name, value in attributes if name in outside]

    def handle_data(self, data):
        self.text.append(data)


def strict(text):
    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_json_is_complete_and_finite(found, model, galaxies, tmp_path):
    found.write(json=tmp_path / "r.json")
    data = strict((tmp_path / "r.json").read_text())
    assert list(data) == ["title", "summary", "quality", "speed", "cost", "record"]
    quality = data["quality"]
    rows = quality["galaxies"]
    assert [row["name"] for row in rows] == [g.name for g in galaxies]
    known = report.against_truth(model, galaxies[:2])
    for row, same in zip(rows, known["galaxies"], strict=False):
        assert {name: row[name] for name in same} == same
    assert quality["kl"] == pytest.approx(known["kl"])
    assert rows[2]["kl"] is None
    assert rows[2]["entropy"] is None
    assert quality["nll"] == pytest.approx(np.mean([row["nll"] for row in rows]))
    (entry,) = quality["examined"]
    assert entry["size"] == SIZE
    assert set(entry["two_samples"]) == {
        "linear_mmd2", "rbf_mmd2", "rbf_mmd2_features", "sliced_wasserstein",
        "kolmogorov_smirnov", "c2st",
    }  # fmt: skip
    for metric in entry["two_samples"].values():
        assert metric["null"]["std"] > 0
        assert 0 < metric["p_value"] <= 1
    assert set(entry["densities"]) >= {"held_out_nll"}
    assert [m["quantity"] for m in entry["maps"]].count("surface_density") == 2
    assert "v_phi" in entry["profiles"]["quantities"]
    assert entry["physics"]["in_field"]["mass_model"]["imbalance"] < 0.3
    assert set(quality["scaling"]["relations"]) == {"size_mass", "tully_fisher", "mass_metallicity"}
    relations = quality["published"]
    assert len(relations["log10_mstar"]) == 8
    low, high = model.population.range("log10_mstar")
    np.testing.assert_allclose(np.array(relations["log10_mstar"])[[0, -1]], [low, high])
    assert list(relations["published"]) == [relation.name for relation in PUBLISHED]
    assert data["record"]["command"] == "galflowlab evaluate"
    assert data["record"]["seed"] == 5
    assert data["record"]["versions"]["galflowlab"] == galflowlab.__version__
    assert "history" not in data["record"]["card"]["training"]


def test_page_needs_nothing_else(found, html):
    page = Page(html)
    assert {"script", "link", "iframe", "object", "base"}.isdisjoint(page.tags)
    assert all(a.startswith(("data:image/svg+xml;base64,", "#")) for a in page.addresses)
    assert "url(" not in html
    assert "@import" not in html
    assert len(html) < 5e6
    text = " ".join(page.text)
    for finding in found.summary:
        assert finding["topic"] in text
    for row in found.quality["galaxies"]:
        assert row["name"] in text
    targets = re.findall(r'id="([^"]+)"', html)
    assert {a[1:] for a in page.addresses if a.startswith("#")} <= set(targets)


def test_page_tells_what_agreement_with_papers_is_worth(html):
    text = " ".join(" ".join(Page(html).text).split())
    everything = "; ".join(relation.name for relation in PUBLISHED)
    built_in = "; ".join(relation.name for relation in PUBLISHED if relation.built_into_mocks)
    assert f"{everything}. Built into the mocks (†)" in text
    assert f"cannot but follow them: {built_in}." in text


def test_figures_are_whole_and_in_the_page(found, html):
    pictures = [a for a in Page(html).addresses if a.startswith("data:")]
    names = {"error", "scaling", "published", "history"}
    lens = ("maps", "profiles", "physics", "phase_space", "populations")
    names |= {f"0/{name}" for name in lens}
    assert set(found.figures) == names
    assert len(pictures) == len(names)
    for picture in pictures:
        root = ElementTree.fromstring(base64.b64decode(picture.partition(",")[2]))
        assert root.tag.endswith("svg")
        references = [
            value
            for element in root.iter()
            for name, value in element.attrib.items()
            if name.endswith("href")
        ]
        assert all(r.startswith(("#", "data:")) for r in references)


def test_same_seed_gives_the_same_report(found, model, galaxies):
    again = evaluate(model, galaxies)
    assert again.quality == found.quality
    for name in ("error", "0/maps"):
        assert style.svg(again.figures[name]) == style.svg(found.figures[name])
    assert again.record["model"]["sha256"] == found.record["model"]["sha256"]


@pytest.mark.filterwarnings("error")
def test_the_page_tells_of_extrapolation_and_nothing_warns(found, model, galaxies, monkeypatch):
    def examine(*_, **__):
        warnings.warn("outside the training population", ExtrapolationWarning, stacklevel=2)
        return Examination(found.quality["examined"][0], {})

    monkeypatch.setattr(evaluation, "examine", examine)
    evaluate(model, galaxies[:1])


EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>$\\frac{"


def test_names_and_cards_are_text(found):
    data = copy.deepcopy(found.as_dict())
    rows, (entry,) = data["quality"]["galaxies"], data["quality"]["examined"]
    rows[0]["name"] = entry["name"] = data["title"] = data["record"]["command"] = EVIL
    data["record"]["card"] = {EVIL: [EVIL]}
    data["record"]["galaxies"][0]["source"] = data["record"]["model"]["preset"] = EVIL
    data["record"]["model"]["source"] = data["summary"][0]["text"] = EVIL
    page = Page(render(data, {name: Figure() for name in found.figures}))
    assert {"script", "link"}.isdisjoint(page.tags)
    assert "onerror" not in page.attributes
    assert all(a.startswith(("data:", "#")) for a in page.addresses)
    assert " ".join(page.text).count(EVIL) >= 7


def test_page_says_why_there_are_no_forces_or_that_they_mean_little(found):
    data = copy.deepcopy(found.as_dict())
    (entry,) = data["quality"]["examined"]
    figures = {name: Figure() for name in found.figures}

    def page():
        return " ".join(Page(render(data, figures)).text)

    means_little = "too far from equilibrium here"
    assert "imbalance of the model" in page()
    assert means_little not in page()
    entry["physics"]["sound"] = False
    assert means_little in page()
    entry["physics"] = {"failed": EVIL}
    del figures["0/physics"]
    assert f"No forces from the gradient of the density: {EVIL}." in page()
    assert "imbalance of the model" not in page()


def test_small_galaxy_of_a_strange_name_is_counted_but_not_examined(model, galaxies):
    small = galflowlab.Galaxy(EVIL, galaxies[2].stars[:50], Provenance(EVIL, notes=EVIL))
    found = evaluate(model, [small])
    assert found.quality["examined"] == []
    page = Page(found.html())
    assert "No galaxy has the 200 stars that it takes to test the model." in page.text
    assert EVIL in page.text
    assert "onerror" not in page.attributes


def test_a_card_may_hold_anything():
    card = {"a": float("nan"), 1: [np.inf, True, None, "x"], "b": {"c": np.float64(2)}, "d": {3}}
    assert plain(card) == {"a": None, "1": [None, True, None, "x"], "b": {"c": 2.0}, "d": "{3}"}
    for training in (None, 3, [], {"stars": "many"}, {"stars": -1}, {"stars": True}):
        assert training_number({"training": training}, "stars") is None
    for history in (None, 3, "ab", [[1, 2]], [[1, 2, "x"]], [{"a": 1}], [[1, 2, np.nan]] * 3):
        assert training_history({"training": {"history": history}}) is None
    assert training_history({"training": {"history": [[1, 9, 3], [2, 9, 2]]}}) == ([1, 2], [3, 2])


def test_files_appear_whole_or_not_at_all(found, tmp_path, monkeypatch):
    found = replace(found, figures={name: Figure() for name in found.figures})
    page, record = tmp_path / "r.html", tmp_path / "r.json"
    with pytest.raises(ValueError, match="two files"):
        found.write(html=page, json=page)
    page.write_text("old")
    monkeypatch.setattr(style, "svg", lambda figure: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        found.write(html=page, json=record)
    assert page.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]
    monkeypatch.undo()
    found.write(html=page, json=record)
    assert page.read_text(encoding="utf-8") == found.html()
    assert strict(record.read_text())["title"] == "a model in memory"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 1}, "size of at least 2"),
        ({"resamples": 1}, "resamples"),
        ({"examined": 0}, "exa"),
    ],
)
def test_settings_are_checked(model, galaxies, settings, message):
    with pytest.raises(ValueError, match=message):
        evaluate(model, galaxies, **settings)


def test_galaxies_that_do_not_fit_are_refused(model, galaxies):
    with pytest.raises(ValueError, match="at least one galaxy"):
        evaluate(model, [])
    stars = galaxies[0].stars.copy()
    stars.remove_column("o_fe")
    with pytest.raises(ValueError, match=r"lacks the columns \['o_fe'\]"):
        evaluate(model, [galaxies[0].with_stars(stars)])
