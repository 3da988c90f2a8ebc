"""A published checkpoint as an EDF."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from galflowlab._version import __version__
from galflowlab.edf import EDF
from galflowlab.flow.coordinates import standardised_context, standardised_stars
from galflowlab.flow.model import FlowModel
from galflowlab.galacticflow.card import plain, training_of
from galflowlab.galacticflow.checkpoint import Checkpoint
from galflowlab.galacticflow.contexts import NUMBER, stand_ins
from galflowlab.galacticflow.torch_file import read_torch_file
from galflowlab.population import Population
from galflowlab.schema import edf_columns

_OF_THE_FILE = (
    "flow",
    "flow_hyper",
    "processor",
    "processor_args",
    "processor_data",
    "processor_clean",
    "subset_params",
    "data_prep_args",
)
SUPPORT = (
    "The contexts of the training galaxies are not in the file, only their mean and spread, in "
    f"which every galaxy counts as often as it has stars. {NUMBER} contexts spread as these say, "
    "each entry by itself, stand for them: ranges and support are rough, and what is typical at "
    "a mass is not known."
)


def load_galacticflow(path: str | Path) -> EDF:
    """Load a published GalacticFlow model (Wolf & Buck 2023, arXiv:2312.06017).

    Parameters
    ----------
    path
        A file that GalacticFlow's code saved, such as those of Zenodo 10.5281/zenodo.8389554.

    Returns
    -------
    EDF
        With columns and context of ours. Its `log_prob` is normalised in physical units, which
        that of the published code is not (it also divides by the spread of the context).

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is not such a model, is damaged, could run code (none is run), or has columns,
        context or transformations that have no meaning here; the message says which.
    """
    path = Path(path)
    content = read_torch_file(path)
    try:
        checkpoint = Checkpoint.of(content)
        mean, std = checkpoint.context_mean, checkpoint.context_std
        contexts = stand_ins(checkpoint.context_names, mean.numpy(), std.numpy())
        model, population = (
            _model(checkpoint),
            Population(checkpoint.context_names, contexts, stand_ins=True),
        )
        _require_finite(model, torch.from_numpy(contexts))
        edf = EDF(model, population, _card(path, content, checkpoint, population))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    edf.source = str(path)
    return edf


def _model(checkpoint: Checkpoint) -> FlowModel:
    names, columns = checkpoint.context_names, edf_columns(checkpoint.columns)
    order = [checkpoint.columns.index(name) for name in columns]
    context = standardised_context(names, checkpoint.context_mean, checkpoint.context_std)
    stars = standardised_stars(
        columns, checkpoint.star_mean[order], checkpoint.star_std[order], contexts=len(names)
    )
    model = FlowModel(checkpoint.architecture, context, stars)
    state = model.flow.state_dict()
    for name, weight in _in_order(checkpoint.weights, order).items():
        state[checkpoint.architecture.our_name(name)] = weight
    model.flow.to(next(iter(checkpoint.weights.values())).dtype)
    model.flow.load_state_dict(state)
    return model


def _require_finite(model: FlowModel, contexts: Tensor) -> None:
    """Refuse finite weights that are so large, or scales so wide, that no star is finite."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(len(contexts), len(model.columns), generator=generator)
    with torch.inference_mode():
        stars = model.inverse(noise, contexts)
    if not torch.isfinite(stars.to(torch.float32)).all():
        raise ValueError("weights or scales so extreme that the stars drawn are not finite")


def _in_order(weights: Mapping[str, Tensor], order: list[int]) -> dict[str, Tensor]:
    """Weights of the same flow for columns in another order: the first permutation takes it up."""
    first = "layers.0.P"
    return {**weights, first: weights[first][order]}


def _card(
    path: Path, content: Mapping[str, Any], checkpoint: Checkpoint, population: Population
) -> dict[str, Any]:
    training = training_of(content.get("loss_history"))
    return {
        "galflowlab": __version__,
        "source": {
            "kind": "GalacticFlow checkpoint (Wolf & Buck 2023, arXiv:2312.06017)",
            "file": path.name,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "licence": "unknown: the file states none",
        },
        "checkpoint": {key: plain(content[key]) for key in _OF_THE_FILE if key in content},
        "training": {**training, "scales": checkpoint.scales},
        "context_range": {name: list(population.range(name)) for name in population.names},
        "support": SUPPORT,
    }
