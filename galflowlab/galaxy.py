"""A galaxy: star particles, the context measured from them, and where they come from."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from astropy.table import QTable

from galflowlab import context as _context
from galflowlab.schema import PHASE_SPACE, Stars, as_stars, column_values, edf_columns
from galflowlab.tables import write_table

REQUIRED = (*PHASE_SPACE, "age", "mass")
"""Columns without which there is neither a phase space nor a context."""


class Truth(Protocol):
    """An exactly known eDF, such as that of a mock galaxy."""

    def log_prob(self, stars: Stars) -> np.ndarray:
        """Natural log of the density of each star, in the units of `schema.COLUMNS`."""
        ...


@dataclass(frozen=True)
class Cut:
    """One step of preparation and what it dropped."""

    name: str
    kept: int
    dropped: int


@dataclass(frozen=True)
class Provenance:
    """Where a galaxy comes from and what has been done to it."""

    source: str
    simulation: str = "unknown"
    redshift: float = 0.0
    cuts: tuple[Cut, ...] = ()
    notes: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON-serialisable data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Provenance:
        """Rebuild from `to_dict`; raises ValueError for anything else."""
        try:
            cuts = tuple(Cut(c["name"], int(c["kept"]), int(c["dropped"])) for c in data["cuts"])
            return cls(
                source=str(data["source"]),
                simulation=str(data["simulation"]),
                redshift=float(data["redshift"]),
                cuts=cuts,
                notes=str(data["notes"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a galaxy provenance: {error!r}") from error


@dataclass(frozen=True)
class Galaxy:
    """Star particles of one galaxy.

    Parameters
    ----------
    name
        Stable identifier (from the file or the seed, never from a listing order).
    stars
        One row per star particle; columns and units of `schema.COLUMNS`, of which
        positions, velocities, age and mass are required.
    provenance
        Source, simulation, redshift and the cuts applied so far.
    context
        Galaxy-level parameters; measured from the stars if not given.
    truth
        The exactly known eDF, for mocks.

    Raises
    ------
    ValueError
        If the galaxy is empty, lacks a required column, or holds values that are not finite
        in a required column.
    """

    name: str
    stars: QTable
    provenance: Provenance
    context: dict[str, float] = field(default_factory=dict)
    truth: Truth | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        stars = as_stars({name: self.stars[name] for name in self.stars.colnames})
        missing = [name for name in REQUIRED if name not in stars.colnames]
        if missing:
            raise ValueError(f"galaxy {self.name!r} lacks {missing}; it has {stars.colnames}")
        if not len(stars):
            raise ValueError(f"galaxy {self.name!r} has no star particles")
        for column in stars.colnames:
            bad = int(np.count_nonzero(~np.isfinite(column_values(stars, column))))
            if bad and column in REQUIRED:
                raise ValueError(f"galaxy {self.name!r}: column {column!r} has {bad} bad values")
        object.__setattr__(self, "stars", stars)
        if not self.context and "metallicity" in stars.colnames:
            object.__setattr__(self, "context", _context.measure(stars))

    def __len__(self) -> int:
        return len(self.stars)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of this galaxy that an eDF can have."""
        return edf_columns(self.stars.colnames)

    def with_stars(self, stars: QTable, *cuts: Cut) -> Galaxy:
        """Return a copy with other stars, the context measured anew and `cuts` recorded.

        A known truth is dropped: it is the density of all stars, in the frame they had.
        """
        provenance = replace(self.provenance, cuts=self.provenance.cuts + cuts)
        return replace(self, stars=stars, provenance=provenance, context={}, truth=None)

    def write(self, path: str | Path) -> Path:
        """Write stars, context and provenance; `galflowlab.read` returns the same galaxy.

        The format follows the extension (see `tables.EXTENSIONS`); units are kept in all.
        A known truth is not stored.
        """
        header = {
            "name": self.name,
            "context": self.context,
            "provenance": self.provenance.to_dict(),
        }
        return write_table(self.stars, path, header)
