"""What the folder of a catalogue says of itself, and comparing it with what is wanted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from galflowlab.files import one_line, replacing

DESCRIPTION = "_catalogue.json"  # with this first letter, readers of Parquet folders skip it
KIND = "galflowlab catalogue"
_SHOWN = 3  # differences that a message lists
_LONGEST = 24  # characters of a name or value that a message shows


def write_description(folder: Path, description: Mapping[str, Any]) -> None:
    """Write the description; the file appears whole or not at all."""
    text = json.dumps(description, indent=1, allow_nan=False)
    with replacing(folder / DESCRIPTION) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def check_description(folder: Path, description: Mapping[str, Any]) -> None:
    """Compare a description with that of the folder.

    Raises
    ------
    FileExistsError
        If the folder is that of another catalogue, says what differs, or of something else.
    OSError
        If there is no description, or a damaged one.
    """
    path = folder / DESCRIPTION
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        there, here = _flat(found), _flat(description)
    except (ValueError, RecursionError) as error:
        said = one_line(error)
        raise OSError(f"{path}: damaged ({said}); expected the JSON of a catalogue") from error
    if there.get("kind") != KIND:
        raise FileExistsError(f"{path}: does not describe a catalogue; choose another folder")
    differing = [name for name in {**here, **there} if here.get(name) != there.get(name)]
    if differing:
        said = ", ".join(
            f"{_short(name)} {_short(there.get(name))} and not {_short(here.get(name))}"
            for name in differing[:_SHOWN]
        )
        more = f" and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else ""
        raise FileExistsError(
            f"{folder}: holds another catalogue, with {said}{more}; choose another folder"
        )


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """Entries of nested JSON objects by their dotted names."""
    if not isinstance(value, Mapping):
        return {name: value}
    out: dict[str, Any] = {}
    for key, inner in value.items():
        out |= _flat(inner, f"{name}.{key}" if name else str(key))
    return out


def _short(value: Any) -> str:
    """What a file from anywhere holds, as part of a sentence: short, printable, on one line."""
    text = value if isinstance(value, str) and value.isprintable() else repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
