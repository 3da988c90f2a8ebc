"""Held-out likelihood of real simulated galaxies: ours against what one would try first.

Every galaxy is learned by itself from 80 % of its star particles and judged by the other 20 %.
Ours is trained twice, with symmetry and without; a tenth of the training stars decides. All see
the same columns; densities are in physical units. The rivals are a Gaussian mixture of full
covariances (number of components by BIC) and a kernel density (bandwidth by held-out likelihood),
both on standardised columns as one would do it by hand, and GalacticFlow's network and recipe for
at least the CPU time that ours took. The mixture on *our* coordinates tells what the coordinates
alone are worth.
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

import galflowlab
from galflowlab.schema import star_matrix

NAMES = (
    "simspin_eagle_g92s9",
    "illustris1_420815",
    "illustris1_417175",
    "simspin_colibre",
    "cogsworth_changa",
)
COMPONENTS = (1, 2, 3, 4, 6, 8, 12, 16)
BANDWIDTHS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6)
OURS = {
    "preset": "live",
    "weight_decay": 1.0,
    "stars_seen": 6e5,
    "batch": 256,
    "learning_rate": 6e-4,
}


def halves(galaxy, seed, share=0.2):
    """Training and held-out stars."""
    order = np.random.default_rng(seed).permutation(len(galaxy))
    cut = round(share * len(galaxy))
    return galaxy.with_stars(galaxy.stars[order[cut:]]), galaxy.with_stars(
        galaxy.stars[order[:cut]]
    )


def flow(training, test, **recipe):
    """Held-out NLL, CPU seconds and stars seen of a flow."""
    started = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", galflowlab.FewStarsWarning)
        edf = galflowlab.fit([training], seed=1, progress=False, **recipe)
    seconds = time.process_time() - started
    nll = -edf.log_prob(test.stars, training.context).mean()
    return edf, {"nll": float(nll), "cpu_seconds": seconds, **_seen(edf)}


def _seen(edf):
    training = edf.card["training"]
    return {"stars_seen": training["stars_seen"], "parameters": edf.n_parameters}


def standardised(training):
    mean, std = training.mean(axis=0), training.std(axis=0)
    return lambda stars: ((stars - mean) / std, np.full(len(stars), -np.log(std).sum()))


def our_coordinates(edf, context):
    row = torch.tensor([[context[name] for name in edf.context_names]], dtype=torch.float64)
    standard = edf._model.context_transform(row)

    def transform(stars):
        values, log_det = edf._model.star_transform(torch.from_numpy(stars), standard)
        return values.numpy(), log_det.numpy()

    return transform


def mixture(training, test, transform):
    """Held-out NLL of the Gaussian mixture with the lowest BIC."""
    (x, _), (y, log_det) = transform(training), transform(test)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fits = [GaussianMixture(n, random_state=0).fit(x) for n in COMPONENTS if 20 * n <= len(x)]
    best = min(fits, key=lambda fit: fit.bic(x))
    nll = -(best.score_samples(y) + log_det).mean()
    return {"nll": float(nll), "components": best.n_components}


def kernels(training, test, transform):
    """Held-out NLL of a Gaussian kernel density; its bandwidth by a fifth of the training."""
    (x, _), (y, log_det) = transform(training), transform(test)
    cut = len(x) // 5
    scores = [KernelDensity(bandwidth=h).fit(x[cut:]).score(x[:cut]) for h in BANDWIDTHS]
    bandwidth = BANDWIDTHS[int(np.argmax(scores))]
    nll = -(KernelDensity(bandwidth=bandwidth).fit(x).score_samples(y) + log_det).mean()
    return {"nll": float(nll), "bandwidth": bandwidth}


def ours(training, test):
    """With symmetry or without, as held-out *training* stars prefer; the CPU time of both."""
    trials = [flow(training, test, symmetric=symmetric, **OURS) for symmetric in (False, True)]
    edf, best = min(trials, key=lambda trial: trial[0].card["training"]["held_out_nll"])
    symmetric = edf.card["training"]["recipe"]["symmetric"]
    seconds = sum(result["cpu_seconds"] for _, result in trials)
    return edf, best | {"cpu_seconds": seconds, "symmetric": symmetric}


def judge(galaxy, seed):
    """Compare all on one galaxy; returns NLL [nats per star] and settings by method."""
    training, test = halves(galaxy, seed)
    edf, best = ours(training, test)
    pilot = flow(training, test, preset="paper", stars_seen=20_480)[1]
    budget = 1.5 * best["cpu_seconds"] / pilot["cpu_seconds"] * pilot["stars_seen"]
    _, paper = flow(training, test, preset="paper", stars_seen=budget, patience=1.0)
    x, y = (star_matrix(g.stars, edf.columns) for g in (training, test))
    plain, own = standardised(x), our_coordinates(edf, training.context)
    return {
        "stars": [len(training), len(test)],
        "columns": len(edf.columns),
        "ours": best,
        "paper": paper,
        "mixture": mixture(x, y, plain),
        "kernels": kernels(x, y, plain),
        "mixture on our coordinates": mixture(x, y, own),
    }


def main():
    """Print and write the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="with the galaxies as .npz")
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = {}
    for name in NAMES:
        galaxy = galflowlab.prepare(galflowlab.read(arguments.folder / f"{name}.npz"))
        rows[name] = row = judge(galaxy, arguments.seed)
        methods = {k: v["nll"] for k, v in row.items() if isinstance(v, dict)}
        print(
            f"{name:<22}{row['stars'][0]:7d} stars  "
            + "  ".join(f"{k} {v:.3f}" for k, v in methods.items())
            + f"  ({row['ours']['cpu_seconds']:.0f} and {row['paper']['cpu_seconds']:.0f} CPU-s)",
            flush=True,
        )
    if arguments.json:
        settings = {"seed": arguments.seed, "ours": OURS}
        arguments.json.write_text(
            json.dumps({"settings": settings, "galaxies": rows}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
