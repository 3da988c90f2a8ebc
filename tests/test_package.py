"""What a newcomer reads: the README's examples, links, and the citation."""

import re
import shlex
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
