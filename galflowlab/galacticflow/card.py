"""What a checkpoint says besides its weights, as plain data for a card."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch

_DEPTH, _ITEMS, _TEXT = 6, 2000, 1000
_LOSSES = 500


def plain(value: Any) -> Any:
    """Return JSON-serialisable data; what is too deep, long or strange becomes a note of it."""
    return _plain(value, _DEPTH, iter(range(_ITEMS)))


def _plain(value: Any, depth: int, left: Iterator[int]) -> Any:
    # Counted over all levels: a list may hold the same list again and again.
    if next(left, None) is None:
        return "(too long)"
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value[:_TEXT]
    if isinstance(value, int) and abs(value) < 1 << 53:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, torch.Tensor) and value.numel() <= _ITEMS:
        return _plain(value.tolist(), depth, left)
    if depth and isinstance(value, (dict, list, tuple)) and len(value) <= _ITEMS:
        if isinstance(value, dict):
            return {str(k)[:_TEXT]: _plain(v, depth - 1, left) for k, v in value.items()}
        return [_plain(v, depth - 1, left) for v in value]
    return f"({type(value).__name__})"


def training_of(losses: Any) -> dict[str, Any]:
    """Read a loss history: negative log-likelihoods, and in the end the seconds it took.

    The likelihoods are those of standardised stars, as training saw them. At most some hundred,
    evenly spaced, are kept.
    """
    if not isinstance(losses, torch.Tensor) or losses.dim() != 1 or len(losses) < 1:
        return {}
    values = losses.detach().to(torch.float64)
    seconds, steps = float(values[-1]), values[:-1]
    every = max(1, math.ceil(len(steps) / _LOSSES))
    rows = [[i * every, loss] for i, loss in enumerate(steps[::every].tolist())]
    return {
        "seconds": seconds if math.isfinite(seconds) else None,
        "history_columns": ["entry", "train_nll_standardised"],
        "history": [row for row in rows if math.isfinite(row[1])],
    }
