"""What `galflowlab train` does."""

from __future__ import annotations

import argparse
from pathlib import Path

import galflowlab
from galflowlab import data
from galflowlab.commands.inputs import count, require_folder
from galflowlab.flow.architectures import PRESETS
from galflowlab.galaxy import Galaxy
from galflowlab.processes import Processes
from galflowlab.store import StarStore, is_store


def add_to(sub: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    p = sub.add_parser(
        "train",
        help="learn an eDF from galaxies; run again to resume",
        description="Learn an eDF from galaxies or a store. Interrupted or killed, the same "
        "command goes on where the last checkpoint was. On several processes: torchrun "
        "--nproc-per-node N -m galflowlab.cli train …",
    )
    p.add_argument("data", nargs="+", help="galaxy files, folders, patterns; or one store")
    p.add_argument("-o", "--output", type=Path, required=True, help="model.safetensors")
    p.add_argument("--preset", choices=sorted(PRESETS), default="live")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--stars-seen", type=count, help="budget; 4e6 unless the preset has its own")
    p.add_argument("--batch", type=count, help="stars per step; that of the preset")
    p.add_argument("--learning-rate", type=float, help="its peak; that of the preset")
    p.add_argument("--weight-decay", type=float, help="about 1 for few thousand stars")
    p.add_argument("--symmetric", action="store_true", help="about the axis and the plane, exactly")
    p.add_argument(
        "--compiled", action="store_true", help="compile the steps: twice as fast, needs g++"
    )
    p.add_argument(
        "--prepare", action="store_true", help="centre, align and clean the galaxies first"
    )
    p.add_argument("--log", type=Path, help="CSV file of losses, learning rate and time")
    p.add_argument("--quiet", action="store_true", help="no progress bar")
    p.set_defaults(run=train)


def train(arguments: argparse.Namespace) -> None:
    """Train on galaxy files or a store; an interrupted training resumes when run again."""
    output = arguments.output
    if output.suffix != ".safetensors":
        raise ValueError(f"{output}: a model is written as .safetensors")
    for path in (output, *([arguments.log] if arguments.log else [])):
        require_folder(path)
    checkpoint = output.with_suffix(".partial.safetensors")
    if output.exists() and not checkpoint.exists():
        raise FileExistsError(f"{output}: trained already; remove it or choose another name")
    edf = galflowlab.fit(
        _training_data(arguments),
        preset=arguments.preset,
        seed=arguments.seed,
        stars_seen=arguments.stars_seen,
        batch=arguments.batch,
        learning_rate=arguments.learning_rate,
        weight_decay=arguments.weight_decay,
        symmetric=arguments.symmetric,
        checkpoint=checkpoint,
        log=arguments.log,
        progress=not arguments.quiet,
        compiled=arguments.compiled,
    )
    if not Processes.from_environment().first:
        return
    edf.save(output)
    checkpoint.unlink(missing_ok=True)
    training = edf.card["training"]
    print(
        f"{output}: {training['galaxies']} galaxies, {training['stars_seen']:.3g} stars seen, "
        f"held-out NLL {training['held_out_nll']:.3f} nats per star"
    )


def _training_data(arguments: argparse.Namespace) -> list[Galaxy] | StarStore:
    stores = [path for path in arguments.data if is_store(path)]
    if not stores:
        step = data.prepare if arguments.prepare else None
        return list(data.read_all(arguments.data, prepare=step))
    if len(arguments.data) > 1 or arguments.prepare:
        raise ValueError(f"{stores[0]}: a store is trained on alone, prepared as it is")
    return StarStore(stores[0])
