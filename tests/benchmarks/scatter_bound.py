"""How close to the best possible, given the context, is a model of galaxies that scatter?

A context does not determine a galaxy whose size, halo and kinematics scatter at given mass. The
best any model can do is the mean of the truths of all galaxies of that context; its divergence
from the truth of one of them is the floor under every model. Here the mean is taken over
companions: galaxies of the same mass whose latents are drawn anew and whose two context latents
are then moved until median age and metallicity are those of the galaxy. Weights follow from the
prior of the moved latents and from what is left of the context's difference.

Leaving the galaxy out gives an upper bound of the floor, counting it in a lower one (as the
two-sided bounds of mutual information of Poole et al. 2019, arXiv:1905.06922, section 2).
"""

import argparse
import json
from pathlib import Path

import numpy as np
from scipy.special import logsumexp

import galflowlab
from galflowlab import mocks
from galflowlab.context import measure
from galflowlab.mocks.edf import MockEDF
from galflowlab.mocks.parameters import CONTEXT_LATENTS, LATENTS, from_latents

MATCHED = ("age_p50", "mean_metallicity")  # by moving CONTEXT_LATENTS
MEASURE_STARS = 1000
TOLERANCE = 0.03  # of age [dex] and metallicity [dex]: about twice the noise of the measurement


def log_context(context):
    return np.log10([context[name] for name in (*MATCHED, "age_p10")])


def made(log10_mstar, latents, rng):
    """Truth and log10 of (median age, metallicity, 10th percentile of age) for some latents."""
    truth = MockEDF(from_latents(log10_mstar, latents))
    return truth, log_context(measure(truth.sample(MEASURE_STARS, seed=rng)))


def companion(log10_mstar, target, slopes, rng):
    """A galaxy of the target's context: truth, log weight, remaining difference [dex]."""
    latents = dict(zip(LATENTS, rng.standard_normal(len(LATENTS)), strict=True))
    truth, context = made(log10_mstar, latents, rng)
    for _ in range(2):
        step = np.linalg.solve(slopes, target[:2] - context[:2])
        for name, change in zip(CONTEXT_LATENTS, step, strict=True):
            latents[name] = float(np.clip(latents[name] + change, -4, 4))
        truth, context = made(log10_mstar, latents, rng)
    prior = -0.5 * sum(latents[name] ** 2 for name in CONTEXT_LATENTS)
    return truth, prior, context - target


def context_slopes(log10_mstar, rng):
    """d log10(median age, metallicity) / d CONTEXT_LATENTS about the median galaxy."""
    columns = []
    for name in CONTEXT_LATENTS:
        ends = [
            made(log10_mstar, dict.fromkeys(LATENTS, 0.0) | {name: value}, rng)[1][:2]
            for value in (-1.0, 1.0)
        ]
        columns.append((ends[1] - ends[0]) / 2)
    return np.array(columns).T


def floor_of(galaxy, companions, rng):
    """Log densities of the galaxy's stars under its companions, best width of the weights.

    Returns
    -------
    dict
        Log truth of the stars, and by width of the kernel in age_p10 the log mixture without
        and with the galaxy, and the effective number of companions.
    """
    m, target = galaxy.context["log10_mstar"], log_context(galaxy.context)
    slopes = context_slopes(m, rng)
    found = [companion(m, target, slopes, rng) for _ in range(companions)]
    prior = np.array([p for _, p, _ in found])
    left = np.array([d for _, _, d in found])
    densities = np.array([truth.log_prob(galaxy.stars) for truth, _, _ in found])
    own = galaxy.truth.log_prob(galaxy.stars)
    rows = {}
    for width in (0.04, 0.08, 0.16):
        misfit = (left[:, :2] / TOLERANCE) ** 2
        log_weight = prior - 0.5 * misfit.sum(axis=1) - 0.5 * (left[:, 2] / width) ** 2
        log_weight -= logsumexp(log_weight)
        without = logsumexp(densities + log_weight[:, None], axis=0)
        effective = 1 / np.exp(2 * log_weight).sum()
        share = 1 / (1 + effective)
        counted = np.logaddexp(without + np.log1p(-share), own + np.log(share))
        rows[width] = {"without": without, "with": counted, "effective": effective}
    return own, rows


def main():
    """Print and write the floor, and how far above it a model is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--galaxies", type=int, default=8)
    parser.add_argument("--stars", type=int, default=500)
    parser.add_argument("--companions", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20_000)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    edf = galflowlab.load(arguments.model)
    galaxies = mocks.make_suite(arguments.galaxies, arguments.stars, seed=arguments.seed)
    rows = []
    for i, galaxy in enumerate(galaxies):
        rng = np.random.default_rng([arguments.seed, i])
        # the context of so few stars is noisy: measure it on more of the same galaxy
        full = galaxy.truth.sample(20_000, seed=rng)
        context = measure(full) | {"log10_mstar": galaxy.context["log10_mstar"]}
        galaxy = galflowlab.Galaxy(
            galaxy.name, galaxy.stars, galaxy.provenance, context=context, truth=galaxy.truth
        )
        own, floors = floor_of(galaxy, arguments.companions, rng)
        model = float((own - edf.log_prob(galaxy.stars, context)).mean())
        row = {"context": context, "model": model, "floor": {}}
        for width, floor in floors.items():
            upper, lower = (float((own - floor[k]).mean()) for k in ("without", "with"))
            row["floor"][str(width)] = [upper, lower, float(floor["effective"])]
        rows.append(row)
        print(
            f"{context['log10_mstar']:7.3f} model {model:6.3f}  floor (upper, lower, companions) "
            + "  ".join(f"{k}: " + " ".join(f"{x:.2f}" for x in v) for k, v in row["floor"].items())
        )
    widths = list(rows[0]["floor"])
    table = np.array([[r["floor"][w] for w in widths] for r in rows])
    means = table.mean(axis=0)
    best = int(means[:, 0].argmin())
    excess = np.array([r["model"] for r in rows]) - table[:, best, 0]
    result = {
        "model": float(np.mean([r["model"] for r in rows])),
        "floor_upper": float(means[best, 0]),
        "floor_lower": float(means[best, 1]),
        "width": float(widths[best]),
        "effective_companions": float(means[best, 2]),
        "excess": float(excess.mean()),
        "excess_error": float(excess.std(ddof=1) / np.sqrt(len(excess))),
        "settings": {k: str(v) for k, v in vars(arguments).items() if k != "json"},
        "galaxies": rows,
    }
    print({k: v for k, v in result.items() if k not in ("galaxies", "settings")})
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
