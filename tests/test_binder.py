"""What mybinder.org builds: checked by repo2docker without Docker, and with a pip that records."""

import os
import re
import shutil
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest

from tests.browser.servers import BIN, TOKEN, free_port, server, write_notebook
from tests.voila.processes import pss

ROOT = Path(__file__).resolve().parents[1]
BINDER = ROOT / "binder"


@pytest.fixture
def checkout(tmp_path):
    """The part of the repository that repo2docker and the scripts read."""
    folder = tmp_path / "galflowlab"
    shutil.copytree(BINDER, folder / "binder")
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.mark.parametrize("name", ["postBuild", "start"])
def test_scripts_can_be_run(name):
    assert os.access(BINDER / name, os.X_OK), f"chmod +x binder/{name}"
    assert (BINDER / name).read_text().startswith("#!/bin/bash\n")


def test_repo2docker_accepts_it(checkout):
    repo2docker = Path(sys.executable).with_name("repo2docker")
    if not repo2docker.is_file():
        pytest.skip("jupyter-repo2docker is not installed")
    command = [repo2docker, "--debug", "--no-build", "--user-id", "1000", "--user-name", "jovyan"]
    result = subprocess.run([*command, "."], cwd=checkout, capture_output=True, text=True)
    dockerfile = result.stdout + result.stderr
    assert result.returncode == 0, dockerfile
    assert '--file "binder/environment.yml"' in dockerfile
    # The script that installs the package runs after the repository is in the image.
    assert dockerfile.index("COPY --chown=1000:1000 src/ ") < dockerfile.index("./binder/postBuild")
    assert 'R2D_ENTRYPOINT="${REPO_DIR}/binder/start"' in dockerfile
    assert "Building conda environment for python=3.11" in dockerfile
    assert "KERNEL_PYTHON_PREFIX=${NB_PYTHON_PREFIX}" in dockerfile  # one environment for all


def test_post_build_installs_this_package_and_leaves_torch_alone(checkout, tmp_path):
    """Runs postBuild with a pip and a python that record what they are told."""
    fake = tmp_path / "bin"
    fake.mkdir()
    (fake / "pip").write_text(
        '#!/bin/bash\necho "pip $*" >>"$LOG"\n'
        'for word in "$@"; do if [ -f "$word" ]; then cp "$word" "$LOG.constraints"; fi; done\n'
    )
    (fake / "python").write_text('#!/bin/bash\necho "python $*" >>"$LOG"\n')
    for script in fake.iterdir():
        script.chmod(0o755)
    log = tmp_path / "log"
    environment = os.environ | {"PATH": f"{fake}:{os.environ['PATH']}", "LOG": str(log)}
    subprocess.run(["./binder/postBuild"], cwd=checkout, env=environment, check=True)
    install, check = log.read_text().splitlines()
    assert install.startswith("pip install")
    assert install.endswith("--editable .[lab]")
    assert check.startswith("python -c")
    constraints = Path(f"{log}.constraints").read_text().splitlines()
    assert any(line.startswith("normflows==") for line in constraints)
    assert not [line for line in constraints if line.startswith("torch==")]


def test_start_runs_the_command_on_one_thread():
    command = [BINDER / "start", "sh", "-c", 'echo "$OMP_NUM_THREADS $1"', "sh", "two words"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert out == "1 two words\n"


def test_badges_lead_to_the_first_notebook_and_the_explorer():
    badges = re.findall(r"\]\((https://mybinder\.org/v2/[^)]*)\)", (ROOT / "README.md").read_text())
    targets = []
    for badge in badges:
        address = urlsplit(badge)
        assert re.fullmatch(r"/v2/gh/[\w.-]+/galflowlab/HEAD", address.path)
        assert re.fullmatch(r"urlpath=[\w.%-]+", address.query)  # encoded, or Binder cuts it
        (target,) = parse_qs(address.query)["urlpath"]
        targets.append(target)
        assert (ROOT / target.removeprefix("lab/tree/").removeprefix("voila/render/")).is_file()
    assert sorted(targets) == [
        "lab/tree/notebooks/01_explore.ipynb",
        "voila/render/widgets/explorer.ipynb",
    ]


THREADS = """import torch
from threadpoolctl import threadpool_info
from galflowlab import parallel
counts = [pool["num_threads"] for pool in threadpool_info()]
counts += [torch.get_num_threads(), parallel.available_cores(), parallel._pool()._max_workers]
print("threads of every kind:", *sorted(set(counts)))"""


@pytest.mark.slow
def test_its_server_opens_both_pages_on_one_thread_in_little_memory(tmp_path):
    """JupyterLab with Voila in it, behind a prefix, as the image starts it."""
    root, port = tmp_path / "galflowlab", free_port()
    for target in ("notebooks/01_explore.ipynb", "widgets/explorer.ipynb"):
        (root / target).parent.mkdir(parents=True)
        shutil.copy(ROOT / target, root / target)
    shutil.copytree(ROOT / "widgets" / "screenshots", root / "widgets" / "screenshots")
    write_notebook(root / "threads.ipynb", THREADS)
    url = f"http://127.0.0.1:{port}/user/visitor"
    options = [f"--port={port}", "--ip=127.0.0.1", "--no-browser", "--allow-root"]
    options += [f"--ServerApp.root_dir={root}", "--ServerApp.base_url=/user/visitor/"]
    command = [str(BINDER / "start"), str(BIN / "jupyter"), "lab", *options]

    def get(page):
        address = f"{url}/{page}?token={TOKEN}"
        return urllib.request.urlopen(address, timeout=60).read().decode()

    token = f"--IdentityProvider.token={TOKEN}"
    with server([*command, token], tmp_path, f"{url}/api") as process:
        assert "jupyter-config-data" in get("lab/tree/notebooks/01_explore.ipynb")
        pages = ("voila/render/threads.ipynb", "voila/render/widgets/explorer.ipynb")
        with ThreadPoolExecutor() as pool:
            threads, explorer = pool.map(get, pages)
        assert "threads of every kind: 1\n" in threads
        assert "application/vnd.jupyter.widget-view+json" in explorer
        assert "Picture of the app" in explorer
        assert explorer.rstrip().endswith("</html>")
        jupyter = psutil.Process(process.pid)
        processes = [jupyter, *jupyter.children(recursive=True)]
        assert len(processes) >= 3  # with the kernels of both pages
        assert sum(map(pss, processes)) < 1500  # MB
