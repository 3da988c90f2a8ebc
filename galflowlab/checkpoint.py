"""Weights on disk: one safetensors file whose header is JSON. Nothing in it is executed."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from galflowlab.files import one_line, replacing

_KEY, _HASH = "galflowlab", "sha256"
_MAX_FILE = 1 << 30  # bytes
_MAX_HEADER = 64 << 20  # characters; a header is kilobytes, so anything near this is hostile


def write_tensors(
    path: str | Path, kind: str, tensors: dict[str, torch.Tensor], header: dict[str, Any]
) -> Path:
    """Write tensors with a JSON header; the file appears whole or not at all.

    Parameters
    ----------
    path
        File to write; an existing one is replaced.
    kind
        What the file holds; `read_tensors` refuses a file of another kind.
    tensors
        Flat name-to-tensor mapping.
    header
        JSON-serialisable description, returned unchanged by `read_tensors`.
    """
    path = Path(path)
    content = {"kind": kind, **header}
    contiguous = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    # One entry alone: the library writes several in an order that differs from time to time.
    content[_HASH] = _digest(contiguous, content)
    data = save(contiguous, metadata={_KEY: json.dumps(content, allow_nan=False)})
    with replacing(path) as partial, partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return path


def read_tensors(path: str | Path, kind: str) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Read what `write_tensors` wrote.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a safetensors file, not ours, not as it was written, or of another kind.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    if path.stat().st_size > _MAX_FILE:
        raise ValueError(f"{path}: larger than {_MAX_FILE >> 20} MB, which no such file is")
    # Read at once: somebody may put a newer file in its place meanwhile.
    data = path.read_bytes()
    try:
        tensors = load(data)
        length = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + length]).get("__metadata__", {})
    except (SafetensorError, ValueError, KeyError) as error:
        raise ValueError(f"{path}: not a safetensors file ({one_line(error)})") from error
    text = metadata.get(_KEY)
    if text is None or len(text) > _MAX_HEADER:
        raise ValueError(f"{path}: a safetensors file, but without a {_KEY} header")
    try:
        header = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: the header is not JSON ({error})") from error
    if not isinstance(header, dict) or header.get("kind") != kind:
        found = header.get("kind") if isinstance(header, dict) else type(header).__name__
        raise ValueError(f"{path}: expected a file of kind {kind!r}, got {found!r}")
    # Files written before there was a hash have none.
    if _HASH in header and header.pop(_HASH) != _digest(tensors, header):
        raise ValueError(f"{path}: damaged; weights or header are not those that were written")
    header.pop("kind")
    return tensors, header


def _digest(tensors: dict[str, torch.Tensor], content: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(content, allow_nan=False).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
