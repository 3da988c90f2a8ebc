"""The outcome of a metric: its value, and what the same metric gives between real stars."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Comparison:
    """A distance together with its null distribution.

    Attributes
    ----------
    name
        Name of the metric.
    value
        The statistic between real and generated stars; large is bad.
    null
        Values of the same statistic where nothing is wrong, shape (resample,): between real
        stars, unless the metric says otherwise.
    error
        Error of `value` itself (random features, random directions, number of stars), None
        where the statistic is exact for the stars that it saw. Whether `value` is large is
        judged against `null`, not against this.
    details
        What else is needed to read or repeat the number; JSON-serialisable.

    Raises
    ------
    ValueError
        If the null holds fewer than two values or one that is not finite.
    """

    name: str
    value: float
    null: np.ndarray
    error: float | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        null = np.array(self.null, dtype=np.float64)
        if null.ndim != 1 or len(null) < 2 or not np.isfinite(null).all():
            raise ValueError(f"expected at least two finite null values, got {self.null}")
        null.flags.writeable = False
        object.__setattr__(self, "null", null)

    @property
    def z(self) -> float:
        """Value in standard deviations of the null from its mean."""
        spread, excess = float(self.null.std(ddof=1)), self.value - float(self.null.mean())
        if spread > 0:
            return excess / spread
        return math.copysign(math.inf, excess) if excess else 0.0

    @property
    def p_value(self) -> float:
        """Chance of a value this large where nothing is wrong.

        (1 + #{null ≥ value}) / (1 + #null), so never below 1 / (1 + #null): where `value` lies
        above the whole null, `z` says how far.
        """
        return (1 + int(np.count_nonzero(self.null >= self.value))) / (1 + len(self.null))

    def as_dict(self) -> dict[str, Any]:
        """All numbers as JSON-serialisable types; infinities become None."""
        quantile_95, quantile_99 = np.quantile(self.null, [0.95, 0.99])
        return {
            "name": self.name,
            "value": _number(self.value),
            "error": _number(self.error),
            "z": _number(self.z),
            "p_value": self.p_value,
            "null": {
                "mean": float(self.null.mean()),
                "std": float(self.null.std(ddof=1)),
                "quantile_95": float(quantile_95),
                "quantile_99": float(quantile_99),
                "count": len(self.null),
            },
            "details": self.details,
        }

    def __str__(self) -> str:
        value = f"{self.value:.4g}" + (f" ± {self.error:.2g}" if self.error is not None else "")
        null = f"{self.null.mean():.4g} ± {self.null.std(ddof=1):.2g}"
        return f"{self.name} {value} (null {null}, z = {self.z:.1f}, p = {self.p_value:.3g})"


def _number(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
