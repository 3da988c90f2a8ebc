"""One HTML file with everything that it needs inside."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from galflowlab.edf import EDF
from galflowlab.files import replacing
from galflowlab_widgets.canvas import STYLE, MapCanvas, module
from galflowlab_widgets.page.contents import Contents
from galflowlab_widgets.page.error import Error, measure
from galflowlab_widgets.page.stars import SHAPE, InterpolatedStars
from galflowlab_widgets.page.words import exactness, origin
from galflowlab_widgets.plane import ContextPlane

STARS = 20_000
"""Stars of a page, unless told otherwise."""
LARGEST = 5_000_000
"""Bytes that a page may have."""

_EXPORT = "export default { render };"
_OWN = ("scales.js", "stars.js", "maps.js", "local_model.js", "page.js")


def write(edf: EDF, path: str | Path, *, n: int = STARS, seed: int) -> Error:
    """Write the page of a model, whole or not at all.

    Parameters
    ----------
    edf
        The model, with mass and metallicity in its context.
    path
        Of the file, which is replaced if it is there.
    n, seed
        Number of stars, and what fixes them. The same model, number and seed give the same
        bytes.

    Returns
    -------
    Error
        How far interpolation is from the model, as the page says.

    Raises
    ------
    ValueError
        For a model that a page cannot show, fewer than one star, or more stars than fit into
        `LARGEST` bytes.
    """
    page, error = rendered(edf, n=n, seed=seed)
    with replacing(path) as partial:
        partial.write_text(page, encoding="utf-8", newline="\n")
    return error


def rendered(edf: EDF, *, n: int = STARS, seed: int) -> tuple[str, Error]:
    """Make the page of a model, and measure its error; see `write`."""
    stars = InterpolatedStars.of(edf, n, seed=seed)
    error = measure(edf, stars, seed=seed)
    contents = Contents(edf, stars)
    packed = base64.b64encode(stars.packed()).decode()
    script, style = _script(), "\n".join([STYLE.read_text(encoding="utf-8"), _file("page.css")])
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    # All that comes from the model, such as its name, is text, and escaped.
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(
        _file("page.html")
    )
    page = template.render(
        **contents.words(),
        policy=policy,
        style=Markup(style),
        script=Markup(script),
        data=_json(contents.data()),
        packed=packed,
        exactness=exactness(error, SHAPE),
        origin=origin(edf, n=n, seed=seed),
    )
    if (size := len(page.encode())) > LARGEST:
        raise ValueError(
            f"the page of {n} stars has {size / 1e6:.1f} MB, {LARGEST / 1e6:g} MB are allowed: "
            f"ask for some {int(0.9 * n * LARGEST / size)} stars"
        )
    return page, error


def _script() -> str:
    """The canvases of the apps, and what answers them in place of a kernel."""
    parts = [
        module("painter.js"),
        _as_function("renderMaps", MapCanvas._esm),
        _as_function("renderPlane", ContextPlane._esm),
        *map(_file, _OWN),
    ]
    return "\n".join(parts)


def _as_function(name: str, source: str) -> str:
    """A module as a function of its own, so that equal names in two of them do not clash."""
    before, found, after = source.rpartition(_EXPORT)
    if not found or after.strip():
        raise ValueError(f"expected a module that ends with {_EXPORT!r}")
    return f"const {name} = (() => {{\n{before}return render;\n}})();"


def _file(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _json(data: dict[str, Any]) -> Markup:
    """JSON that no text in it can end, as part of a page."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)
