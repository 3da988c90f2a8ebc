"""What a model costs: to train, to store and in memory."""

from __future__ import annotations

import hashlib
import math
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from galflowlab.edf import EDF
from galflowlab.loading import embedded_models

_BYTES_PER_VALUE = 4  # of a star particle in single precision


def model_file(edf: EDF) -> dict[str, Any]:
    """Size [bytes] and SHA-256 of the file of a model.

    Of the file that it was loaded from, or else of the one that `EDF.save` would write.

    Returns
    -------
    dict
        ``source``, None unless it was loaded; ``bytes`` and ``sha256``.
    """
    path = _path(edf)
    if path is not None:
        return {"source": edf.source, **_measured(path)}
    with tempfile.TemporaryDirectory() as folder:
        return {"source": None, **_measured(edf.save(Path(folder) / "model.safetensors"))}


def _path(edf: EDF) -> Path | None:
    if edf.source is None:
        return None
    path = Path(edf.source)
    return path if path.is_file() else embedded_models().get(edf.source)


def _measured(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def cost(edf: EDF, file_bytes: int) -> dict[str, Any]:
    """Training time, stars seen, parameters, size, and compression of the training data.

    Parameters
    ----------
    edf
        The model. What its card does not say is None: old models do not record their times.
    file_bytes
        Size of its file.

    Returns
    -------
    dict
        ``parameters``, ``file_bytes``; ``training_cpu_seconds``, ``training_peak_bytes``,
        ``stars_seen``, ``galaxies`` and ``stars`` of the training; ``data_bytes``, its columns
        of those stars in single precision; ``compression_ratio``, of these to the file.
        JSON-serialisable.
    """
    stars = training_number(edf.card, "stars")
    data_bytes = None if stars is None else stars * len(edf.columns) * _BYTES_PER_VALUE
    return {
        "parameters": edf.n_parameters,
        "file_bytes": file_bytes,
        "training_cpu_seconds": training_number(edf.card, "cpu_seconds"),
        "training_peak_bytes": training_number(edf.card, "peak_memory_bytes"),
        "stars_seen": training_number(edf.card, "stars_seen"),
        "galaxies": training_number(edf.card, "galaxies"),
        "stars": stars,
        "data_bytes": data_bytes,
        "compression_ratio": None if data_bytes is None else data_bytes / file_bytes,
    }


def training_number(card: Mapping[str, Any], name: str) -> float | None:
    """A number of the card's record of the training; None if it is not there.

    The card comes with the file, so it may hold anything.
    """
    training = card.get("training")
    value = training.get(name) if isinstance(training, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) and value >= 0 else None


def training_history(card: Mapping[str, Any]) -> tuple[list[float], list[float]] | None:
    """Stars seen and held-out NLL [nats per star] during training, if the card has them."""
    training = card.get("training")
    rows = training.get("history") if isinstance(training, Mapping) else None
    try:
        pairs = [(float(row[0]), float(row[2])) for row in rows or ()]
    except (TypeError, ValueError, IndexError, KeyError):
        return None
    pairs = [pair for pair in pairs if all(map(math.isfinite, pair))]
    if len(pairs) < 2:
        return None
    return [seen for seen, _ in pairs], [nll for _, nll in pairs]
