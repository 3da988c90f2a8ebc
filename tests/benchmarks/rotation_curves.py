"""Rotation curves from the density alone, against the true ones of galaxies not seen before.

python -m tests.benchmarks.rotation_curves --json dynamics.json --figure rotation_curves.png
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import galflowlab
from galflowlab import dynamics, mocks
from galflowlab.profiles import half_mass_radius, radial_profiles

SHARES = np.array([0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0])  # of the half-mass radius
PLACES = [(1.0, 0.1), (1.0, 0.3), (1.5, 0.1), (1.5, 0.3), (2.0, 0.2), (2.0, 0.5)]  # R, z
MODELS = ("mock", "mock_accurate")
SUITES = {  # what is asked for, and where it has to fail
    "discs": {"n_galaxies": 24, "scatter": 0.0, "log10_mstar": (9.0, 11.2)},
    "dwarfs": {"n_galaxies": 12, "scatter": 0.0, "log10_mstar": (7.0, 9.0)},
    "full_scatter": {"n_galaxies": 12, "scatter": 1.0, "log10_mstar": (9.0, 11.2)},
}
SEED = 4711


def weigh(edf, galaxy):
    """Relative errors of all that is recovered for one galaxy, and its curve."""
    context = {name: galaxy.context[name] for name in edf.context_names}
    size, potential = half_mass_radius(galaxy.stars), galaxy.truth.potential
    radii = SHARES * size
    found = dynamics.circular_velocity(edf, context, radii, seed=1)
    truth = potential.circular_velocity(radii)
    model = dynamics.fit_mass_model(edf, context, seed=1)
    mass, mass_error = model.enclosed_mass(radii)
    R, z = size * np.array(PLACES).T
    true_pull = potential.forces(R, z)[1]
    single = [
        float(dynamics.vertical_force(edf, context, r, [h], seed=1).values[0])
        for r, h in zip(R, z, strict=True)
    ]
    true = dynamics.mass_within(potential, radii)
    return {
        "name": galaxy.name,
        "log10_mstar": context["log10_mstar"],
        "support": edf.support(context),
        "half_mass_radius": size,
        "circular_velocity": (found.values / truth - 1).tolist(),
        "circular_velocity_pull": ((found.values - truth) / found.errors).tolist(),
        "enclosed_mass": (mass / true - 1).tolist(),
        "enclosed_mass_pull": ((mass - true) / mass_error).tolist(),
        "vertical_force": (np.array(single) / true_pull - 1).tolist(),
        "mass_model_vertical_force": (model.forces(R, z)[1] / true_pull - 1).tolist(),
        "curve": {"radii": radii.tolist(), "errors": found.errors.tolist()},
    }


def summary(rows):
    def column(name):
        return np.array([row[name] for row in rows])

    speed = column("circular_velocity")
    return {
        "rms": np.sqrt((speed**2).mean(axis=0)).tolist(),
        "largest": float(np.abs(speed).max()),
        "pull_rms": float(np.sqrt((column("circular_velocity_pull") ** 2).mean())),
        "enclosed_mass_rms": np.sqrt((column("enclosed_mass") ** 2).mean(axis=0)).tolist(),
        "enclosed_mass_pull_rms": float(np.sqrt((column("enclosed_mass_pull") ** 2).mean())),
        **{
            f"{name}_{kind}": value
            for name in ("vertical_force", "mass_model_vertical_force")
            for kind, value in (
                ("mean", float(column(name).mean())),
                ("rms", float(np.sqrt((column(name) ** 2).mean()))),
            )
        },
    }


def figure(edf, galaxies, rows):
    """Four galaxies in detail, and the deviation of all."""
    order = np.argsort([row["log10_mstar"] for row in rows])
    chosen = order[np.linspace(1, len(order) - 2, 4).astype(int)]
    canvas = Figure(figsize=(9.6, 5.4), layout="constrained")
    axes = canvas.subplot_mosaic([[0, 1, "all"], [2, 3, "all"]], width_ratios=(1, 1, 1.35))
    for panel, i in enumerate(chosen):
        draw_curve(axes[panel], edf, galaxies[i], rows[i])
    axes[0].legend(frameon=False, fontsize=7.5)
    for panel in (2, 3):
        axes[panel].set_xlabel("R / half-mass radius")
    for panel in (0, 2):
        axes[panel].set_ylabel("speed [km/s]")
    ax = axes["all"]
    for row in rows:
        ax.plot(SHARES, 100 * np.array(row["circular_velocity"]), "-", color="#0072b2", alpha=0.35)
    for edge in (-5, 5):
        ax.axhline(edge, color="0.4", linestyle=":")
    ax.axhline(0, color="0.2", linewidth=0.8)
    ax.set(xlabel="R / half-mass radius", ylim=(-7, 7))
    ax.set_ylabel("recovered circular velocity less truth [%]")
    ax.set_title(f"all {len(rows)} unseen discs", fontsize=9)
    return canvas


def draw_curve(ax, edf, galaxy, row):
    size = row["half_mass_radius"]
    fine = np.linspace(0.05, 3.2, 60)
    truth = galaxy.truth.potential.circular_velocity
    ax.plot(fine, truth(fine * size), color="0.2", label="truth, of all matter")
    recovered = (1 + np.array(row["circular_velocity"])) * truth(SHARES * size)
    errors = row["curve"]["errors"]
    style = {"fmt": "o", "color": "#0072b2", "markersize": 4}
    ax.errorbar(SHARES, recovered, errors, label="from the density of stars", **style)
    context = {name: galaxy.context[name] for name in edf.context_names}
    stars = edf.freeze(context, n=50_000, seed=2).stars()
    edges = np.linspace(0, 3.2 * size, 17)
    turning = radial_profiles(stars, ["v_phi"], edges)["v_phi"]
    ax.plot(
        turning.centres / size,
        turning.values,
        "--",
        color="#d55e00",
        label="mean rotation of stars",
    )
    ax.set_ylim(0, None)
    ax.set_title(f"log₁₀ M★ = {row['log10_mstar']:.2f}", fontsize=9)


def rounded(found):
    """The same with four digits of every number."""
    if isinstance(found, dict):
        return {name: rounded(value) for name, value in found.items()}
    if isinstance(found, list):
        return [rounded(value) for value in found]
    return float(f"{found:.4g}") if isinstance(found, float) else found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--figure", type=Path, required=True)
    arguments = parser.parse_args()
    suites = {
        name: mocks.make_suite(n_stars=10_000, seed=SEED, context_scatter=1.0, **settings)
        for name, settings in SUITES.items()
    }
    results = {}
    for model in MODELS:
        edf = galflowlab.load(model)
        results[model] = {}
        for name, galaxies in suites.items():
            inside = [g for g in galaxies if edf.support(g.context) >= 1]
            rows = [weigh(edf, galaxy) for galaxy in inside]
            results[model][name] = {
                "outside_support": len(galaxies) - len(inside),
                **summary(rows),
                "galaxies": rows,
            }
            print(model, name, len(rows), {k: np.round(v, 4) for k, v in summary(rows).items()})
            if (model, name) == ("mock", "discs"):
                figure(edf, inside, rows).savefig(arguments.figure, dpi=110)
    found = rounded({"shares": SHARES.tolist(), **results})
    arguments.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
