"""Links of included files of the repository, made to lead somewhere on the site.

README and the like are written for the top of the repository. Where a file has a page, a link to
it becomes one to the page; any other file is offered for download. Of pictures that other servers
would have to send, such as badges, the words remain.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
PAGES = {
    "README.md": "/site/readme.md",
    "CONTRIBUTING.md": "/site/contributing.md",
    "CHANGELOG.md": "/site/changelog.md",
    "CODE_OF_CONDUCT.md": "/site/conduct.md",
    "galflowlab/pretrained/mock.md": "/site/models.md",
    "galflowlab/pretrained/mock_accurate.md": "/site/models.md",
}
_LINK = re.compile(r'(\]\(|src=")([^)"#\s]+)')
_CODE = re.compile(r"(^```.*?^```$)", flags=re.DOTALL | re.MULTILINE)
_FAR_PICTURE = re.compile(r"!\[([^\]]*)\]\(https?://[^)]*\)")
_LOGGER = logging.getLogger(__name__)


def rewritten(text: str, included: Path) -> tuple[str, list[str]]:
    """Return the text of an included file with its links as seen from the folder of all pages.

    Also returns the links to files that are not there, which stay as they are.
    """
    missing = []

    def of(match: re.Match[str]) -> str:
        opening, link = match.groups()
        if "://" in link or link.startswith(("mailto:", "data:", "/")):
            return match[0]
        target = (included.parent / link).resolve()
        if not target.exists():
            missing.append(link)
            return match[0]
        inside = target.relative_to(ROOT).as_posix()
        return opening + PAGES.get(
            inside, "/" + Path(os.path.relpath(target, NOTEBOOKS)).as_posix()
        )

    parts = _CODE.split(text)
    parts[::2] = [_LINK.sub(of, _FAR_PICTURE.sub(r"\1", part)) for part in parts[::2]]
    return "".join(parts), missing


def _on_include(app: Sphinx, path: Path, parent: str, content: list[str]) -> None:
    included = (Path(app.srcdir) / path).resolve()
    content[0], missing = rewritten(content[0], included)
    for link in missing:
        _LOGGER.warning("%s links to %s, which is not there", included.name, link)


def setup(app: Sphinx) -> dict[str, bool]:
    """Rewrite whatever is included."""
    app.connect("include-read", _on_include)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
