"""The explorer as one file: what it holds is right, and nothing in it comes from elsewhere."""

import base64
import hashlib
import json
import re
import zlib
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
from galflowlab_widgets.page import document
from galflowlab_widgets.page.error import measure, supported_places
from galflowlab_widgets.page.grid import ContextGrid
from galflowlab_widgets.page.stars import InterpolatedStars
from numpy.polynomial import chebyshev

import galflowlab
from galflowlab.cli import main
from galflowlab.population import Population
from galflowlab.schema import POSITION

N, SEED = 300, 4
HOSTILE = "<!--<script>alert(1)<script>\"'&lt;"


class Read(HTMLParser):
    """Texts of the elements of a page, and the addresses that they name."""

    def __init__(self, page):
        super().__init__()
        self.texts, self.open, self.addresses, self.policy = {}, None, [], None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.open = found.get("id", tag)
        self.texts.setdefault(self.open, []).append("")
        self.addresses += [found[name] for name in ("src", "href", "action") if name in found]
        assert not [name for name in found if name.startswith("on")]
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found["content"]

    def handle_endtag(self, tag):
        self.open = None

    def handle_data(self, data):
        if self.open:
            self.texts[self.open][-1] += data


@pytest.fixture(scope="module")
def edf():
    return galflowlab.load("mock")


@pytest.fixture(scope="module")
def stars(edf):
    return InterpolatedStars.of(edf, N, seed=SEED)


@pytest.fixture(scope="module")
def made(edf):
    """A page of a model with a hostile name, and its error."""
    named = galflowlab.edf.EDF(edf._model, edf.population, edf.card)
    named.source = HOSTILE
    return document.rendered(named, n=N, seed=SEED)


def unpacked(page):
    """Columns of the page at a place, by nothing but the page and numpy."""
    data = json.loads(page.texts["data"][0])["stars"]
    shape = (len(data["columns"]), *data["shape"], data["count"])
    raw = np.frombuffer(zlib.decompress(base64.b64decode(page.texts["stars"][0])), np.uint8)
    folded = raw[: raw.size // 2].astype(int) + 256 * raw[raw.size // 2 :].astype(int)
    whole = np.where(folded % 2, -(folded + 1) // 2, folded // 2).reshape(shape)
    coefficients = whole * np.array(data["steps"])[:, None, None, None]
    log_radius = np.array(data["log_radius"]).reshape(data["shape"])

    def at(along, off):
        values = {
            name: chebyshev.chebval2d(along, off, c)
            for name, c in zip(data["columns"], coefficients, strict=True)
        }
        scale = data["core"] * np.exp(chebyshev.chebval2d(along, off, log_radius))
        values.update({name: scale * np.sinh(values[name]) for name in POSITION})
        return {**values, "age": np.clip(values["age"], 0, data["age_max"])}

    return at


def test_page_holds_the_stars_that_the_flow_draws(made, edf, stars):
    at = unpacked(Read(made[0]))
    distances, shares = [], []
    for place in supported_places(edf, stars, seed=SEED):
        ours, kept = at(*place), stars.at(place)
        for name, values in zip(stars.columns, kept, strict=True):
            np.testing.assert_allclose(ours[name], values, rtol=1e-6, atol=1e-6)
        mass, metallicity = stars.grid.contexts(place[None])[0]
        true = edf.sample(N, {"log10_mstar": mass, "mean_metallicity": metallicity}, seed=SEED)
        true_places = np.stack([true[name].value for name in POSITION])
        radius = np.median(np.sqrt((true_places**2).sum(axis=0)))
        moved = np.stack([ours[name] for name in POSITION]) - true_places
        distances.append(np.sqrt((moved**2).sum(axis=0)) / radius)
        shares.append(np.abs(ours["age"] - true["age"].value))
    error = made[1]
    np.testing.assert_allclose(error.position, np.percentile(distances, [50, 95]), rtol=1e-4)
    np.testing.assert_allclose(error.colours["age"], np.percentile(shares, [50, 95]), rtol=1e-4)
    assert error.worst_position == pytest.approx(np.median(distances, axis=1).max(), rel=1e-4)
    assert error.position[0] < 0.01
    assert error.position[1] < 0.05


def test_error_tells_of_stars_that_are_wrong(made, edf, stars):
    wrong = stars.coefficients.copy()
    wrong[:, 5] = 0  # what is linear in the mass
    worse = measure(edf, replace(stars, coefficients=wrong), seed=SEED)
    assert worse.position[0] > 5 * made[1].position[0]
    # Stars that are those of another draw differ by as much as two draws do.
    other = measure(edf, InterpolatedStars.of(edf, N, seed=SEED + 1), seed=SEED)
    assert other.maps[0] == pytest.approx(1, abs=0.1)
    assert made[1].maps[1] < 0.6


def test_page_says_what_was_measured(made):
    page = Read(made[0])
    said, error = " ".join(" ".join(page.texts["p"]).split()), made[1]
    assert f"lies {100 * error.position[0]:.2g} % of the half-mass radius" in said
    assert f"95 % lie within {100 * error.position[1]:.2g} %" in said
    assert f"{100 * error.maps[0]:.0f} % of what other stars" in said
    assert "trained on 720 mock galaxies" in said


def test_page_is_alone_and_runs_nothing_but_its_own_script(made):
    page = Read(made[0])
    assert [a.partition(",")[0] for a in page.addresses] == ["data:image/png;base64"]
    own = page.texts["script"]
    assert len(own) == 1
    for kind, (text,) in (("script", own), ("style", page.texts["style"])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in page.policy
    assert page.policy.startswith("default-src 'none'")
    assert "unsafe" not in page.policy
    for word in ("eval(", "Function(", "innerHTML", "import(", "fetch("):
        assert word not in own[0]
    assert not re.search(r"url\((?!.data:)|@import", page.texts["style"][0])


def test_names_of_models_are_text(made):
    page = Read(made[0])
    assert page.texts["h1"] == [f"Galaxies of the model {HOSTILE}"]
    assert page.texts["title"] == page.texts["h1"]
    assert HOSTILE not in made[0]
    text = document._json({"name": "</script><!--&"})
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"name": "</script><!--&"}


def test_positions_alone_give_a_page_with_one_row_of_maps(edf):
    columns = ("x", "y", "z", "vx", "vy", "vz")
    names = ("population", "context_names", "card", "preset", "source", "freeze")
    bare = SimpleNamespace(columns=columns, **{name: getattr(edf, name) for name in names})
    page = Read(document.rendered(bare, n=100, seed=1)[0])
    data = json.loads(page.texts["data"][0])
    assert [q["name"] for q in data["quantities"]] == ["surface_density"]
    assert "upper" not in page.texts
    bare.columns = columns[1:]
    with pytest.raises(ValueError, match=r"model of positions; this one lacks \['x'\]"):
        document.rendered(bare, n=100, seed=1)
    with pytest.raises(ValueError, match="at least 100 stars, got 99"):
        document.rendered(edf, n=99, seed=1)


def test_models_without_two_sliders_are_refused():
    mass = np.linspace(8, 11, 30)
    alone = Population(("log10_mstar",), mass[:, None])
    with pytest.raises(ValueError, match="lacks mean_metallicity and has log10_mstar"):
        ContextGrid.around(alone, 4, 3)
    same = Population(("log10_mstar", "mean_metallicity"), np.full((30, 2), 0.01))
    with pytest.raises(ValueError, match="different stellar masses"):
        ContextGrid.around(same, 4, 3)


def test_command_writes_the_page_or_nothing(edf, tmp_path, capsys, monkeypatch):
    path = tmp_path / "explorer.html"
    assert main(["export", str(path), "--stars", "100", "--seed", "3"]) == 0
    assert re.search(r"off by [\d.]+ % of the half-mass radius", capsys.readouterr().out)
    assert "100 stars and seed 3" in " ".join(Read(path.read_text()).texts["p"])
    before = path.read_bytes()
    assert before == document.rendered(edf, n=100, seed=3)[0].encode()
    monkeypatch.setattr(document, "LARGEST", 100_000)
    with pytest.raises(ValueError, match=r"0.1 MB are allowed: ask for some \d+ stars"):
        document.write(edf, path, n=101, seed=3)
    assert path.read_bytes() == before
    for wrong, message in (("a.png", "written as .html"), ("none/a.html", "no such folder")):
        assert main(["export", str(tmp_path / wrong)]) == 2
        assert message in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
