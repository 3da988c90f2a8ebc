"""Files of `torch.save`, read without running anything in them.

Such a file is a zip archive with a pickle of the structure and one member per tensor. Before torch
sees it, the members are checked (none compressed, none larger than the file, checksums right) and
so is the pickle: it may name nothing but dictionaries and plain tensors.
"""

from __future__ import annotations

import io
import pickletools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

SUFFIXES = (".pth", ".pt")
_ZIP = b"PK\x03\x04"
_LARGEST = 2 << 30  # bytes; the published models are 12 MB
_LARGEST_PICKLE = 64 << 20  # it holds names and numbers, tensors are members of their own
_MOST_MEMBERS = 100_000
_HARMLESS = frozenset(
    {
        "collections OrderedDict",
        "torch Size",
        "torch._utils _rebuild_parameter",
        "torch._utils _rebuild_tensor_v2",
        "torch BFloat16Storage",
        "torch BoolStorage",
        "torch DoubleStorage",
        "torch FloatStorage",
        "torch HalfStorage",
        "torch IntStorage",
        "torch LongStorage",
    }
)


class TorchFileError(ValueError):
    """A file that is not what it should be, or could run code."""


def is_torch_file(path: Path) -> bool:
    """Whether a file looks, or is named, like one of `torch.save`."""
    with path.open("rb") as file:
        return file.read(len(_ZIP)) == _ZIP or path.suffix in SUFFIXES


def read_torch_file(path: Path) -> Any:
    """Return what a file holds, made of dictionaries, lists, numbers, strings and tensors.

    Raises
    ------
    OSError
        If it cannot be read.
    TorchFileError
        A `ValueError`, if it is not an archive of `torch.save`, is damaged, would unpack to
        more than it is, or holds anything else; nothing of it has been run.
    """
    # Once into memory: what was checked is then what is loaded.
    if (size := path.stat().st_size) > _LARGEST:
        raise TorchFileError(f"{path}: expected at most {_LARGEST} bytes, got {size}")
    data = path.read_bytes()
    if not data.startswith(_ZIP):
        raise TorchFileError(
            f"{path}: expected the zip archive that torch.save writes since version 1.6; older "
            "files are pickles as a whole, which can run code, and are not read"
        )
    try:
        _check_pickle(path, _checked_pickle(path, data))
        found = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        _check_sizes(path, found, len(data))
    except TorchFileError:
        raise
    except Exception as error:  # a damaged pickle makes torch and zipfile raise whatever it likes
        reason = str(error).strip().split("\n")[0][:200] or type(error).__name__
        raise TorchFileError(f"{path}: not a readable file of torch.save ({reason})") from error
    return found


def _checked_pickle(path: Path, data: bytes) -> bytes:
    """Return the pickle of an archive whose members are no larger than they say."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        if len(members) > _MOST_MEMBERS:
            raise TorchFileError(f"{path}: expected an archive of few files, got {len(members)}")
        if any(m.compress_type != zipfile.ZIP_STORED or m.flag_bits & 1 for m in members):
            raise TorchFileError(
                f"{path}: expected files that torch.save neither packs nor encrypts"
            )
        if (unpacked := sum(m.file_size for m in members)) > len(data):
            raise TorchFileError(f"{path}: {len(data)} bytes that would unpack to {unpacked}")
        pickles = [m for m in members if m.filename.split("/")[1:] == ["data.pkl"]]
        if len(pickles) != 1 or pickles[0].file_size > _LARGEST_PICKLE:
            raise TorchFileError(f"{path}: a zip archive, but not one of torch.save (no data.pkl)")
        if damaged := archive.testzip():
            raise TorchFileError(f"{path}: damaged (wrong checksum of {damaged})")
        return archive.read(pickles[0])


def _check_pickle(path: Path, pickle: bytes) -> None:
    for opcode, argument, _ in pickletools.genops(pickle):
        if opcode.name == "GLOBAL" and argument in _HARMLESS:
            continue
        if opcode.name in ("GLOBAL", "STACK_GLOBAL", "INST", "OBJ", "EXT1", "EXT2", "EXT4"):
            named = str(argument).replace(" ", ".") if opcode.name == "GLOBAL" else opcode.name
            raise TorchFileError(
                f"{path}: its pickle names {named}, which could run code; only tensors, "
                "dictionaries, lists, numbers and strings are read"
            )


def _check_sizes(path: Path, found: Any, most: int) -> None:
    """Refuse tensors that are larger than the file, such as one value seen a billion times."""
    total = sum(t.numel() * t.element_size() for t in _tensors(found, set()))
    if total > most:
        raise TorchFileError(f"{path}: {most} bytes that promise tensors of {total}")


def _tensors(value: Any, seen: set[int]) -> Iterator[torch.Tensor]:
    if id(value) in seen:
        return
    if isinstance(value, torch.Tensor):
        seen.add(id(value))
        yield value
    elif isinstance(value, (dict, list, tuple)):
        seen.add(id(value))
        for part in value.values() if isinstance(value, dict) else value:
            yield from _tensors(part, seen)
