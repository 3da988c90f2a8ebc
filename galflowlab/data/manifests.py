"""Manifests: what a data set is, where it comes from and what to know before using it."""

from __future__ import annotations

import re
import tomllib
from dataclasses import MISSING, dataclass, field, fields
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from astropy import units as u

from galflowlab.data.addresses import checked
from galflowlab.galaxy import REQUIRED
from galflowlab.schema import COLUMNS

NEEDS: dict[str, tuple[str, ...]] = {
    "zenodo": ("doi", "api"),
    "url": ("url", "file_name"),
    "tng": ("url", "file_name", "how"),
    "generated": ("how",),
    "by hand": ("page", "how"),
}
"""Origins, and the entries without which a data set cannot be had from there."""

READERS = ("nihao", "npz", "parttype4", "tables", "snapshots")
"""Modules of `galflowlab.data.readers`."""

PLACEHOLDER = re.compile(r"\{([a-z]+)\}")
HASH = re.compile(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_DOI = re.compile(r"10\.\d{4,9}/\S+")
_ZENODO = re.compile(r"10\.5281/zenodo\.(\d+)")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_TEXTS = ("title", "description", "files", "licence", "cosmology", "units")
_LISTS = ("citation", "know_before_use", "listed")
_TABLES = ("columns", "hashes")


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
    origin: str  # one of NEEDS
    files: str  # which files there are, in words
    licence: str
    citation: tuple[str, ...]
    cosmology: str
    units: str  # how the files hold them
    know_before_use: tuple[str, ...]
    columns: dict[str, str] = field(default_factory=dict)  # column name -> unit, as they are read
    reader: str = ""  # one of READERS; empty if the files do not hold star particles
    doi: str = ""
    page: str = ""  # where people read about it
    how: str = ""  # what to do before, or instead of, fetching
    api: str = "https://zenodo.org/api/records"
    url: str = ""  # of one file, with {placeholders}
    file_name: str = ""  # what that file is called here, with the same placeholders
    listed: tuple[str, ...] = ()  # files fetched if none are named
    hashes: dict[str, str] = field(default_factory=dict)  # those published for `listed` files

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            self._refuse("the name should be made of a-z, 0-9, - and _")
        if self.origin not in NEEDS:
            self._refuse(f"origin {self.origin!r} should be one of {tuple(NEEDS)}")
        empty = [key for key in _TEXTS if not getattr(self, key).strip()]
        empty += [key for key in ("citation", "know_before_use") if not getattr(self, key)]
        if empty:
            self._refuse(f"{empty} should not be empty")
        for key in NEEDS[self.origin]:
            if not getattr(self, key).strip():
                self._refuse(f"origin {self.origin!r} needs {key!r}")
        if self.doi and not _DOI.fullmatch(self.doi):
            self._refuse(f"{self.doi!r} should be a DOI like 10.5281/…")
        if self.origin == "zenodo" and not _ZENODO.fullmatch(self.doi):
            self._refuse(f"{self.doi!r} should be a DOI of Zenodo, 10.5281/zenodo.NUMBER")
        self._check_addresses()
        self._check_columns()

    @property
    def record(self) -> str:
        """Number of the record at Zenodo, empty if the data are elsewhere."""
        found = _ZENODO.fullmatch(self.doi)
        return found[1] if found else ""

    def _refuse(self, why: str) -> None:
        raise ValueError(f"manifest {self.name!r}: {why}")

    def _check_addresses(self) -> None:
        for key in ("page", "api", "url"):
            try:
                if getattr(self, key):
                    checked(PLACEHOLDER.sub("x", getattr(self, key)))
            except ValueError as error:
                self._refuse(f"{key!r}: {error}")
        places = [set(PLACEHOLDER.findall(text)) for text in (self.url, self.file_name)]
        if places[0] != places[1]:
            self._refuse(f"'url' and 'file_name' have different placeholders: {places}")
        for name in self.listed:
            if not match_file_name(self.file_name, name):
                self._refuse(f"listed file {name!r} should look like {self.file_name!r}")
        for name, value in self.hashes.items():
            if name not in self.listed or not HASH.fullmatch(value):
                self._refuse(f"hash {value!r} of {name!r}: expected md5:… of a listed file")

    def _check_columns(self) -> None:
        if self.reader not in ("", *READERS):
            self._refuse(f"reader {self.reader!r} should be one of {READERS}, or left out")
        if not self.reader and self.columns:
            self._refuse("has columns but no reader")
        if not self.reader:
            return
        unknown = [name for name in self.columns if name not in COLUMNS]
        missing = [name for name in REQUIRED if name not in self.columns]
        if unknown or missing:
            self._refuse(f"columns {unknown} are unknown, {missing} are missing")
        for name, text in self.columns.items():
            try:
                unit = u.Unit(text)
            except (ValueError, TypeError, ArithmeticError, RecursionError) as error:
                self._refuse(f"column {name!r} has no unit ({error})")
            if unit != COLUMNS[name].unit:
                self._refuse(f"column {name!r} is in {text!r}; expected {COLUMNS[name].unit}")


def match_file_name(template: str, name: str) -> dict[str, str] | None:
    """Return the values of the placeholders of `template` in `name`; None if it does not fit.

    A value is made of letters, digits, - and _; no part of a name begins with a dot.
    """
    if not is_safe_name(name):
        return None
    parts = PLACEHOLDER.split(template)
    pattern, seen = re.escape(parts[0]), set()
    for key, text in zip(parts[1::2], parts[2::2], strict=True):
        pattern += f"(?P={key})" if key in seen else f"(?P<{key}>[A-Za-z0-9_-]+)"
        pattern += re.escape(text)
        seen.add(key)
    found = re.fullmatch(pattern, name)
    return found.groupdict() if found else None


def is_safe_name(name: str) -> bool:
    """Whether `name` stays within its folder, is not hidden and works on every system."""
    parts = PurePosixPath(name).parts
    return (
        bool(parts)
        and "/".join(parts) == name
        and name.isprintable()
        and "\\" not in name
        and not PureWindowsPath(name).drive
        and not any(part.startswith((".", "/")) for part in parts)
    )


def manifests() -> tuple[str, ...]:
    """Names of the data sets that come with the package, in alphabetical order."""
    names = (entry.name for entry in _folder().iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def manifest(name: str | Path) -> Manifest:
    """Return a manifest.

    Parameters
    ----------
    name
        Name of a data set that comes with the package, or the path of a manifest of your own,
        ``….toml``, whose name is that of the file.

    Raises
    ------
    ValueError
        If there is none of that name, or it is not valid.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> from galflowlab.data import manifest
    >>> manifest("nihao").columns["fe_h"]
    'dex'
    """
    path = Path(name)
    if path.suffix == ".toml":
        if path.stem in manifests():
            raise ValueError(f"{path}: {path.stem!r} comes with the package; rename your manifest")
        try:
            return parse(path.stem, path.read_text(encoding="utf-8"))
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is not TOML ({error})") from error
    if str(name) not in manifests():
        raise ValueError(f"no data set {str(name)!r}; there are {', '.join(manifests())}")
    return parse(str(name), (_folder() / f"{name}.toml").read_text(encoding="utf-8"))


def parse(name: str, text: str) -> Manifest:
    """Build the manifest `name` from TOML; raises ValueError if it is not valid."""
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ValueError(f"manifest {name!r} is not TOML ({error})") from error
    known = {f.name: f for f in fields(Manifest) if f.name != "name"}
    unknown = [key for key in data if key not in known]
    missing = [
        key
        for key, f in known.items()
        if key not in data and f.default is MISSING and f.default_factory is MISSING
    ]
    if unknown or missing:
        raise ValueError(f"manifest {name!r}: {unknown} are unknown, {missing} are missing")
    for key, value in data.items():
        if not _is_text(value, list if key in _LISTS else dict if key in _TABLES else str):
            kind = "a list of texts" if key in _LISTS else "a table of texts"
            expected = kind if key in (*_LISTS, *_TABLES) else "a text"
            raise ValueError(f"manifest {name!r}: {key!r} should be {expected}")
    entries: dict[str, Any] = {k: tuple(v) if k in _LISTS else v for k, v in data.items()}
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
