"""What `galflowlab convert` does."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import galflowlab
from galflowlab.commands.inputs import require_folder
from galflowlab.files import replacing

_STARS = 1000


def add_to(subparsers: argparse._SubParsersAction) -> None:
    """Add the command to a parser."""
    p = subparsers.add_parser(
        "convert", help="make a published GalacticFlow model a file of ours, which runs nothing"
    )
    p.add_argument("model", type=Path, help="model.pth")
    p.add_argument("output", type=Path, help="model.safetensors")
    p.set_defaults(run=convert)


def convert(arguments: argparse.Namespace) -> None:
    """Write the model anew; the file takes its place once it has been read back and compared."""
    model, output = arguments.model, arguments.output
    if output.suffix != ".safetensors":
        raise ValueError(f"{output}: a model is written as .safetensors")
    require_folder(output)
    if not model.is_file():
        raise FileNotFoundError(f"{model}: no such file")
    if model.suffix == ".safetensors" and not galflowlab.galacticflow.is_torch_file(model):
        galflowlab.load(model)
        raise ValueError(f"{model}: is a file of ours already; there is nothing to convert")
    edf = galflowlab.galacticflow.load_galacticflow(model)
    with replacing(output) as partial:
        edf.save(partial)
        _require_same(edf, galflowlab.load(partial))
    print(
        f"{output}: {edf.n_parameters} parameters, "
        f"columns {', '.join(edf.columns)}, {edf.population.describe()}"
    )


def _require_same(edf: galflowlab.EDF, written: galflowlab.EDF) -> None:
    """Raise OSError unless what was written has the same stars, densities and card."""
    stars = edf.freeze({}, n=_STARS, seed=1).arrays()
    again = written.freeze({}, n=_STARS, seed=1).arrays()
    same = edf.card == written.card and stars.keys() == again.keys()
    same = same and all(np.array_equal(stars[name], again[name]) for name in stars)
    if not (same and np.array_equal(edf.log_prob(stars, {}), written.log_prob(again, {}))):
        raise OSError("what was written is not what was read; nothing is kept")
