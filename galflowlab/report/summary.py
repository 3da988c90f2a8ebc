"""The findings in plain words, for somebody who decides whether to use the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from galflowlab.galaxy_checks.radial import QUANTITIES
from galflowlab.report.coordinates import AXES
from galflowlab.report.examination import LEVEL, MIN_STARS
from galflowlab.report.physics_words import finding as physics_finding
from galflowlab.report.wording import (
    METRICS,
    counted,
    duration,
    listing,
    number,
    size,
    with_error,
)

_ODDS = 5.0  # nats: e^5 is about 150 to 1
_CONSPICUOUS = 3.0  # standard errors


def summarise(
    quality: Mapping[str, Any], speed: Mapping[str, Any], cost: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Say what the numbers of a report mean.

    Returns
    -------
    list of dict
        ``topic``, ``text`` and whether it is a ``concern``, in the order of reading.
    """
    rows, examined = quality["galaxies"], quality["examined"]
    found = [_error(quality, rows), *_impossible(rows), *_seen(quality), _support(rows)]
    if examined:
        found += [_tests(examined), _profiles(examined), physics_finding(examined)]
    else:
        found.append(_too_few_stars())
    return [*found, _speed(speed), _cost(cost)]


def _finding(topic: str, text: str, *, concern: bool = False) -> dict[str, Any]:
    return {"topic": topic, "text": text, "concern": concern}


def _error(quality: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if quality["nll"] is None:
        text = "Infinite, because of the impossible stars; see the other galaxies below."
        return _finding("Error", text, concern=True)
    if quality["kl"] is None:
        return _surprise(quality, rows)
    known = [row for row in rows if row["kl"] is not None]
    worst = max(known, key=lambda row: row["kl"])
    galaxies = counted(len(known), "galaxy of known truth", "galaxies of known truth")
    text = (
        f"{with_error(quality['kl'], quality['kl_error'])} nats per star over {galaxies}: "
        "KL(truth‖model), where 0 is perfect."
    )
    if len(known) > 1:
        mass = worst["context"]["log10_mstar"]
        text += f" The worst is {number(worst['kl'], 2)}, at log₁₀ M★ = {mass:.2f}."
    if quality["kl"] > 0:
        stars = number(max(1.0, _ODDS / quality["kl"]), 2)
        text += f" It takes {stars} stars to prefer the truth to the model with odds of 150 to 1."
    return _finding("Error", text)


def _surprise(quality: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    excess, error = quality["surprise"], quality["surprise_error"]
    off = [row for row in rows if abs(row["surprise"]) > _CONSPICUOUS * row["surprise_error"]]
    text = (
        f"{with_error(excess, error or rows[0]['surprise_error'])} nats per star over "
        f"{counted(len(rows), 'galaxy', 'galaxies')} whose truth is not known: the negative "
        "log-likelihood of their stars less that of the model's own. A perfect model has 0, "
        "though a wrong one may have it too; more means stars where the model expects few, and "
        "less a model that is too wide. "
        f"{len(off)} of {len(rows)} are off by more than {_CONSPICUOUS:g} standard errors."
    )
    return _finding("Error", text, concern=bool(off))


def _impossible(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    bad = [row for row in rows if row["impossible"]]
    if not bad:
        return []
    stars = sum(row["impossible"] for row in bad)
    text = (
        f"{counted(stars, 'star')} of {counted(len(bad), 'galaxy', 'galaxies')} cannot exist in "
        "the model: it gives them no density, and the error there is infinite."
    )
    return [_finding("Impossible stars", text, concern=True)]


def _seen(quality: Mapping[str, Any]) -> list[dict[str, Any]]:
    count = len(quality["trained_on"])
    if not count:
        return []
    of = counted(len(quality["galaxies"]), "galaxy", "galaxies")
    text = f"{count} of {of} bear the names of training galaxies: errors may be larger on others."
    return [_finding("Seen before", text, concern=True)]


def _support(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    outside = [row for row in rows if not row["inside_population"]]
    if not outside:
        text = "All galaxies lie inside the population that the model was trained on."
        return _finding("Support", text)
    text = (
        f"{len(outside)} of {counted(len(rows), 'galaxy', 'galaxies')} lie outside the population "
        "that the model was trained on: there it extrapolates."
    )
    return _finding("Support", text, concern=True)


def _tests(examined: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    tests = [(name, m) for entry in examined for name, m in entry["two_samples"].items()]
    rejected = [(name, m) for name, m in tests if m["rejected"]]
    sizes = sorted({entry["size"] for entry in examined})
    stars = " to ".join(f"{n:,}" for n in sorted({sizes[0], sizes[-1]}))
    text = (
        f"{len(rejected)} of {len(tests)} two-sample tests ({len(examined[0]['two_samples'])} "
        f"metrics, {counted(len(examined), 'galaxy', 'galaxies')}, {stars} stars on either "
        f"side) reject the model at p < {LEVEL:g}; by chance it would be about "
        f"{number(LEVEL * len(tests), 1)}."
    )
    if rejected:
        text += f" Rejected by {_which(rejected, len(examined))}."
        columns = _columns(examined)
        if columns:
            text += f" Single columns that differ: {columns}."
    return _finding("Tests", text, concern=bool(rejected))


def _which(rejected: Sequence[tuple[str, Mapping[str, Any]]], galaxies: int) -> str:
    parts = []
    for name, count in Counter(name for name, _ in rejected).most_common():
        scores = [m["z"] for other, m in rejected if other == name and m["z"] is not None]
        how = f", z up to {number(max(scores), 2)}" if scores else ""
        parts.append(f"{METRICS.get(name, (name,))[0]} ({count} of {galaxies}{how})")
    return listing(parts)


def _columns(examined: Sequence[Mapping[str, Any]]) -> str:
    """Columns that the Kolmogorov-Smirnov test rejects, most often first."""
    tests = [entry["two_samples"]["kolmogorov_smirnov"] for entry in examined]
    bad = Counter(
        column
        for test in tests
        for column, one in test["details"]["columns"].items()
        if one["p_value"] < LEVEL
    )
    of = f"of {len(examined)}"
    return listing([f"{AXES[name].label} ({count} {of})" for name, count in bad.most_common()])


def _profiles(examined: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    tests = [
        (name, profile["p_value"])
        for entry in examined
        for name, profile in entry["profiles"]["quantities"].items()
        if profile["p_value"] is not None
    ]
    bad = Counter(name for name, p in tests if p < LEVEL)
    text = (
        f"{bad.total()} of {len(tests)} radial profiles differ from the data at p < {LEVEL:g}; "
        f"by chance it would be about {number(LEVEL * len(tests), 1)}."
    )
    if bad:
        labels = [
            f"{QUANTITIES[name].label} ({n} of {len(examined)})" for name, n in bad.most_common()
        ]
        text += f" They are {listing(labels)}."
    return _finding("Profiles", text, concern=bool(bad))


def _too_few_stars() -> dict[str, Any]:
    text = f"No galaxy has the {MIN_STARS} stars that it takes to test the model."
    return _finding("Tests", text, concern=True)


def _speed(speed: Mapping[str, Any]) -> dict[str, Any]:
    text = (
        f"{number(speed['frozen'], 2)} stars of a galaxy per CPU-second, so a million in "
        f"{duration(1e6 / speed['frozen'])}; {number(speed['frozen_over_plain'], 2)} times the "
        f"plain flow. {number(speed['log_prob'], 2)} densities per CPU-second."
    )
    return _finding("Speed", text)


def _cost(cost: Mapping[str, Any]) -> dict[str, Any]:
    text = f"{cost['parameters']:,} parameters in a file of {size(cost['file_bytes'])}"
    if cost["compression_ratio"] is not None:
        text += (
            f", {number(cost['compression_ratio'])} times smaller than the "
            f"{number(cost['stars'])} stars that it was trained on"
        )
    seconds = cost["training_cpu_seconds"]
    text += (
        ". The time of the training is not recorded."
        if seconds is None
        else f". The training took {duration(seconds)} of CPU time."
    )
    return _finding("Cost", text)
