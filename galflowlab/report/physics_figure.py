"""Figure of what a galaxy weighs: rotation curves, mass, and where there is no equilibrium."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from galflowlab.report.physics import Physics, stellar_mass
from galflowlab.report.style import DATA, FONT, MODEL, tidy

_STARS = "#0072b2"  # blue of Okabe & Ito
_NOTHING = "#ececec"
_MOST_IMBALANCE = 0.6  # of the colour scale
_FINE = 60  # points of a smooth curve


def physics_figure(physics: Physics) -> Figure:
    """Draw circular velocities, mass within spheres, and the imbalance face-on."""
    figure = Figure(figsize=(12.4, 3.5), layout="constrained")
    speed, mass, balance = figure.subplots(1, 3, width_ratios=[1.15, 1.15, 1])
    _speeds(speed, physics)
    _masses(mass, physics)
    _imbalance(figure, balance, physics)
    for axes in (speed, mass, balance):
        tidy(axes)
    return figure


def _speeds(axes: Axes, physics: Physics) -> None:
    found, fine = physics.boltzmann, _fine(physics)
    if physics.potential is not None:
        true = physics.potential.circular_velocity(fine)
        axes.plot(fine, true, color=DATA, lw=1, ls="--", label="true")
    axes.plot(found.at, found.values, color=MODEL, lw=1.3, label="Boltzmann, model")
    low, high = (found.values + sign * found.errors for sign in (-1, 1))
    axes.fill_between(found.at, low, high, color=MODEL, alpha=0.25, lw=0)
    for name, colour, face in (("model", MODEL, "white"), ("data", DATA, DATA)):
        jeans, label = physics.jeans[name], f"Jeans, {name}"
        style: Any = {"fmt": "o", "ms": 3.6, "lw": 1, "color": colour, "mfc": face, "label": label}
        axes.errorbar(jeans.radius, jeans.values, jeans.errors, **style)
    axes.set_ylim(bottom=0)
    axes.set_title("circular velocity [km/s]", fontsize=FONT, loc="left")
    axes.set_xlabel("R [kpc]", fontsize=FONT)
    axes.legend(fontsize=FONT - 1, frameon=False, loc="lower right")


def _masses(axes: Axes, physics: Physics) -> None:
    fine = _fine(physics)
    total, error = physics.mass_model.enclosed_mass(fine)
    total = np.ma.masked_less_equal(total, 0)  # the axis is logarithmic
    axes.plot(fine, total, color=MODEL, lw=1.3, label="all matter, model")
    low = np.maximum(total - error, 1e-3 * total)
    axes.fill_between(fine, low, total + error, color=MODEL, alpha=0.25, lw=0)
    for name, colour, line in (("model", _STARS, "-"), ("data", DATA, ":")):
        stars = stellar_mass(physics.stars[name], fine)
        axes.plot(
            fine, np.ma.masked_less_equal(stars, 0), line, color=colour, label=f"stars, {name}"
        )
    axes.set_yscale("log")
    axes.set_title("mass within a sphere [M☉]", fontsize=FONT, loc="left")
    axes.set_xlabel("r [kpc]", fontsize=FONT)
    axes.legend(fontsize=FONT - 1, frameon=False, loc="lower right")


def _imbalance(figure: Figure, axes: Axes, physics: Physics) -> None:
    found = physics.residual
    side = found.half_width
    axes.set_facecolor(_NOTHING)
    image = axes.imshow(
        found.imbalance,
        origin="lower",
        extent=(-side, side, -side, side),
        cmap="viridis",
        vmin=0,
        vmax=_MOST_IMBALANCE,
        interpolation="none",
    )
    bar = figure.colorbar(image, ax=axes, fraction=0.05, pad=0.03, extend="max")
    bar.ax.tick_params(labelsize=FONT - 1)
    axes.set_title("imbalance of the model", fontsize=FONT, loc="left")
    axes.set_xlabel("x [kpc]", fontsize=FONT)
    axes.set_ylabel("y [kpc]", fontsize=FONT)


def _fine(physics: Physics) -> np.ndarray:
    return np.geomspace(physics.boltzmann.at[0], physics.boltzmann.at[-1], _FINE)
