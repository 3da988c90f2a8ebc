"""README, citation and wheel: what a stranger sees first."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[1]


def test_code_of_the_readme_runs(capsys):
    text = (REPOSITORY / "README.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    assert "True" in capsys.readouterr().out


def test_links_of_the_documents_resolve():
    for document in REPOSITORY.glob("*.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
            if not target.startswith("http"):
                assert (REPOSITORY / target).exists(), f"{document.name} links to {target}"


def test_citation_names_software_and_paper():
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "version", "license"} <= set(citation)
    assert "2312.06017" in str(citation["references"])


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = "import hatchling.build as b, sys; print(b.build_wheel(sys.argv[1]))"
    subprocess.run(
        [sys.executable, "-c", build, str(folder)],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        timeout=120,
    )
    return next(folder.glob("*.whl"))


def test_wheel_holds_what_it_needs_and_no_more(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for name in (
        "galflowlab/py.typed",
        "galflowlab/_manifests/nihao.toml",
        "galflowlab/pretrained/mock.safetensors",
        "galflowlab_widgets/static/map_canvas.js",
        "galflowlab_widgets/py.typed",
    ):
        assert name in names
    allowed = re.compile(r"galflowlab(_widgets)?/|galflowlab-[^/]+\.dist-info/")
    assert [name for name in names if not allowed.match(name)] == []
    assert not any("partial" in name for name in names)
    assert wheel.stat().st_size <= 5_000_000
