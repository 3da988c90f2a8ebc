"""Numbers and names as a reader wants them."""

from __future__ import annotations

import math
import re

from markupsafe import Markup, escape

METRICS = {
    "kl_to_truth": ("KL(truth‖model)", "excess of the log density of the truth [nats per star]"),
    "held_out_nll": ("held-out NLL", "log-likelihood; null: the model's own stars [nats per star]"),
    "linear_mmd2": ("linear MMD²", "distance of the means"),
    "rbf_mmd2": ("RBF MMD²", "any difference on the scale of the whole galaxy"),
    "rbf_mmd2_features": ("RBF MMD², random features", "the same, quicker"),
    "sliced_wasserstein": ("sliced Wasserstein", "how far stars have to be moved, in σ"),
    "kolmogorov_smirnov": ("mean KS", "difference of single columns"),
    "c2st": ("classifier (C2ST)", "accuracy of boosted trees; 0.5: indistinguishable"),
}
"""Name and meaning of a metric, for tables."""

RELATIONS = {
    "size_mass": "size–mass",
    "tully_fisher": "Tully–Fisher",
    "mass_metallicity": "mass–metallicity",
}
"""Names of scaling relations."""


def number(value: float | None, digits: int = 3) -> str:
    """Significant digits, in plain notation as far as it is readable; – for None."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if -5 < exponent < 7:
        rounded = round(value, digits - 1 - exponent)
        return f"{rounded:,.{max(0, digits - 1 - exponent)}f}".replace("-", "−")
    mantissa, power = f"{value:.{digits - 1}e}".split("e")
    mantissa = mantissa.replace("-", "−")
    return f"{mantissa} × 10{_superscript(int(power))}"


def with_error(value: float | None, error: float | None) -> str:
    """Value ± error, both to the decimal place of the error's second digit."""
    if value is None:
        return "–"
    if error is None or not error > 0:
        return number(value)
    places = max(0, 1 - math.floor(math.log10(error)))
    if places > 6:
        return f"{number(value)} ± {number(error, 2)}"
    return f"{value:,.{places}f} ± {error:,.{places}f}".replace("-", "−")


def percentile(value: float) -> str:
    """Percentile to two digits, as far down as it matters."""
    return number(value, 2) if value >= 0.01 else "< 0.01"


def z_score(z: float | None) -> str:
    """Standard deviations, to a tenth; ∞ for None."""
    return "∞" if z is None else f"{round(z, 1) + 0.0:+.1f}".replace("-", "−")


def size(value: float | None) -> str:
    """Bytes in decimal units."""
    if value is None:
        return "not recorded"
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= scale:
            return f"{number(value / scale)} {unit}"
    return f"{value:.0f} B"


def duration(seconds: float | None) -> str:
    """Seconds, minutes or hours."""
    if seconds is None:
        return "not recorded"
    for unit, scale in (("h", 3600.0), ("min", 60.0)):
        if seconds >= scale:
            return f"{number(seconds / scale, 2)} {unit}"
    return f"{number(seconds, 2)} s"


def subscripted(label: str) -> Markup:
    """Label as HTML, with the subscripts of ``v_φ``."""
    return Markup(re.sub(r"_(\w+)", r"<sub>\1</sub>", str(escape(label))))


def listing(words: list[str]) -> str:
    """Words with commas, and an `and` before the last."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """A number and its noun."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def _superscript(power: int) -> str:
    return str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
