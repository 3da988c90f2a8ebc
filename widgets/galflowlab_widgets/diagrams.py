"""Diagrams of a galaxy as data for a chart: profiles, kinematics, abundances and ages.

Limits come from the stars of the model alone and are coarse, so that they stay while a slider
is dragged; a reference galaxy is drawn dashed within them.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from math import ceil, log10
from typing import TypeAlias

import numpy as np

from galflowlab.profiles import (
    QUANTITIES,
    RadialProfile,
    age_metallicity,
    enclosing_radius,
    plane,
    radial_profiles,
)
from galflowlab.schema import AGE_MAX, COLUMNS
from galflowlab_widgets.diagram_parts import (
    MODEL,
    NAMES,
    PIXELS,
    REFERENCE,
    Diagram,
    Json,
    Names,
    axis,
    diagram,
    distribution,
    enclosing_lines,
    fraction,
    line,
    panel,
    profile_line,
    settled,
    sure,
)
from galflowlab_widgets.scales import (
    Columns,
    abundance_limits,
    decade_ticks,
    linear_ticks,
    nice_above,
    to_bytes,
)

RINGS = 24
_DISPERSIONS = {"sigma_R": 0, "sigma_phi": 2, "sigma_z": 3}  # colours
_IMAGE = {"offset": 0, "width": PIXELS, "height": PIXELS, "palette": 0}
_DECADES = 4.5  # of surface density
_AGE_EDGES = np.linspace(0.0, AGE_MAX, 29)
_STEP = {"fe_h": 0.5, "o_fe": 0.2, "log10_metallicity": 0.5}  # dex

NEEDS: Mapping[str, tuple[str, ...]] = {
    "Profiles": ("x", "y", "age", "mass"),
    "Kinematics": ("x", "y", "vx", "vy", "vz", "mass"),
    "[Fe/H]–[O/Fe]": ("fe_h", "o_fe", "mass"),
    "Age–metallicity": ("age", "metallicity", "mass"),
}
"""Columns that do for a tab; ``fe_h`` does as well as metallicity, see `drawable`."""


def structure(stars: Columns, reference: Columns | None = None, names: Names = NAMES) -> Diagram:
    """Surface density and mean age along the radius of the disc.

    Parameters
    ----------
    stars
        Plain columns of the model by name, in the units of `galflowlab.schema`.
    reference
        The same of a simulated galaxy, drawn dashed; left out if it lacks columns.
    names
        What the two are called.

    Returns
    -------
    Diagram

    Raises
    ------
    ValueError
        If the model lacks columns (see `NEEDS`) or extent, has too few stars, or holds values
        that are not finite.
    """
    found, outer = _profiles("Profiles", stars, reference, ("surface_density", "mean_age"))
    top = ceil(2 * log10(_known(found[MODEL]["surface_density"]).max())) / 2
    panels = []
    for name, limits in (("surface_density", (top - _DECADES, top)), ("mean_age", (0.0, AGE_MAX))):
        log = name == "surface_density"
        ticks = decade_ticks(*limits) if log else linear_ticks(*limits, 8)
        lines = [
            profile_line(f[name], outer, limits, who, names[who], dash=who == REFERENCE, log=log)
            for who, f in found.items()
        ]
        panels.append(panel(_radius(outer), axis(QUANTITIES[name].axis_label, ticks), lines))
    ages = _known(found[MODEL]["mean_age"])
    alt = (
        f"Surface density and mean age of the {names[MODEL]} against radius out to "
        f"{outer:g} kpc: up to 10^{top:g} Msun per square kpc; mean age {ages[0]:.1f} Gyr in the "
        f"centre, {ages[-1]:.1f} Gyr outside{_beside(found, names)}."
    )
    return diagram(panels, alt)


def kinematics(stars: Columns, reference: Columns | None = None, names: Names = NAMES) -> Diagram:
    """Rotation and velocity dispersions along the radius.

    Dispersions keep their colours: dashes tell the galaxy, colours the direction. Parameters
    and errors are those of `structure`.
    """
    found, outer = _profiles("Kinematics", stars, reference, ("v_phi", *_DISPERSIONS))
    speeds = _known(found[MODEL]["v_phi"])
    hottest = {name: float(_known(found[MODEL][name]).max()) for name in _DISPERSIONS}
    fastest = nice_above(max(float(np.abs(speeds).max()), 1.0))
    rotation = (-fastest if speeds.min() < -0.15 * fastest else 0.0, fastest)
    dispersion = (0.0, nice_above(max(*hottest.values(), 1.0)))
    turning, moving = [], []
    for who, f in found.items():
        dash = who == REFERENCE
        turning.append(profile_line(f["v_phi"], outer, rotation, who, names[who], dash=dash))
        for i, (name, colour) in enumerate(_DISPERSIONS.items()):
            label = QUANTITIES[name].label if not dash else "" if i else names[who]
            moving.append(profile_line(f[name], outer, dispersion, colour, label, dash=dash))
    unit = QUANTITIES["sigma_R"].unit_text
    panels = [
        panel(
            _radius(outer),
            axis(QUANTITIES["v_phi"].axis_label, linear_ticks(*rotation, 6)),
            turning,
        ),
        panel(_radius(outer), axis(f"σ [{unit}]", linear_ticks(*dispersion, 6)), moving),
    ]
    alt = (
        f"Rotation and velocity dispersions of the {names[MODEL]} against radius out to "
        f"{outer:g} kpc: rotation {speeds.min():.0f} to {speeds.max():.0f} km/s, dispersions up to "
        f"{hottest['sigma_R']:.0f} (radial), {hottest['sigma_phi']:.0f} (azimuthal) and "
        f"{hottest['sigma_z']:.0f} km/s (vertical){_beside(found, names)}."
    )
    return diagram(panels, alt)


def abundances(stars: Columns, reference: Columns | None = None, names: Names = NAMES) -> Diagram:
    """Plane of [Fe/H] and [O/Fe], and the distribution of [Fe/H].

    The image is the model in 2.5 decades of mass per pixel; the lines enclose shares of the mass
    of the reference. Parameters and errors are those of `structure`.
    """
    shown = _shown("[Fe/H]–[O/Fe]", stars, reference)
    ranges = tuple(abundance_limits(stars[name], _STEP[name]) for name in ("fe_h", "o_fe"))
    x, y = ranges
    share = np.ma.log10(plane(stars, "fe_h", "o_fe", x, y, PIXELS))
    top = ceil(4 * float(share.max())) / 4
    across = axis(COLUMNS["fe_h"].axis_label, linear_ticks(*x))
    up = axis(COLUMNS["o_fe"].axis_label, linear_ticks(*y, 6))
    lines = []
    if REFERENCE in shown:
        lines = enclosing_lines(shown[REFERENCE], "fe_h", "o_fe", (x, y), names[REFERENCE])
    panels = [
        panel(across, up, lines, dict(_IMAGE)),
        distribution(shown, "fe_h", np.linspace(*x, 41), across, names),
    ]
    iron, oxygen = (float(np.median(stars[name])) for name in ("fe_h", "o_fe"))
    alt = (
        f"Mass of the {names[MODEL]} in the plane of [Fe/H] and [O/Fe], and its distribution over "
        f"[Fe/H]: median [Fe/H] {iron:.2f}, median [O/Fe] {oxygen:.2f}{_beside(shown, names)}."
    )
    return diagram(panels, alt, to_bytes(share, top - 2.5, top).tobytes())


def ages(stars: Columns, reference: Columns | None = None, names: Names = NAMES) -> Diagram:
    """Metallicity against age, and the distribution of ages.

    Metallicity is [Fe/H], or log10 Z if the model has none: the median, and for the model a
    band from the 16th to the 84th percentile. Parameters and errors are those of `structure`.
    """
    tab = "Age–metallicity"
    needed = _needed(tab, stars)
    shown = _shown(tab, stars, reference)
    found = {
        who: age_metallicity({name: s[name] for name in needed}, _AGE_EDGES)
        for who, s in shown.items()
    }
    quantity = found[MODEL].quantity
    rows = {who: [sure(v, f.counts) for v in f.values] for who, f in found.items()}
    low, median, high = (settled(v, found[MODEL].counts) for v in found[MODEL].values)
    limits = abundance_limits(np.concatenate([low, high]), _STEP[quantity.name])
    centres = 0.5 * (_AGE_EDGES[1:] + _AGE_EDGES[:-1]) / AGE_MAX
    lines = []
    for who, row in rows.items():
        bottom, middle, top = (fraction(values, limits) for values in row)
        band = (bottom, top) if who == MODEL else None
        lines.append(line(centres, middle, who, names[who], dash=who == REFERENCE, band=band))
    across = axis(COLUMNS["age"].axis_label, linear_ticks(0.0, AGE_MAX, 8))
    up = axis(quantity.axis_label, linear_ticks(*limits, 6))
    panels = [panel(across, up, lines), distribution(shown, "age", _AGE_EDGES, across, names)]
    alt = (
        f"Median {quantity.label} of the {names[MODEL]} against age, and the distribution of "
        f"ages: {median[0]:.2f} of the youngest, {median[-1]:.2f} of the oldest stars"
        f"{_beside(shown, names)}."
    )
    return diagram(panels, alt)


Tab: TypeAlias = Callable[[Columns, Columns | None, Names], Diagram]

TABS: Mapping[str, Tab] = {
    "Profiles": structure,
    "Kinematics": kinematics,
    "[Fe/H]–[O/Fe]": abundances,
    "Age–metallicity": ages,
}
"""Diagrams by the title of their tab."""


def drawable(columns: Iterable[str]) -> list[str]:
    """Tabs that stars with these columns and a mass can fill, in order."""
    known = {*columns, "mass"}
    return [tab for tab in TABS if known.issuperset(_needed(tab, known))]


def _needed(tab: str, columns: Container[str]) -> tuple[str, ...]:
    """What a tab reads of stars with these columns: iron before metallicity."""
    iron = tab == "Age–metallicity" and "fe_h" in columns
    return ("age", "fe_h", "mass") if iron else NEEDS[tab]


def _shown(tab: str, stars: Columns, reference: Columns | None) -> dict[int, Columns]:
    """The model, and the reference if it has the same columns."""
    needed = _needed(tab, stars)
    if missing := [name for name in needed if name not in stars]:
        raise ValueError(f"{tab} needs the columns {', '.join(missing)}, which the stars lack")
    if reference is not None and set(needed).issubset(reference):
        return {MODEL: stars, REFERENCE: reference}
    return {MODEL: stars}


def _profiles(
    tab: str, stars: Columns, reference: Columns | None, quantities: tuple[str, ...]
) -> tuple[dict[int, dict[str, RadialProfile]], float]:
    """Profiles of each galaxy, and the outer radius of the axis [kpc]."""
    shown = _shown(tab, stars, reference)
    radius = enclosing_radius(stars, 0.98, projected=True)
    if not radius > 0:
        raise ValueError(f"{tab} needs stars at different radii: all are on the axis")
    outer = nice_above(radius)
    edges = np.linspace(0.0, outer, RINGS + 1)
    return {who: radial_profiles(s, quantities, edges) for who, s in shown.items()}, outer


def _known(profile: RadialProfile) -> np.ndarray:
    """Values of the rings that hold most stars."""
    return settled(profile.values, profile.counts)


def _radius(outer: float) -> Json:
    return axis("R [kpc]", linear_ticks(0.0, outer, 6))


def _beside(shown: Mapping[int, object], names: Names) -> str:
    return f"; beside the {names[REFERENCE]}, dashed" if REFERENCE in shown else ""
