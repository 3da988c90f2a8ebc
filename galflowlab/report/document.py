"""The report as an object: plain data and figures, written as a page and as JSON."""

from __future__ import annotations

import json as _json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from galflowlab.files import replacing
from galflowlab.report.page import render


@dataclass(frozen=True)
class Report:
    """What `evaluate` found out about a model.

    Parameters
    ----------
    title
        What the page is called.
    summary
        The findings in plain words: ``topic``, ``text`` and whether it is a ``concern``.
    quality
        What `against_galaxies` found; ``trained_on``, names of those that the card of the
        model lists; ``examined``, a handful of them in detail, see
        `examination.Examination`; ``scaling`` relations; and ``published`` ones, see
        `galaxy_checks.GridRelations`. These two are None where the model lacks what they need.
    speed, cost
        See `speed.speed` and `cost.cost`.
    record
        How the report was made: command, seed, versions, hash of the model, its card.
    figures
        By name; those of examined galaxies as ``0/maps``, ``0/profiles`` and so on.
    """

    title: str
    summary: list[dict[str, Any]]
    quality: dict[str, Any]
    speed: dict[str, Any]
    cost: dict[str, Any]
    record: dict[str, Any]
    figures: dict[str, Figure] = field(repr=False)

    def as_dict(self) -> dict[str, Any]:
        """Return all but the figures as plain JSON-serialisable data."""
        parts = ("title", "summary", "quality", "speed", "cost", "record")
        return {name: getattr(self, name) for name in parts}

    def html(self) -> str:
        """Return the page: one file that needs nothing else, figures included."""
        return render(self.as_dict(), self.figures)

    def write(self, *, html: str | Path | None = None, json: str | Path | None = None) -> None:
        """Write the page, the JSON or both; each file appears whole or not at all.

        Raises
        ------
        ValueError
            If both would be the same file.
        OSError
            If a file cannot be written.
        """
        if html is not None and json is not None and Path(html).resolve() == Path(json).resolve():
            raise ValueError(f"expected two files for the page and the JSON, got {html} twice")
        texts: list[tuple[str | Path, str]] = []
        if html is not None:
            texts.append((html, self.html()))
        if json is not None:
            texts.append((json, _json.dumps(self.as_dict(), indent=1, allow_nan=False) + "\n"))
        for path, text in texts:
            with replacing(path) as partial:
                # A name of a file may hold bytes that are no text: they must not cost the report.
                partial.write_text(text, encoding="utf-8", errors="replace")


def plain(value: Any) -> Any:
    """Copy of data from a file that JSON can hold: None for numbers that are not finite."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | None) else str(value)
