"""Draw the layers of the package: `python notebooks/site/layers.py` writes layers.svg.

The order is that of the import contract in pyproject.toml, the words are the first lines of the
modules, so the picture shows what `make lint` enforces.
"""

from __future__ import annotations

import ast
import tomllib
from html import escape
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PICTURE = HERE / "layers.svg"

LINE, GAP, WIDTH, NAMES = 19, 6, 960, 162  # px; NAMES is where the words begin
MARGIN = 34


def layers() -> list[list[str]]:
    """Modules of each layer, from what stands highest to what stands lowest."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    return [layer.split(" | ") for layer in contracts[0]["layers"]]


def first_line(module: str) -> str:
    """First line of the docstring of a module, read without importing it."""
    parts = Path(*module.split("."))
    for folder in (ROOT, ROOT / "widgets"):
        for path in (folder / parts / "__init__.py", folder / parts.with_suffix(".py")):
            if path.is_file():
                text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
                if not text:
                    raise ValueError(f"{path} has no docstring")
                return text.splitlines()[0].replace("``", "").replace("`", "").rstrip(".")
    raise FileNotFoundError(f"{module}: the import contract names a module that is not there")


def picture() -> str:
    """Return the layers as SVG."""
    rows, y = [], MARGIN
    for modules in layers():
        height = LINE * len(modules) + GAP
        rows.append(f'<rect x="{MARGIN}" y="{y}" width="{WIDTH - MARGIN - 8}" height="{height}"/>')
        for i, module in enumerate(modules):
            base = y + LINE * i + 16
            name = escape(module.removeprefix("galflowlab."))
            words = escape(first_line(module))
            rows.append(f'<text class="name" x="{MARGIN + 10}" y="{base}">{name}</text>')
            rows.append(f'<text x="{MARGIN + NAMES}" y="{base}">{words}</text>')
        y += height + 3
    bottom = y + 6
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom}" '
            f'width="{WIDTH}" height="{bottom}" role="img" aria-labelledby="title">',
            '<title id="title">Layers of galflowlab: every module imports only what stands '
            "below it</title>",
            "<style>rect{fill:#eef3f8;stroke:#b7c6d6}"
            "text{font:12.5px 'DejaVu Sans',Verdana,sans-serif;fill:#1c2733}"
            ".name{font-weight:bold;fill:#0b4f8a}.side{fill:#40505f}"
            ".arrow{stroke:#40505f;stroke-width:1.6;fill:none}</style>",
            f'<path d="M0 0H{WIDTH}V{bottom}H0z" fill="#fff"/>',
            f'<text class="side" x="{MARGIN}" y="22">Every module imports only from rows below '
            "its own</text>",
            *rows,
            f'<path class="arrow" d="M17 {MARGIN}V{y - 6}m-6 -9l6 9l6 -9"/>',
            f'<text class="side" transform="translate(12 {y // 2}) rotate(-90)" '
            'text-anchor="middle">imports</text>',
            "</svg>\n",
        ]
    )


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
