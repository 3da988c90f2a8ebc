"""What a picture shows and how it is scaled: field, limits and ticks from the stars alone.

Nothing here remembers the last frame: the same stars always give the same scales, and a small
change of the stars seldom changes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil, floor, log10

import numpy as np

from galflowlab.maps import QUANTITIES, Map, columns_needed, project
from galflowlab.pixels import MEAN_OF
from galflowlab.schema import AGE_MAX

Columns = Mapping[str, np.ndarray]
Limits = tuple[float, float]

BINS = 128
LOGARITHMIC = frozenset({"surface_density"})
NICE_WIDTHS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
_NICE = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)
_DECADES = 4.5  # of surface density in one picture
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class ColourBar:
    """How a quantity is coloured; without limits and step they depend on what it is.

    Parameters
    ----------
    palette
        Name in matplotlib: even, and safe for the colour-blind.
    limits
        Lowest and highest value, if they are the same for all galaxies.
    step
        Limits are whole steps around the values of nearly all stars, for a mean of a column.
    """

    palette: str
    limits: Limits | None = None
    step: float | None = None


COLOUR_BARS = {
    "surface_density": ColourBar("magma"),
    "mean_age": ColourBar("viridis", limits=(0.0, AGE_MAX)),
    "mean_fe_h": ColourBar("cividis", step=0.5),
    "mean_o_fe": ColourBar("plasma", step=0.1),
    "v_los": ColourBar("RdBu_r"),
    "sigma_los": ColourBar("inferno"),
}
"""By quantity of `galflowlab.maps`, in its unit."""


@dataclass(frozen=True)
class Scales:
    """Field of view and colour limits of one galaxy, whatever the direction and the zoom.

    Parameters
    ----------
    half_width
        Half the side [kpc] of the field that shows nearly all stars.
    limits
        Lowest and highest value of the colour bar by quantity; log10 for `LOGARITHMIC` ones.
    """

    half_width: float
    limits: dict[str, Limits]

    @classmethod
    def of(cls, stars: Columns, quantities: tuple[str, ...]) -> Scales:
        """Scales that suit these stars."""
        half_width = field_half_width(stars)
        return cls(half_width, {name: _limits(stars, name, half_width) for name in quantities})

    def joined(self, other: Scales) -> Scales:
        """Scales that suit both, for the quantities of either."""
        limits = self.limits | other.limits
        for name in set(self.limits) & set(other.limits):
            (low, high), (lowest, highest) = self.limits[name], other.limits[name]
            limits[name] = min(low, lowest), max(high, highest)
        return Scales(max(self.half_width, other.half_width), limits)

    def ticks(self, quantity: str) -> list[tuple[float, str]]:
        """Ticks of the colour bar."""
        low, high = self.limits[quantity]
        return decade_ticks(low, high) if quantity in LOGARITHMIC else linear_ticks(low, high, 8)

    def levels(self, a_map: Map) -> np.ndarray:
        """One byte for each pixel: 1 to 255 along the colour bar, 0 where masked."""
        low, high = self.limits[a_map.quantity]
        values = a_map.values
        return to_bytes(np.ma.log10(values) if a_map.quantity in LOGARITHMIC else values, low, high)


def shown(columns: Iterable[str]) -> tuple[str, ...]:
    """Quantities that can be mapped for stars with these columns and a mass."""
    there = {*columns, "mass"}
    return tuple(name for name in QUANTITIES if there.issuperset(columns_needed(name)))


def to_bytes(values: np.ma.MaskedArray, low: float, high: float) -> np.ndarray:
    """Scale values linearly to 1 ... 255, clipped at the limits; 0 where masked."""
    scaled = (values.filled(low) - low) * (254 / (high - low)) + 1.5
    levels = np.clip(scaled, 1, 255).astype(np.uint8)
    levels[np.ma.getmaskarray(values)] = 0
    return levels


def field_half_width(stars: Columns) -> float:
    """Half the side [kpc] of a field that shows nearly all stars, from a coarse series."""
    radius2 = stars["x"] ** 2 + stars["y"] ** 2 + stars["z"] ** 2
    wanted = 1.25 * float(np.sqrt(np.quantile(radius2, 0.95))) if len(radius2) else 1.0
    if not (np.isfinite(wanted) and wanted > 0):
        raise ValueError("the stars have no finite extent")
    return nice_above(wanted, NICE_WIDTHS)


def density_limits(densities: list[Map]) -> Limits:
    """Limits of log10 surface density: the brightest pixel, to 0.5 dex, and 4.5 dex below.

    The faintest pixel has no say in it: it holds one star, whose mass depends on how many
    stars are drawn.
    """
    brightest = max((float(m.values.max()) for m in densities if m.values.count()), default=1.0)
    high = ceil(2 * log10(brightest)) / 2
    return high - _DECADES, high


def nice_length(half_width: float) -> float:
    """Round length [kpc] for a scale bar, a fifth to a half of the half width."""
    decade = 10.0 ** floor(log10(half_width))
    return float(next(f * decade for f in (5, 2, 1, 0.5, 0.2) if f * decade <= 0.5 * half_width))


def linear_ticks(low: float, high: float, most: int = 7) -> list[tuple[float, str]]:
    """At most `most` round values between the limits: (fraction of the axis, text)."""
    raw = (high - low) / (most - 1)
    decade = 10.0 ** floor(log10(raw))
    step = next(f * decade for f in (1, 2, 5, 10) if f * decade >= raw * (1 - 1e-9))
    values = step * np.arange(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)
    digits = max(0, -floor(log10(step) + 1e-9))
    texts = [f"{value:.{digits}f}".replace("-", "−") for value in values.round(10) + 0.0]
    fractions = np.clip((values - low) / (high - low), 0, 1)
    return list(zip(fractions.tolist(), texts, strict=True))


def decade_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Powers of ten between limits given as log10: (fraction of the axis, text)."""
    return [
        ((exponent - low) / (high - low), "10" + str(exponent).translate(_SUPERSCRIPT))
        for exponent in range(ceil(low), floor(high) + 1)
    ]


def _limits(stars: Columns, quantity: str, half_width: float) -> Limits:
    bar = COLOUR_BARS[quantity]
    if bar.limits:
        return bar.limits
    if bar.step:
        return abundance_limits(stars[MEAN_OF[quantity]], bar.step, 0.05)
    if quantity == "surface_density":
        views = (project(stars, quantity, i, 0.0, half_width, BINS) for i in (0.0, 90.0))
        return density_limits(list(views))
    if quantity == "v_los":  # of a disc seen edge-on
        fastest = _nice_speed(max(np.quantile(np.abs(stars[v]), 0.9) for v in ("vx", "vy")))
        return -fastest, fastest
    # sigma_los: hot centres seen edge-on exceed the vertical dispersion
    return 0.0, _nice_speed(2.5 * float(np.std(stars["vz"])))


def _nice_speed(wanted: float) -> float:
    return nice_above(max(float(wanted), 1.0))


def nice_above(wanted: float, series: tuple[float, ...] = _NICE) -> float:
    """Smallest value of a coarse series that is at least `wanted`, which is positive."""
    if not (np.isfinite(wanted) and wanted > 0):
        raise ValueError(f"expected a positive upper limit of an axis, got {wanted}")
    decade = 10.0 ** floor(log10(wanted))
    nice = (value * decade for value in (*series, 10.0))
    return float(next((value for value in nice if value >= wanted), 15 * decade))


def abundance_limits(values: np.ndarray, step: float, tail: float = 0.01) -> Limits:
    """Whole steps [dex] around all values but a share at either end.

    Raises ValueError unless there are values and they are finite.
    """
    if not (len(values) and np.isfinite(values).all()):
        raise ValueError("expected stars with finite abundances")
    low, high = np.quantile(values, [tail, 1 - tail])
    first = floor(low / step)
    return first * step, max(ceil(high / step), first + 2) * step
