"""What a newcomer meets: names and imports, the README's examples, links, and the citation."""

import ast
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import galflowlab
from galflowlab import cli
from galflowlab.loading import embedded_models

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def python_blocks():
    return re.findall(r"^```python\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


def needs_model():
    if "mock" not in embedded_models():
        pytest.skip("the embedded model is not there; `make model` trains it")


# -- names

LIGHT = """
import contextlib, sys
def done(what, *heavy):
    loaded = [name for name in ("torch", *heavy) if name in sys.modules]
    print(what, *(loaded or ["light"]), sep=": ", file=sys.stderr)
import galflowlab
done("package", "numpy", "astropy")
from galflowlab.cli import main
for words in (["--version"], ["train", "--help"], ["data"]):
    with contextlib.suppress(SystemExit):
        main(words)
    done(words[0], *(["h5py"] if words != ["data"] else []))
import galflowlab.commands.visitors
done("server")
"""


def test_what_needs_no_torch_does_not_import_it():
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    steps = ("package", "--version", "train", "data", "server")
    assert done.stderr.splitlines() == [f"{step}: light" for step in steps]


def test_names_are_those_that_type_checkers_see():
    tree = ast.parse(Path(galflowlab.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    imports = {(node.module, alias.name) for node in block.body for alias in node.names}
    homes = {name: module for module, name in imports if module != "galflowlab"}
    modules = {name for module, name in imports if module == "galflowlab"}
    assert {*homes, "__version__", "mocks"} == set(galflowlab.__all__)
    for name, home in homes.items():
        assert galflowlab.__getattr__(name) is getattr(import_module(home), name)
    for name in modules:
        assert galflowlab.__getattr__(name) is import_module(f"galflowlab.{name}")
    pages = (path.stem.split(".") for path in (ROOT / "notebooks/site/api").glob("galflowlab.*"))
    assert modules == {names[1] for names in pages if len(names) == 2}
    assert {*galflowlab.__all__, *modules} <= set(dir(galflowlab))


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="module 'galflowlab' has no attribute 'fitt'"):
        galflowlab.fitt  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'fitt'"):
        from galflowlab import fitt  # noqa: F401
    assert not hasattr(galflowlab, "pretrained")  # a folder, not a module


# -- README


def test_readme_python_runs(tmp_path, monkeypatch, capsys):
    needs_model()
    monkeypatch.chdir(tmp_path)
    assert python_blocks()
    for source in python_blocks():
        exec(compile(source, "README.md", "exec"), {"__name__": "readme"})
    assert float(capsys.readouterr().out.split()[0]) > 1  # a context that the model knows


def test_readme_sample_command_runs(tmp_path, monkeypatch):
    needs_model()
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^\s*galflowlab (sample .*)$", README, flags=re.MULTILINE)
    assert commands
    for words in map(shlex.split, commands):
        number, folder = words.index("-n") + 1, "--format" in words
        if folder:
            words[number] = "2e4"  # a billion stars take an hour
        assert cli.main(words) == 0
        made = Path(words[words.index("-o") + 1])
        stars = sum(len(galflowlab.read(part)) for part in sorted(made.glob("part-*"))) or len(
            galflowlab.read(made)
        )
        assert stars == float(words[number])


def test_readme_make_targets_exist():
    targets = set(re.findall(r"(?:^ *|`)make (\w+)", README, flags=re.MULTILINE))
    assert {"lab", "app", "test"} <= targets
    makefile = (ROOT / "Makefile").read_text()
    for target in targets:
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


@pytest.mark.parametrize("document", [path.name for path in ROOT.glob("*.md")])
def test_links_lead_somewhere(document):
    for link in re.findall(r"\]\(([^)#]+)\)", (ROOT / document).read_text()):
        assert "://" in link or (ROOT / link).exists(), link


# -- citation


def test_citation():
    yaml = pytest.importorskip("yaml", reason="needs PyYAML to read CITATION.cff")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert citation["message"]
    assert citation["title"].startswith("galflowlab")
    assert citation["license"] == "BSD-3-Clause"
    assert citation["version"] == galflowlab.__version__
    assert citation["authors"]
    (paper,) = citation["references"]
    assert paper["title"].startswith("GalacticFlow")
    assert [author["family-names"] for author in paper["authors"]] == ["Wolf", "Buck"]
    assert "2312.06017" in str(paper["identifiers"])
    assert "2312.06017" in README
