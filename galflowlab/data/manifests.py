"""Manifests: what a data set is, where it comes from and what to know before using it."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from astropy import units as u

from galflowlab.galaxy import REQUIRED
from galflowlab.schema import COLUMNS

ORIGINS = ("zenodo", "generated")
READERS = ("nihao", "npz", "parttype4", "tables", "snapshots")
"""Modules of `galflowlab.data.readers`."""

_DOI = re.compile(r"10\.\d{4,9}/\S+")


@dataclass(frozen=True)
class Manifest:
    """One data set.

    Raises
    ------
    ValueError
        If an entry is empty or not what its description says.
    """

    name: str
    title: str
    description: str
    origin: str  # one of ORIGINS
    files: str  # which files there are, in words
    licence: str
    citation: tuple[str, ...]
    reader: str  # one of READERS
    cosmology: str
    know_before_use: tuple[str, ...]
    columns: dict[str, str]  # column name -> unit, as the files hold them
    doi: str = ""

    def __post_init__(self) -> None:
        texts = ("name", "title", "description", "files", "licence", "cosmology")
        empty = [key for key in texts if not getattr(self, key).strip()]
        empty += [key for key in ("citation", "know_before_use") if not getattr(self, key)]
        if empty:
            raise ValueError(f"manifest {self.name!r}: {empty} should not be empty")
        for key, known in (("origin", ORIGINS), ("reader", READERS)):
            if getattr(self, key) not in known:
                raise ValueError(
                    f"manifest {self.name!r}: {key} {getattr(self, key)!r} should be one of {known}"
                )
        if self.origin == "zenodo" and not self.doi:
            raise ValueError(f"manifest {self.name!r}: origin 'zenodo' needs a doi")
        if self.doi and not _DOI.fullmatch(self.doi):
            raise ValueError(f"manifest {self.name!r}: {self.doi!r} should be a DOI like 10.5281/…")
        self._check_columns()

    def _check_columns(self) -> None:
        unknown = [name for name in self.columns if name not in COLUMNS]
        missing = [name for name in REQUIRED if name not in self.columns]
        if unknown or missing:
            raise ValueError(
                f"manifest {self.name!r}: columns {unknown} are unknown, {missing} are missing"
            )
        for name, text in self.columns.items():
            try:
                unit = u.Unit(text)
            except (ValueError, TypeError) as error:
                raise ValueError(
                    f"manifest {self.name!r}: column {name!r} has no unit ({error})"
                ) from error
            if unit != COLUMNS[name].unit:
                raise ValueError(
                    f"manifest {self.name!r}: column {name!r} is in {text!r}; "
                    f"expected {COLUMNS[name].unit}"
                )


def manifests() -> tuple[str, ...]:
    """Names of the data sets that come with the package, in alphabetical order."""
    names = (entry.name for entry in _folder().iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def manifest(name: str) -> Manifest:
    """Return the manifest of a data set that comes with the package.

    Raises
    ------
    ValueError
        If there is none of that name, or it is not valid.
    """
    if name not in manifests():
        raise ValueError(f"no data set {name!r}; there are {', '.join(manifests())}")
    return parse(name, (_folder() / f"{name}.toml").read_text(encoding="utf-8"))


def parse(name: str, text: str) -> Manifest:
    """Build the manifest `name` from TOML; raises ValueError if it is not valid."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"manifest {name!r} is not TOML ({error})") from error
    lists, tables = ("citation", "know_before_use"), ("columns",)
    known = [key for key in Manifest.__dataclass_fields__ if key != "name"]
    unknown = [key for key in data if key not in known]
    missing = [key for key in known if key not in data and key != "doi"]
    if unknown or missing:
        raise ValueError(f"manifest {name!r}: {unknown} are unknown, {missing} are missing")
    for key, value in data.items():
        if not _is_text(value, list if key in lists else dict if key in tables else str):
            kind = "a list of texts" if key in lists else "a table of texts"
            expected = kind if key in (*lists, *tables) else "a text"
            raise ValueError(f"manifest {name!r}: {key!r} should be {expected}")
    entries: dict[str, Any] = {k: tuple(v) if k in lists else v for k, v in data.items()}
    return Manifest(name=name, **entries)


def _is_text(value: Any, kind: type) -> bool:
    items = value if isinstance(value, list) else [value]
    if isinstance(value, dict):
        items = list(value.values())
    return isinstance(value, kind) and all(isinstance(item, str) for item in items)


def _folder() -> Traversable:
    """Where the manifests are: in the installed package, else in the repository."""
    installed = resources.files("galflowlab") / "_manifests"
    if installed.is_dir():
        return installed
    repository = Path(__file__).resolve().parents[2] / "data_manifests"
    if repository.is_dir():
        return repository
    raise FileNotFoundError("galflowlab was installed without its data manifests")
