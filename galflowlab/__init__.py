"""galflowlab: the extended distribution function of galaxies, learned and explored live."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from galflowlab._version import __version__

__all__ = [
    "EDF",
    "ExtrapolationWarning",
    "FewStarsWarning",
    "Galaxy",
    "__version__",
    "fit",
    "load",
    "mocks",
    "prepare",
    "read",
]

# Everything else is imported when it is first used, for torch takes seconds and 300 MB: the
# command line and servers of pages have no use for it. A test compares this with what type
# checkers see.
_HOMES = {
    "EDF": "edf",
    "ExtrapolationWarning": "population",
    "FewStarsWarning": "training",
    "Galaxy": "galaxy",
    "fit": "training",
    "load": "loading",
    "prepare": "data.prepare",
    "read": "data",
}

if TYPE_CHECKING:
    from galflowlab import (  # noqa: F401
        catalogues,
        context,
        crossvalidation,
        data,
        dynamics,
        frozen,
        galacticflow,
        galaxy,
        galaxy_checks,
        maps,
        metrics,
        mocks,
        population,
        profiles,
        recipes,
        report,
        schema,
        sky,
        store,
        tables,
        training,
    )
    from galflowlab.data import read
    from galflowlab.data.prepare import prepare
    from galflowlab.edf import EDF
    from galflowlab.galaxy import Galaxy
    from galflowlab.loading import load
    from galflowlab.population import ExtrapolationWarning
    from galflowlab.training import FewStarsWarning, fit
else:

    def __getattr__(name: str) -> Any:
        if name in _HOMES:
            globals()[name] = getattr(import_module(f"galflowlab.{_HOMES[name]}"), name)
            return globals()[name]
        if name in _modules():
            return import_module(f"galflowlab.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_modules()})


def _modules() -> set[str]:
    return {found.name for found in iter_modules(__path__) if not found.name.startswith("_")}
