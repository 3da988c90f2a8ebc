"""JupyterLab on the notebooks, and Voila on the apps."""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

from galflowlab.files import replacing

_PACKAGE = Path(__file__).resolve().parents[1]
_REPOSITORY = _PACKAGE.parent
_COPIES = "galflowlab-notebooks"


def add_to(sub: argparse._SubParsersAction) -> None:
    """Add both commands to the parser."""
    p = sub.add_parser("lab", help="open JupyterLab; options after -- go to it")
    p.add_argument("notebook", nargs="?", type=Path, help="another notebook or folder")
    p.set_defaults(run=lab)
    p = sub.add_parser(
        "app",
        help="serve an app with Voila; options after -- go to it",
        description="Serve an app as a page with Voila, to this machine only. Every visitor has "
        "a process of their own, which ends with the page. What they export goes to their "
        "browser as a download. Options after -- go to Voila.",
    )
    p.add_argument(
        "name",
        nargs="?",
        default="explorer",
        help="an app, or your notebook.ipynb; default %(default)s",
    )
    p.add_argument("--visitors", type=_number, help="at once at most, default 16")
    p.set_defaults(run=app)


def _number(text: str) -> int:
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a number of visitors, got {text!r}")
    return int(text)


def lab(arguments: argparse.Namespace) -> NoReturn:
    """Open JupyterLab; it prints its URL, and opens a browser where there is one."""
    target = arguments.notebook or _tutorials() / "01_explore.ipynb"
    if not target.exists():
        raise FileNotFoundError(f"{target}: no such notebook")
    root = _root_for(target)
    page = "/lab/tree/" + quote(target.resolve().relative_to(root).as_posix())
    # The page is part of the printed URL this way, so it opens there without a browser too.
    settings = {
        "ServerApp.root_dir": str(root),
        "LabApp.default_url": page,
        # Voila 0.5.13, also a button of JupyterLab, cannot show pictures with the default.
        "ServerApp.contents_manager_class": (
            "jupyter_server.services.contents.largefilemanager.LargeFileManager"
        ),
    }
    own = _left_open(settings, arguments.passed_on)
    _serve("jupyterlab", *own, *arguments.passed_on)


def app(arguments: argparse.Namespace) -> NoReturn:
    """Serve an app with Voila."""
    notebook, folder = _app(arguments.name)
    settings = {
        "VoilaConfiguration.multi_kernel_manager_class": (
            "galflowlab.commands.visitors.VisitorKernels"
        ),
        "Voila.kernel_websocket_connection_class": "galflowlab.commands.visitors.VisitorChannels",
        "VoilaConfiguration.allow_template_override": "NO",  # by the address of a page
        "MappingKernelManager.root_dir": str(folder),
    }
    if arguments.visitors:
        settings["VisitorKernels.most"] = str(arguments.visitors)
    own = _left_open(settings, arguments.passed_on)
    _serve("voila", str(notebook), *own, *arguments.passed_on)


def _app(name: str) -> tuple[Path, Path]:
    """The notebook of an app, and the folder that it works in."""
    given = Path(name)
    if given.suffix == ".ipynb":
        if not given.is_file():
            raise FileNotFoundError(f"{name}: no such notebook")
        return given.resolve(), given.resolve().parent
    apps = {path.stem: path for path in _folder("_apps", "widgets").glob("*.ipynb")}
    if name not in apps:
        there = ", ".join(sorted(apps))
        raise ValueError(f"there is no app {name!r}; expected one of {there}, or a notebook.ipynb")
    return apps[name], Path.cwd()


def _left_open(settings: dict[str, str], passed_on: Iterable[str]) -> list[str]:
    """Options for all settings but those which the user has made: Voila refuses a second."""
    made = {word.lstrip("-").partition("=")[0] for word in passed_on}
    return [f"--{name}={value}" for name, value in settings.items() if name not in made]


def _folder(installed: str, in_repository: str) -> Path:
    """A folder of notebooks: part of the installed package, or of the repository."""
    places = (_PACKAGE / installed, _REPOSITORY / in_repository)
    found = next((place for place in places if place.is_dir()), None)
    if found is None:
        raise FileNotFoundError(f"expected notebooks in {places[0]}; install galflowlab again")
    return found


def _tutorials() -> Path:
    """Our notebooks, where they can be changed."""
    source = _folder("_notebooks", "notebooks")
    if source.parent == _REPOSITORY:
        return source
    copies = Path.cwd() / _COPIES
    copies.mkdir(exist_ok=True)
    for path in sorted(source.iterdir()):
        if path.suffix in (".ipynb", ".json") and not (copies / path.name).exists():
            with replacing(copies / path.name) as partial:
                partial.write_bytes(path.read_bytes())
    print(f"copies of the notebooks, yours to change: {copies}")
    return copies


def _root_for(target: Path) -> Path:
    inside = target.resolve().is_relative_to(_REPOSITORY)
    return _REPOSITORY if inside else target.resolve().parent


def _serve(module: str, *rest: str) -> NoReturn:
    """Become the server, so that signals reach it."""
    if importlib.util.find_spec(module) is None:
        raise ImportError(f"needs {module}: pip install 'galflowlab[lab]'")
    command = [sys.executable, "-m", module, *rest]
    if not _has_browser():
        command.append("--no-browser")
    if module == "jupyterlab" and hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    # Kernels and terminals must find this environment first, activated or not.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    sys.stdout.flush()
    os.execve(sys.executable, command, os.environ | {"PATH": path})


def _has_browser() -> bool:
    if platform.system() == "Linux":
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True
