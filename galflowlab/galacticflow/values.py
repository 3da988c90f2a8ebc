"""Values of a checkpoint, each of the kind it should be, or a ValueError that says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

_LARGEST = 1e15  # of numbers: integers in a pickle have no end
_FLOATS = (torch.float32, torch.float64)


def is_plain(value: object) -> bool:
    """Whether a value is a real dense tensor in single or double precision."""
    return isinstance(value, Tensor) and value.layout == torch.strided and value.dtype in _FLOATS


def mapping(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Value of a key that must be a dictionary with names as keys."""
    value = content[key]
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"expected {key} as a dictionary, got {type(value).__name__}")
    return value


def strings(value: object, key: str) -> list[str]:
    """A list of names; `key` is for the message."""
    if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"expected {key} as a list of names, got {type(value).__name__}")
    return list(value)


def number(value: object, what: str) -> float:
    """A real number, also from a tensor of one; `what` is for the message."""
    if isinstance(value, Tensor) and value.dim() == 0 and not value.is_complex():
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"expected a number as {what}, got {type(value).__name__}")
    if abs(value) > _LARGEST:
        raise ValueError(f"expected {what} of at most {_LARGEST:g}")
    return float(value)


def whole(value: object, what: str) -> int:
    """A whole number, also if written as 3.0; `what` is for the message."""
    found = number(value, what)
    if not found.is_integer():
        raise ValueError(f"expected a whole number as {what}, got {found}")
    return int(found)
