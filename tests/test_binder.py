"""What mybinder.org builds: checked by repo2docker without Docker, and with a pip that records."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("target", ["notebooks/01_explore.ipynb", "widgets/explorer.ipynb"])
def test_documented_pages_exist(target):
    readme = (ROOT / "README.md").read_text()
    assert (ROOT / target).is_file()
    assert f"lab/tree/{target}" in readme or f"voila/render/{target}" in readme
