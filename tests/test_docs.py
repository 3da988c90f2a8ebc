"""The site: it builds without a warning, all of it hangs together, and it needs nothing else."""

import importlib
import os
import pkgutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from pydoc import locate
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.slow
pytest.importorskip("myst_nb", reason="the site needs what `pip install galflowlab[dev]` brings")


class Page(HTMLParser):
    """Anchors, links and embedded resources of one page."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links, self.resources, self.images = set(), [], [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.anchors.add(given.get("id"))
        if tag == "a":
            self.links.append(given.get("href"))
        elif tag == "img":
            self.images.append(given)
        if tag == "link" or "src" in given:
            self.resources.append(given.get("src") or given.get("href"))


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Folder of the site and what Sphinx said, run as `make docs` does."""
    folder = tmp_path_factory.mktemp("site")
    source = ["-c", str(ROOT / "notebooks" / "site"), str(ROOT / "notebooks"), str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", *source],
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    return folder, done


@pytest.fixture(scope="module")
def site(build):
    """Folder, and pages by path."""
    folder, done = build
    paths = [path for path in sorted(folder.rglob("*.html")) if "_static" not in path.parts]
    assert folder / "index.html" in paths, done.stderr
    return folder, {path: Page(path) for path in paths}


def test_it_builds_without_a_warning(build):
    _, done = build
    assert not done.stderr.strip()
    assert done.returncode == 0


def test_links_lead_somewhere(site):
    folder, pages = site
    broken, checked = [], 0
    for path, page in pages.items():
        for link in filter(None, page.links + page.resources):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            there = target.is_file() and target.is_relative_to(folder)
            if there and parts.fragment and target in pages:
                there = unquote(parts.fragment) in pages[target].anchors
            checked += 1
            if not there:
                broken.append(f"{path.relative_to(folder)}: {link}")
    assert checked > 1000
    assert not broken


def test_nothing_is_fetched(site):
    folder, pages = site
    outside = [
        (path.name, link)
        for path, page in pages.items()
        for link in filter(None, page.resources)
        if urlsplit(link).netloc
    ]
    assert not outside
    styles = [path.read_text(encoding="utf-8") for path in folder.rglob("*.css")]
    assert styles
    assert not [text for text in styles if "url(http" in text or "url(//" in text]


def test_pictures_are_described(site):
    _, pages = site
    images = [(path.name, image) for path, page in pages.items() for image in page.images]
    assert len(images) > 5
    for name, image in images:
        said, file = image.get("alt", ""), Path(image["src"]).name
        assert len(said) > 5, (name, file)
        assert file not in said, f"{name}: {file} has no words"  # Sphinx takes the path instead


def test_every_public_name_is_documented(site):
    from sphinx.util.inventory import InventoryFile

    inventory = InventoryFile.loads((site[0] / "objects.inv").read_bytes(), uri="")
    names = {name for entries in inventory.data.values() for name in entries}
    objects = {id(locate(name)) for name in names if name.startswith("galflowlab")}
    missing = []
    for package in map(importlib.import_module, ("galflowlab", "galflowlab_widgets")):
        within = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        for module in [package.__name__, *(m.name for m in within if m.ispkg)]:
            for name in getattr(importlib.import_module(module), "__all__", ()):
                thing = getattr(importlib.import_module(module), name)
                known = f"{module}.{name}" in names or id(thing) in objects
                if not (known or name.startswith("__")):
                    missing.append(f"{module}.{name}")
    assert "galflowlab.EDF.sample" in names
    assert not missing


def test_parameters_have_types(site):
    folder, _ = site
    page = (folder / "site" / "api" / "galflowlab.html").read_text(encoding="utf-8")
    assert "<strong>n</strong> (<em>int</em>) – Number of star particles" in page  # EDF.sample
    assert page.count("<strong>seed</strong> (<em>int</em>") >= 2


def test_every_notebook_and_command_has_its_place(site):
    folder, pages = site
    tutorials = pages[folder / "site" / "tutorials.html"]
    notebooks = [path.stem for path in (ROOT / "notebooks").glob("*.ipynb")]
    assert len(notebooks) > 3
    for name in notebooks:
        assert f"../{name}.html" in tutorials.links
        assert (folder / "_sources" / f"{name}.ipynb").is_file()

    from galflowlab.cli import make_parser

    (commands,) = (a for a in make_parser()._actions if a.dest == "command")
    anchors = pages[folder / "site" / "commands.html"].anchors
    assert {f"galflowlab-{name}" for name in commands.choices} <= anchors


def test_links_of_the_repository(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "notebooks" / "site")
    from repository import rewritten

    text = "[a](CHANGELOG.md) [b](LICENSE) [c](https://x.org/y) [![d](https://x.org/z.svg)](u)"
    assert rewritten(text, ROOT / "README.md") == (
        "[a](/site/changelog.md) [b](/../LICENSE) [c](https://x.org/y) [d](u)",
        ["u"],
    )
    code = "```python\nread(files)[0](CHANGELOG.md)\n```\n"
    assert rewritten(code, ROOT / "README.md") == (code, [])
