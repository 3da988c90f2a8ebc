"""How a training goes, in words."""

from __future__ import annotations

from math import isfinite

from galflowlab_widgets.training_curves import Curve

_STALE = 2  # evaluations without a better one that are worth a word


def amount(stars: float) -> str:
    """A number of stars, to three digits."""
    for power, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if stars >= 0.9995 * power:
            value = stars / power
            digits = max(0, 2 - (value >= 9.995) - (value >= 99.95))
            return f"{value:.{digits}f} {letter}"
    return f"{stars:.0f}"


def duration(seconds: float) -> str:
    """A time, roughly."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    if seconds < 99.5 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"


def pace(curve: Curve, budget: int) -> str:
    """Stars seen, speed, time left and learning rate."""
    if not curve.rows:
        return ""
    last, speed = curve.rows[-1], curve.speed()
    words = [f"{amount(last.stars_seen)} of {amount(budget)} stars seen"]
    words.append(f"{100 * last.stars_seen / budget:.0f} %")
    left = max(0, budget - last.stars_seen)
    if left and speed:
        words += [f"{amount(speed)} stars/s", f"about {duration(left / speed)} left"]
    elif isfinite(last.seconds):
        words.append(f"in {duration(last.seconds)}")
    if isfinite(last.learning_rate):
        words.append(f"learning rate {last.learning_rate:.2g}")
    return " · ".join(words)


def losses(curve: Curve) -> str:
    """NLL of the training, of what is held out, and the best."""
    if not curve.rows:
        return ""
    asked = [row.held_out_nll for row in curve.rows if row.held_out_nll is not None]
    words = f"NLL {curve.rows[-1].train_nll:.3f} in training"
    if asked:
        words += f", {asked[-1]:.3f} held-out"
    if best := curve.best():
        words += f" (best {best.nll:.3f} at {amount(best.stars_seen)} stars)"
    return words + " [nats per star]"


def under_way(curve: Curve) -> tuple[str, bool]:
    """Whether it still gets better; True if that is a warning."""
    best = curve.best()
    if best and best.since >= _STALE:
        return f"held-out NLL has not improved since {amount(best.stars_seen)} stars", True
    return "training", False


def ended(curve: Curve, budget: int) -> str:
    """It has come to its end."""
    best, seen = curve.best(), curve.rows[-1].stars_seen
    kept = f"; the weights with the best held-out NLL, {best.nll:.3f}, are kept" if best else ""
    if seen >= 0.99 * budget:  # the last batch is whole
        return f"done{kept}"
    why = ""
    if best and best.since >= _STALE:
        why = f": held-out NLL had not improved since {amount(best.stars_seen)} stars"
    return f"done early, at {amount(seen)} stars{why}{kept}"
