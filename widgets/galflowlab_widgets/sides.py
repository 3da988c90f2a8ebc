"""What stands on either side of a comparison: a model, or the nearest of some galaxies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard

from galflowlab.galaxy import Galaxy
from galflowlab.parallel import CHUNK
from galflowlab.schema import POSITION
from galflowlab_widgets.live import LiveGalaxy, Model
from galflowlab_widgets.references import GalaxyReferences, Reference, References, thinned
from galflowlab_widgets.scales import Columns
from galflowlab_widgets.status import sentence

PREVIEW = 2 * CHUNK  # stars of a model: two of them are moved at once

Data: TypeAlias = Galaxy | Sequence[Galaxy] | References


class ModelSide:
    """A model and its galaxy.

    Parameters
    ----------
    model, name
        What it is and what it is called.
    n, seed
        Number of stars in the end, and what fixes their noise.
    """

    def __init__(self, model: Model, name: str, n: int, seed: int) -> None:
        self.model, self.name = model, name
        self.columns = model.columns
        self.live = LiveGalaxy(model, n=n, seed=seed, preview=PREVIEW)

    def stars(self, count: int) -> Columns | None:
        """The first `count` stars, which have the mass of all."""
        return self.live.stars(count)


class DataSide:
    """The galaxy of some that is nearest to a context; says so if it cannot be had.

    Parameters
    ----------
    references
        The galaxies.
    columns
        That all of them have; None if that is not known.

    Attributes
    ----------
    galaxy
        The one shown, None before the first.
    found
        Whether it is known to be the nearest one to the present context.
    trouble
        Why there are none, in one sentence.
    """

    def __init__(self, references: References, columns: tuple[str, ...] | None) -> None:
        self._references: References | None = references
        self.columns = columns
        self.galaxy: Reference | None = None
        self.found = False
        self.trouble = ""
        self._thinned: tuple[str, int, Columns] | None = None

    @property
    def name(self) -> str:
        """Of the galaxy shown."""
        return self.galaxy.name if self.galaxy else "data"

    @property
    def wanted(self) -> bool:
        """Whether a galaxy is still to be looked for."""
        return self._references is not None and not self.found

    @property
    def count(self) -> int | None:
        """Stars of the galaxy shown."""
        return len(self.galaxy.stars["x"]) if self.galaxy else None

    def look(self, context: Mapping[str, float]) -> Iterator[None]:
        """Look for the galaxy nearest to a context in short steps; `take` shows it."""
        if self._references is None:
            return
        try:
            yield from self._references.prepare(context)
        except Exception as error:
            self._give_up(error)

    def take(self, context: Mapping[str, float]) -> None:
        """Show the galaxy nearest to a context, which `look` has prepared."""
        if self._references is None:
            return
        try:
            self.galaxy = self._references.nearest(context)
            self.found = True
            if self.galaxy is None:
                raise ValueError("expected at least one galaxy, got none")
        except Exception as error:
            self._give_up(error)

    def stars(self, count: int) -> Columns | None:
        """Evenly chosen stars of the galaxy, which have the mass of all."""
        if self.galaxy is None:
            return None
        if self._thinned is None or self._thinned[:2] != (self.galaxy.name, count):
            fewer = thinned(dict(self.galaxy.stars), count)
            self._thinned = self.galaxy.name, count, fewer
        return self._thinned[2]

    def close(self) -> None:
        """Forget the galaxies."""
        self._references = self.galaxy = self._thinned = None

    def _give_up(self, error: Exception) -> None:
        self.close()
        self.trouble = sentence(error)


Side: TypeAlias = ModelSide | DataSide


def sides_of(
    left: Any, right: Any, *, n: int, seed: int, names: Sequence[str] | None
) -> tuple[Side, Side]:
    """Tell models from data, and give them names.

    Raises
    ------
    ValueError
        If neither is a model, one is nothing of what can be compared, galaxies lack context, or
        the names are not two different ones.
    """
    models = [thing for thing in (left, right) if _is_model(thing)]
    if not models:
        kinds = " and ".join(type(thing).__name__ for thing in (left, right))
        raise ValueError(f"expected at least one model, got {kinds}")
    called = _names(left, right, names)
    sides = [
        ModelSide(thing, name, n, seed) if _is_model(thing) else _data(thing, models[0])
        for thing, name in zip((left, right), called, strict=True)
    ]
    return sides[0], sides[1]


def shared_columns(sides: Sequence[Side]) -> tuple[str, ...]:
    """Columns that both sides have, in order; raises ValueError without positions."""
    known = [side.columns for side in sides if side.columns is not None]
    shared = tuple(name for name in known[0] if all(name in columns for columns in known))
    if not set(POSITION) <= set(shared):
        raise ValueError(f"expected x, y, z among the columns that both have, got {shared}")
    return shared


def _is_model(thing: Any) -> TypeGuard[Model]:
    return all(hasattr(thing, name) for name in ("freeze", "population", "context_names"))


def _data(thing: Any, model: Model) -> DataSide:
    if all(hasattr(thing, name) for name in ("nearest", "name_of_nearest", "prepare")):
        return DataSide(thing, None)
    galaxies = [thing] if isinstance(thing, Galaxy) else thing
    if not isinstance(galaxies, list | tuple) or not all(isinstance(g, Galaxy) for g in galaxies):
        raise ValueError(
            f"expected a model, a Galaxy, a list of them or references, got {type(thing).__name__}"
        )
    if not galaxies:
        raise ValueError("expected at least one galaxy, got an empty list")
    names = [set(galaxy.stars.colnames) for galaxy in galaxies]
    columns = tuple(name for name in galaxies[0].stars.colnames if all(name in n for n in names))
    return DataSide(GalaxyReferences(galaxies, model.population), columns)  # type: ignore[arg-type]


def _names(left: Any, right: Any, names: Sequence[str] | None) -> list[str]:
    if names is not None:
        given = [names] if isinstance(names, str) else list(names)
        if len(given) != 2 or len({str(name).strip() for name in given} - {""}) != 2:
            raise ValueError(f"expected two different names, got {names!r}")
        return [str(name).strip() for name in given]
    found = []
    for thing, side in ((left, "left"), (right, "right")):
        source = getattr(thing, "source", None)
        found.append(Path(source).stem if isinstance(source, str) and source else f"{side} model")
    if found[0] == found[1]:
        return [f"{found[0]} (left)", f"{found[1]} (right)"]
    return found
