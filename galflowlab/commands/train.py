"""What `galflowlab train` does."""

from __future__ import annotations

import argparse
from pathlib import Path

import galflowlab
from galflowlab.commands.inputs import require_folder
from galflowlab.commands.options import add_preset, count


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
    add_preset(p)
    p.add_argument(
        "--seed", type=int, default=1, help="of weights and order of stars, default %(default)s"
    )
    p.add_argument(
        "--stars-seen", type=count, help="budget, repeats counted; default 4e6, 3e8 for paper"
    )
    p.add_argument("--batch", type=count, help="stars per step, default 1024")
    p.add_argument("--learning-rate", type=float, help="its peak, default 5e-3, 9e-5 for paper")
    p.add_argument(
        "--weight-decay",
        type=float,
        help="default 1e-4, 0 for paper; about 1 for few thousand stars",
    )
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
    from galflowlab.processes import Processes

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


def _training_data(
    arguments: argparse.Namespace,
) -> list[galflowlab.Galaxy] | galflowlab.store.StarStore:
    stores = [path for path in arguments.data if galflowlab.store.is_store(path)]
    if not stores:
        step = galflowlab.prepare if arguments.prepare else None
        return list(galflowlab.data.read_all(arguments.data, prepare=step))
    if len(arguments.data) > 1 or arguments.prepare:
        raise ValueError(f"{stores[0]}: a store is trained on alone, prepared as it is")
    return galflowlab.store.StarStore(stores[0])
