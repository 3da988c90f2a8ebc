"""What the numbers of `physics.measure` say, as a table of galaxies and as a finding."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from galflowlab.report.physics import MOST_IMBALANCE, MOST_VIRIAL, REACH
from galflowlab.report.wording import counted, number, with_error

WAYS = {
    "true": "true",
    "boltzmann": "Boltzmann equation, model",
    "jeans_model": "Jeans equation, stars of the model",
    "jeans_data": "Jeans equation, stars of the data",
}
"""Ways to a circular velocity, in the order of a table."""

MOST_DEVIATION = 0.05
"""Of a circular velocity from the true one, or rms from that of the Jeans equation: 10 % of v²."""

LIMITS = {"deviation": MOST_DEVIATION, "virial": MOST_VIRIAL, "imbalance": MOST_IMBALANCE}
"""Beyond which a value is marked."""

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """A value as it is written, and whether it is a bad one."""

    text: str
    marked: bool = False


@dataclass(frozen=True)
class Row:
    """One quantity: its name, what a good value is, and the value of each galaxy."""

    name: str
    meaning: str
    cells: list[Cell]


_Measure = Callable[[Entry], Cell | None]


def table(entries: Sequence[Entry]) -> list[Row]:
    """One row for each quantity that at least one galaxy has.

    Parameters
    ----------
    entries
        As `physics.measure` gives them, or with ``failed``, the reason why there is none.
    """
    rows = []
    for name, meaning, measure in _quantities():
        found = [None if "failed" in entry else measure(entry) for entry in entries]
        if any(found):
            rows.append(Row(name, meaning, [cell or Cell("–") for cell in found]))
    return rows


def _quantities() -> list[tuple[str, str, _Measure]]:
    return [
        (
            "v_c: largest deviation from the truth",
            "Boltzmann equation of the model; 0 is perfect",
            _deviation,
        ),
        (
            "v_c: rms from that of the data",
            "Jeans equation, which is noisier; the noise is that of the stars",
            lambda entry: _apart(entry, "data"),
        ),
        (
            "v_c: rms from that of the model's stars",
            "Jeans equation, same density: what the two ways differ by",
            lambda entry: _apart(entry, "model"),
        ),
        (
            "2T/|W| of the data",
            "in the field that the model asks for; 1: its stars are in balance there",
            lambda entry: _virial(entry, "mass_model", "data"),
        ),
        (
            "2T/|W| of the model",
            "in the same field; 1 unless the density is far from equilibrium",
            lambda entry: _virial(entry, "mass_model", "model"),
        ),
        (
            "2T/|W| of the data, true field",
            "1 but for the number of stars",
            lambda entry: _virial(entry, "true", "data"),
        ),
        (
            "2T/|W| of the model, true field",
            "1: the model's stars are in balance in the field of the galaxy",
            lambda entry: _virial(entry, "true", "model"),
        ),
        (
            "imbalance of the model",
            f"|D ln f/Dt| over that of streaming; 0 in equilibrium, marked above {MOST_IMBALANCE}",
            lambda entry: _imbalance(entry, "mass_model"),
        ),
        ("imbalance, true field", "the same", lambda entry: _imbalance(entry, "true")),
        (
            "mass of all matter, log₁₀",
            "within the largest radius [dex(M☉)], by the model",
            lambda entry: _mass(entry, "total"),
        ),
        (
            "mass of the stars, log₁₀",
            "within the same radius [dex(M☉)], of the data",
            lambda entry: _mass(entry, "stars_data"),
        ),
    ]


def _percent(share: float) -> str:
    return f"{number(100 * share, 2)} %"


def _deviation(entry: Entry) -> Cell | None:
    if (found := entry["deviation"]) is None:
        return None
    text = f"{_percent(found['largest'])} at {number(found['radius'], 2)} kpc"
    return Cell(text, found["largest"] > MOST_DEVIATION)


def _apart(entry: Entry, which: str) -> Cell | None:
    if (found := entry["jeans_residual"][which]) is None:
        return None
    rms, noise = found["rms"], found["noise"]
    return Cell(f"{_percent(rms)} (noise {_percent(noise)})", rms > max(MOST_DEVIATION, 2 * noise))


def _virial(entry: Entry, field: str, which: str) -> Cell | None:
    found = entry["in_field"][field]
    ratio = None if found is None else found["virial_ratio"][which]
    if ratio is None:
        return None
    return Cell(with_error(ratio["value"], ratio["error"]), _off_balance(ratio))


def _off_balance(ratio: Mapping[str, float]) -> bool:
    """Farther from one than a little, and than the number of stars explains."""
    return abs(ratio["value"] - 1) > max(MOST_VIRIAL, 3 * ratio["error"])


def _imbalance(entry: Entry, field: str) -> Cell | None:
    if (found := entry["in_field"][field]) is None:
        return None
    return Cell(number(found["imbalance"], 2), found["imbalance"] > MOST_IMBALANCE)


def _mass(entry: Entry, which: str) -> Cell | None:
    mass = entry["mass"][which]
    return Cell(f"{math.log10(mass):.2f}") if mass > 0 else None


def finding(examined: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Sum up the physics of examined galaxies: ``topic``, ``text``, whether a ``concern``."""
    found = [entry for entry in examined if "failed" not in entry["physics"]]
    if not found:
        text = f"The model has none that could be measured: {examined[0]['physics']['failed']}."
        return {"topic": "Forces", "text": text, "concern": True}
    entries = [entry["physics"] for entry in found]
    text, unsound = _equilibrium(entries, len(examined))
    told, far = _from_truth(found)
    text += told
    ratios = [(entry["in_field"]["mass_model"]["virial_ratio"]["data"], entry) for entry in entries]
    ratios = [(ratio, entry) for ratio, entry in ratios if ratio is not None]
    off = sum(entry["sound"] and _off_balance(ratio) for ratio, entry in ratios)
    if ratios:
        low, high = (end(ratio["value"] for ratio, _ in ratios) for end in (min, max))
        text += f" In the field of the model the stars of the data have 2T/|W| of {number(low)}"
        text += f" to {number(high)}" if len(ratios) > 1 else ""
        text += ", where 1 is equilibrium."
    if off:
        text += (
            f" {off} of {counted(len(ratios), 'galaxy', 'galaxies')} would not be in balance "
            "there: the model weighs what is typical of their context."
        )
    return {"topic": "Forces", "text": text, "concern": bool(unsound or far or off)}


def _from_truth(found: Sequence[Mapping[str, Any]]) -> tuple[str, bool]:
    """How far circular velocities are from the true ones, if known, and whether too far."""
    known = [entry for entry in found if entry["physics"]["deviation"] is not None]
    if not known:
        return "", False
    worst = max(known, key=lambda entry: entry["physics"]["deviation"]["largest"])
    share = worst["physics"]["deviation"]["largest"]
    counts = sorted({entry["physics"]["deviation"]["count"] for entry in known})
    text = (
        f" Circular velocities from the gradient of its density are within {_percent(share)} of "
        f"the truth at {' to '.join(map(str, sorted({counts[0], counts[-1]})))} radii from "
        f"{REACH[0]:g} to {REACH[1]:g} half-mass radii; the worst is at log₁₀ M★ = "
        f"{worst['context']['log10_mstar']:.2f}."
    )
    return text, share > MOST_DEVIATION


def _equilibrium(entries: Sequence[Entry], count: int) -> tuple[str, int]:
    unsound = sum(not entry["sound"] for entry in entries) + count - len(entries)
    if not unsound:
        return "What the model draws is in equilibrium, as far as its forces show.", 0
    text = (
        "Too far from equilibrium, or not smooth enough, to be weighed by their stars: "
        f"{unsound} of {counted(count, 'galaxy', 'galaxies')} that the model draws."
    )
    return text, unsound
