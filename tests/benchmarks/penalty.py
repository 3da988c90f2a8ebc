"""Does it help to penalise departures from equilibrium while training?

Copies of the embedded model are trained on with the same steps, one by likelihood alone and others
with the Boltzmann residual as a penalty; then all are judged by galaxies not seen before.

    python -m tests.benchmarks.penalty --json penalty.json
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from pathlib import Path

import numpy as np
import torch

import galflowlab
from galflowlab import mocks
from galflowlab.dynamics.trial_stars import TrialStars
from galflowlab.edf import EDF
from galflowlab.metrics import kl_divergence
from galflowlab.schema import POSITION, VELOCITY, star_matrix
from tests.benchmarks.rotation_curves import rounded, summary, weigh

ARMS = ((0.0, 5), (0.0, 6), (0.1, 5), (1.0, 5))  # weight of the penalty, seed of the stars
BATCH, PEAK = 1024, 2e-4
POINTS, VELOCITIES = 8, 64  # of the penalty at each step


class Data:
    """Stars of all galaxies, and places with trial velocities in them."""

    def __init__(self, galaxies, edf):
        self.stars = [star_matrix(galaxy.stars, edf.columns) for galaxy in galaxies]
        self.contexts = np.concatenate([edf.population.row(galaxy.context) for galaxy in galaxies])
        self.trials = [TrialStars(stars, edf.columns) for stars in self.stars]

    def batch(self, rng):
        which = rng.integers(len(self.stars), size=BATCH)
        stars = [self.stars[i][rng.integers(len(self.stars[i]))] for i in which]
        return torch.from_numpy(np.array(stars)), torch.from_numpy(self.contexts[which])

    def places(self, rng):
        which = rng.integers(len(self.stars), size=POINTS)
        stars = []
        for i in which:
            centre = self.stars[i][rng.integers(len(self.stars[i])), :3]
            stars.append(self.trials[i].at(np.tile(centre, (1, VELOCITIES, 1)))[0])
        contexts = np.repeat(self.contexts[which], VELOCITIES, axis=0)
        return torch.from_numpy(np.concatenate(stars)), torch.from_numpy(contexts)


def boltzmann(model, stars, contexts, columns):
    """Robust mean of the residual as a share of the streaming, after solving for the field."""
    stars = stars.requires_grad_()
    value = model.log_prob(stars, contexts)
    (slope,) = torch.autograd.grad(value.sum(), stars, create_graph=True)

    def pick(values, names):
        return torch.stack([values[:, columns.index(n)] for n in names], dim=1)

    push = pick(slope, VELOCITY).view(POINTS, VELOCITIES, 3)
    target = -(pick(stars, VELOCITY) * pick(slope, POSITION)).sum(dim=1).view(POINTS, VELOCITIES)
    normal = push.transpose(1, 2) @ push
    field = torch.linalg.solve(normal, (push * target[..., None]).sum(dim=1)[..., None])
    scale = target.detach().abs().median(dim=1, keepdim=True).values
    residual = (target - (push @ field)[..., 0]) / scale
    return (torch.sqrt(1 + residual**2) - 1).mean()


def train(edf, data, weight, seed, steps):
    model = copy.deepcopy(edf._model)
    model.flow.requires_grad_(True)
    optimiser = torch.optim.AdamW(model.flow.parameters(), lr=PEAK)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for_stars, for_places = np.random.default_rng(seed).spawn(2)  # the same stars for every weight
    start, skipped = time.process_time(), 0
    for _ in range(steps):
        loss = -model.log_prob(*data.batch(for_stars)).mean()
        if weight:
            loss = loss + weight * boltzmann(model, *data.places(for_places), edf.columns)
        optimiser.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.flow.parameters(), 5.0)
        if math.isfinite(float(norm)):
            optimiser.step()
        else:
            skipped += 1
        schedule.step()
    seconds = time.process_time() - start
    return EDF(model, edf.population, edf.card), seconds, skipped


def judge(edf, galaxies):
    divergences = [
        kl_divergence(
            g.truth.log_prob(g.stars),
            edf.log_prob(g.stars, {name: g.context[name] for name in edf.context_names}),
        ).value
        for g in galaxies
    ]
    discs = [g for g in galaxies if g.context["log10_mstar"] >= 9 and edf.support(g.context) >= 1]
    found = summary([weigh(edf, galaxy) for galaxy in discs])
    return {"kl": float(np.mean(divergences)), "dynamics": found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--galaxies", type=int, default=200)
    parser.add_argument("--stars", type=int, default=4000)
    parser.add_argument("--steps", type=int, default=1000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    edf = galflowlab.load("mock")
    settings = {"scatter": 0.0, "context_scatter": 1.0}
    seen = mocks.make_suite(
        arguments.galaxies, arguments.stars, seed=1, log10_mstar=(6.8, 11.35), **settings
    )
    unseen = mocks.make_suite(24, 5000, seed=1234, log10_mstar=(8.0, 11.2), **settings)
    data = Data(seen, edf)
    result = {"before": judge(edf, unseen), "steps": arguments.steps}
    print("before", result["before"], flush=True)
    for weight, seed in ARMS:
        trained, seconds, skipped = train(edf, data, weight, seed, arguments.steps)
        name = f"weight {weight:g}, seed {seed}"
        result[name] = {**judge(trained, unseen), "cpu_seconds": seconds, "skipped": skipped}
        print(name, result[name], flush=True)
        arguments.json.write_text(json.dumps(rounded(result), indent=1) + "\n")


if __name__ == "__main__":
    main()
