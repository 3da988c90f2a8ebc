"""What a published checkpoint says, checked: architecture, columns, scales and weights.

The format is that of GalacticFlow's public code: a dictionary with the hyper-parameters of the
flow, its state, and the means and standard deviations of stars and contexts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from galflowlab.flow.published import DOUBLE, SLOPE, PublishedArchitecture
from galflowlab.galacticflow.values import is_plain, mapping, number, strings, whole

COLUMNS = {
    "x": "x",
    "y": "y",
    "z": "z",
    "vx": "vx",
    "vy": "vy",
    "vz": "vz",
    "Z": "metallicity",
    "feh": "fe_h",
    "ofe": "o_fe",
    "age": "age",
}
"""Our columns by their published names; units are the same."""

CONTEXT = {
    "M_stars": "log10_mstar",
    "tau50": "age_p50",
    "tau10": "age_p10",
    "Z_av": "mean_metallicity",
}
"""Our context entries by their published names; of the stellar mass the logarithm is learned."""

_NEEDED = (
    "flow_hyper",
    "flow_dict",
    "mu_vals",
    "std_vals",
    "mu_names",
    "std_names",
    "component_names",
    "cond_names",
    "data_prep_args",
)
_HYPER = frozenset(
    ("n_layers", "dim_notcond", "dim_cond", "CL", "K", "B", "split", "network", "network_args")
)
_KINDS = {"flow": "NSFlow", "processor": "Processor_cond"}
_NET_DEFAULTS = (16, 4, SLOPE)  # width, weight matrices, slope: of the published code


@dataclass(frozen=True)
class Checkpoint:
    """A published model, in our names but still in its own order.

    Parameters
    ----------
    architecture
        Of its flow.
    columns, context_names
        In the order in which the flow has them.
    star_mean, star_std, context_mean, context_std
        Of all training stars together, float64: shapes (feature,) and (context,). Context and
        its spread therefore count every galaxy as often as it has stars; the mass by its log10.
    weights
        State of the flow by its published names, all of one floating type.
    """

    architecture: PublishedArchitecture
    columns: tuple[str, ...]
    context_names: tuple[str, ...]
    star_mean: Tensor
    star_std: Tensor
    context_mean: Tensor
    context_std: Tensor
    weights: dict[str, Tensor]

    @property
    def scales(self) -> dict[str, list[float]]:
        """Mean and standard deviation of each column and context entry, by name."""
        mean = torch.cat([self.star_mean, self.context_mean]).tolist()
        std = torch.cat([self.star_std, self.context_std]).tolist()
        names = self.columns + self.context_names
        return {name: list(of) for name, *of in zip(names, mean, std, strict=True)}

    @classmethod
    def of(cls, content: Any) -> Checkpoint:
        """Check what a file holds; raises ValueError with the reason why it is no such model."""
        if not isinstance(content, Mapping):
            raise ValueError(f"expected a dictionary, got {type(content).__name__}")
        if missing := [key for key in _NEEDED if key not in content]:
            raise ValueError(f"not a checkpoint of GalacticFlow, it lacks {missing}")
        for key, known in _KINDS.items():
            if (kind := content.get(key, known)) != known:
                raise ValueError(f"expected a {key} of kind {known!r}, got {kind!r:.80}")
        stars, contexts = _names(content)
        hyper = mapping(content, "flow_hyper")
        for key, names in (("dim_notcond", stars), ("dim_cond", contexts)):
            if whole(hyper.get(key), key) != len(names):
                raise ValueError(f"expected {key} of {len(names)} for {names}, got {hyper[key]}")
        _check_transformations(mapping(content, "data_prep_args"), contexts)
        mean, std = _scales(content, "mu"), _scales(content, "std")
        architecture = _architecture(hyper)
        if architecture.coupling == DOUBLE and len(stars) % 2:
            raise ValueError(f"{DOUBLE} splits an even number of columns, got {len(stars)}")
        shapes = architecture.published_shapes(len(stars), len(contexts))
        return cls(
            architecture=architecture,
            columns=tuple(COLUMNS[name] for name in stars),
            context_names=tuple(CONTEXT[name] for name in contexts),
            star_mean=_picked(mean, stars),
            star_std=_picked(std, stars),
            context_mean=_picked(mean, contexts),
            context_std=_picked(std, contexts),
            weights=_weights(mapping(content, "flow_dict"), shapes),
        )


def _names(content: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Published names of star columns and of context entries, in the order of the flow."""
    components = strings(mapping(content, "component_names").get("stars"), "component_names")
    conditions = mapping(content, "cond_names")
    if given := strings(conditions.get("stars", []), "cond_names"):
        raise ValueError(f"expected a density of all columns, this one is given those of {given}")
    contexts = strings(conditions.get("galaxy"), "cond_names")
    for names, known, what in ((components, COLUMNS, "column"), (contexts, CONTEXT, "context")):
        if unknown := [name for name in names if name not in known]:
            raise ValueError(f"unknown {what} {unknown}; known are {list(known)}")
        if not names or len(set(names)) < len(names):
            raise ValueError(f"expected at least one {what} and none twice, got {names}")
    return components, contexts


def _check_transformations(arguments: Mapping[str, Any], contexts: list[str]) -> None:
    """The one transformation that our names can stand for: log10 of the stellar mass."""
    functions = strings(arguments.get("transformation_functions"), "transformation_functions")
    components = arguments.get("transformation_components")
    if not isinstance(components, (list, tuple)):
        raise ValueError("expected transformation_components as lists of names")
    found = list(
        zip(functions, [strings(c, "transformation_components") for c in components], strict=False)
    )
    expected = [("np.log10", ["M_stars"])] if "M_stars" in contexts else []
    if len(functions) != len(components) or found != expected:
        raise ValueError(
            f"expected {expected or 'nothing'} among the transformations of {contexts}, as our "
            f"names have it, got {functions!r:.100} of {components!r:.100}"
        )


def _architecture(hyper: Mapping[str, Any]) -> PublishedArchitecture:
    if unknown := sorted(set(hyper) - _HYPER):
        raise ValueError(f"unknown hyper-parameters {unknown!r:.100}; known are {sorted(_HYPER)}")
    if (network := hyper.get("network", "MLP")) != "MLP":
        raise ValueError(f"expected a network of kind 'MLP', got {network!r:.80}")
    given = hyper.get("network_args", ())
    if isinstance(given, Tensor):
        given = given.tolist()  # a number, if it has no dimension
    if not isinstance(given, (list, tuple)):
        raise ValueError(f"expected network_args as a list of numbers, got {given!r:.80}")
    if len(given) > len(_NET_DEFAULTS):
        raise ValueError(f"expected network_args (width, layers, slope), got {len(given)} numbers")
    hidden, depth, slope = tuple(given) + _NET_DEFAULTS[len(given) :]
    return PublishedArchitecture(
        coupling=str(hyper.get("CL")),
        n_layers=whole(hyper.get("n_layers"), "n_layers"),
        hidden=whole(hidden, "width of the networks"),
        depth=whole(depth, "number of layers of the networks"),
        bins=whole(hyper.get("K", 8), "K"),
        bound=number(hyper.get("B", 3), "B"),
        slope=number(slope, "slope of the networks"),
        split=number(hyper.get("split", 0.5), "split"),
    )


def _scales(content: Mapping[str, Any], what: str) -> dict[str, Tensor]:
    names, values = strings(content[f"{what}_names"], f"{what}_names"), content[f"{what}_vals"]
    if not is_plain(values) or values.shape != (len(names),):
        raise ValueError(f"expected {what}_vals as {len(names)} numbers, one for each name")
    finite = values.detach().to(torch.float64)
    if not torch.isfinite(finite).all() or (what == "std" and not (finite > 0).all()):
        above = " above zero" if what == "std" else ""
        raise ValueError(f"expected finite {what}_vals{above}, got {finite.tolist()!r:.200}")
    return dict(zip(names, finite, strict=True))


def _picked(table: Mapping[str, Tensor], names: list[str]) -> Tensor:
    if missing := [name for name in names if name not in table]:
        raise ValueError(f"mu_names and std_names lack {missing}")
    return torch.stack([table[name] for name in names])


def _weights(state: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    odd = [name for name in (*shapes, *state) if (name in shapes) != (name in state)]
    if odd:
        raise ValueError(
            f"weights that do not fit flow_hyper: {len(odd)} missing or too many, such as {odd[0]}"
        )
    weights: dict[str, Tensor] = {}
    for name, shape in shapes.items():
        weight = state[name]
        if not is_plain(weight) or tuple(weight.shape) != shape:
            got = tuple(weight.shape) if isinstance(weight, Tensor) else type(weight).__name__
            dtype = f" of {weight.dtype}" if isinstance(weight, Tensor) else ""
            raise ValueError(
                f"{name}: expected weights of shape {shape}, single or double precision, got "
                f"{got}{dtype}"
            )
        if not torch.isfinite(weight).all():
            raise ValueError(f"{name}: weights that are not finite")
        if name.endswith(".S") and not (weight.abs() > 0).all():
            raise ValueError(f"{name}: zeros on the diagonal, a matrix that has no inverse")
        if name.endswith(".P") and not _is_permutation(weight):
            raise ValueError(f"{name}: expected a permutation matrix")
        weights[name] = weight.detach()
    if len(kinds := {weight.dtype for weight in weights.values()}) > 1:
        raise ValueError(f"expected weights of one floating type, got {sorted(map(str, kinds))}")
    return weights


def _is_permutation(matrix: Tensor) -> bool:
    ones = ((matrix == 0) | (matrix == 1)).all()
    return bool(ones and (matrix.sum(0) == 1).all() and (matrix.sum(1) == 1).all())
