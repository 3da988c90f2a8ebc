"""The page of a report: one HTML file with its styles and figures inside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from galflowlab.report import wording
from galflowlab.report.coordinates import AXES
from galflowlab.report.physics_words import LIMITS, WAYS, table
from galflowlab.report.style import data_uri
from galflowlab.schema import COLUMNS, CONTEXT


def render(report: Mapping[str, Any], figures: Mapping[str, Figure]) -> str:
    """Page of a report, see `document.Report`.

    Everything in `report` is taken for text and escaped: names of galaxies and cards of models
    come from other people's files.
    """
    folder = resources.files("galflowlab.report")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters.update(
        number=wording.number,
        size=wording.size,
        duration=wording.duration,
        label=wording.subscripted,
        percentile=wording.percentile,
        z=wording.z_score,
        json=lambda value: json.dumps(value, indent=1, ensure_ascii=False),
    )
    template = environment.from_string((folder / "page.html").read_text(encoding="utf-8"))
    return template.render(
        **report,
        style=Markup((folder / "page.css").read_text(encoding="utf-8")),
        pictures={name: data_uri(figure) for name, figure in figures.items()},
        pm=wording.with_error,
        metrics=wording.METRICS,
        relations=wording.RELATIONS,
        physics=table([entry["physics"] for entry in report["quality"]["examined"]]),
        ways=WAYS,
        limits=LIMITS,
        axes=AXES,
        columns=COLUMNS,
        contexts=CONTEXT,
    )
