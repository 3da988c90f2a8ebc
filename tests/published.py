"""Checkpoints in GalacticFlow's format, and its flow evaluated plainly after its formulas.

Nothing here uses the package: it is what the package is compared with.
"""

import torch
from torch.nn.functional import leaky_relu, softmax, softplus

COLUMNS = ("x", "y", "z", "vx", "vy", "vz", "Z", "feh", "ofe", "age")
CONTEXT = ("M_stars", "tau50", "tau10", "Z_av")
MEAN = dict(
    zip(COLUMNS + CONTEXT, (0, 0, 0, 0, 5, 0, 0.02, -0.4, 0.2, 6, 10, 6, 2, 0.02), strict=True)
)
STD = dict(
    zip(
        COLUMNS + CONTEXT,
        (4, 3, 2, 150, 150, 100, 0.01, 0.6, 0.1, 3, 0.8, 2, 1, 0.01),
        strict=True,
    )
)


def checkpoint(
    coupling="NSF_CL2",
    columns=COLUMNS,
    context=CONTEXT,
    n_layers=2,
    hidden=8,
    depth=3,
    slope=0.2,
    bins=5,
    bound=3.0,
    split=None,
    dtype=torch.float32,
    seed=0,
    size=0.7,
):
    """What GalacticFlow's code would save, with random weights."""
    generator = torch.Generator().manual_seed(seed)

    def random(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    d, c = len(columns), len(context)
    first = d // 2 if split is None else int(d * split)
    if coupling == "NSF_CL":
        nets = {"net": (first, d - first), "net_cond": (c, d - first)}
    else:
        nets = {"net1": (first, d - first), "net2": (d - first, first)}
        nets |= {"net_cond1": (c, d - first), "net_cond2": (c, first)}
    state = {}
    for i in range(n_layers):
        linear = f"layers.{2 * i}"
        state[f"{linear}.S"] = 1 + 0.2 * random(d)
        state[f"{linear}.L"] = 0.3 * random(d, d)  # also what is masked
        state[f"{linear}.U"] = 0.3 * random(d, d)
        order = torch.randperm(d, generator=generator)
        state[f"{linear}.P"] = torch.eye(d, dtype=torch.float64)[order]
        for net, (inputs, moved) in nets.items():
            sizes = [inputs] + [hidden] * (depth - 1) + [moved * (3 * bins - 1)]
            for k in range(depth):
                name = f"layers.{2 * i + 1}.{net}.network.{2 * k}"
                state[f"{name}.weight"] = size / sizes[k] ** 0.5 * random(sizes[k + 1], sizes[k])
                state[f"{name}.bias"] = 0.5 * size * random(sizes[k + 1])
    hyper = {"n_layers": n_layers, "dim_notcond": d, "dim_cond": c, "CL": coupling}
    hyper |= {"K": bins, "B": bound, "network": "MLP"}
    hyper["network_args"] = torch.tensor([hidden, depth, slope])
    if split is not None:
        hyper["split"] = split
    names = [*columns, *context]
    logged = ["M_stars"] if "M_stars" in context else []
    return {
        "processor": "Processor_cond",
        "processor_args": {},
        "flow": "NSFlow",
        "flow_hyper": hyper,
        "flow_dict": {name: value.to(dtype) for name, value in state.items()},
        "subset_params": {"cond_fn": "cond_M_stars_2age_avZ", "leavout_vals": [3, 1]},
        "data_prep_args": {
            "transformation_functions": ("np.log10",) if logged else (),
            "transformation_components": (logged,) if logged else (),
            "inverse_transformations": ("10**x",) if logged else (),
        },
        "mu_vals": torch.tensor([MEAN[name] for name in names], dtype=torch.float64),
        "std_vals": torch.tensor([STD[name] for name in names], dtype=torch.float64),
        "mu_names": names,
        "std_names": names,
        "component_names": {"stars": list(columns)},
        "cond_names": {"stars": [], "galaxy": list(context)},
        "loss_history": torch.tensor([9.0, 8.0, 7.5, 60.0], dtype=torch.float64),
        "was_saved": True,
    }


def typical_stars(saved, n=200, seed=1, scale=1.5):
    """Stars (star, feature) in the order of a checkpoint, some beyond the bound of the splines."""
    generator = torch.Generator().manual_seed(seed)
    d = saved["flow_hyper"]["dim_notcond"]
    normal = torch.randn(n, d, generator=generator, dtype=torch.float64)
    return saved["mu_vals"][:d] + scale * saved["std_vals"][:d] * normal


def to_noise(saved, stars, context):
    """Stars (star, feature) and one context (entry,), its mass logged, to noise and log det."""
    hyper, state = saved["flow_hyper"], {k: v.double() for k, v in saved["flow_dict"].items()}
    d = hyper["dim_notcond"]
    mean, std = saved["mu_vals"], saved["std_vals"]
    c = ((context - mean[d:]) / std[d:]).expand(len(stars), -1)
    x = (stars - mean[:d]) / std[:d]
    total = -std[:d].log().sum().expand(len(stars))
    for i in range(hyper["n_layers"]):
        of = f"layers.{2 * i}."
        lower = state[of + "L"].tril(-1) + torch.eye(d, dtype=torch.float64)
        upper = state[of + "U"].triu(1) + state[of + "S"].diag()
        x = x @ state[of + "P"] @ lower @ upper
        total = total + state[of + "S"].abs().log().sum()
        x, log_det = _couple(hyper, state, f"layers.{2 * i + 1}.", x, c)
        total = total + log_det
    return x, total


def _couple(hyper, state, of, x, c):
    d = x.shape[1]
    split = int(d * hyper.get("split", 0.5)) if hyper["CL"] == "NSF_CL" else d // 2
    low, high = x[:, :split], x[:, split:]
    kinds = ("",) if hyper["CL"] == "NSF_CL" else ("1", "2")
    total = torch.zeros(len(x), dtype=torch.float64)
    for kind in kinds:
        moved, by = (low, high) if kind == "2" else (high, low)
        raw = _net(hyper, state, f"{of}net_cond{kind}", c) * _net(
            hyper, state, f"{of}net{kind}", by
        )
        out, slopes = _spline(moved, raw.view(*moved.shape, -1), hyper["K"], float(hyper["B"]))
        total = total + slopes.log().sum(1)
        low, high = (out, high) if kind == "2" else (low, out)
    return torch.cat([low, high], 1), total


def _net(hyper, state, of, x):
    _, depth, slope = hyper["network_args"].tolist()
    for k in range(int(depth)):
        name = f"{of}.network.{2 * k}"
        x = leaky_relu(x @ state[f"{name}.weight"].T + state[f"{name}.bias"], slope)
    return x


def _spline(x, raw, bins, bound):
    """Durkan et al. (2019), equation 4, knot by knot; returns values and slopes."""
    out, slope = x.clone(), torch.ones_like(x)
    widths = 2 * bound * softmax(raw[..., :bins], -1)
    heights = 2 * bound * softmax(raw[..., bins : 2 * bins], -1)
    one = torch.ones_like(x)
    d = [one, *softplus(raw[..., 2 * bins :]).unbind(-1), one]
    left, below = -bound * one, -bound * one
    for k in range(bins):
        w, h = widths[..., k], heights[..., k]
        t, s = (x - left) / w, h / w
        denominator = s + (d[k + 1] + d[k] - 2 * s) * t * (1 - t)
        y = below + h * (s * t**2 + d[k] * t * (1 - t)) / denominator
        dy = s**2 * (d[k + 1] * t**2 + 2 * s * t * (1 - t) + d[k] * (1 - t) ** 2) / denominator**2
        here = (x >= left) & (x < left + w) & (x.abs() <= bound)
        out, slope = torch.where(here, y, out), torch.where(here, dy, slope)
        left, below = left + w, below + h
    return out, slope


def log_prob(saved, stars, context):
    """Log density of physical stars: that of the noise and the log determinant."""
    noise, log_det = to_noise(saved, stars, context)
    return torch.distributions.Normal(0.0, 1.0).log_prob(noise).sum(1) + log_det
