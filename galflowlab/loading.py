"""EDFs from files, and those that come with the package."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from galflowlab.checkpoint import read_tensors
from galflowlab.edf import EDF, KIND
from galflowlab.files import one_line
from galflowlab.flow.architectures import saved_architecture
from galflowlab.flow.model import FlowModel
from galflowlab.flow.symmetric import SymmetricModel
from galflowlab.galacticflow import is_torch_file, load_galacticflow
from galflowlab.population import Population
from galflowlab.schema import CONTEXT, EDF_COLUMNS


def load(name_or_path: str | Path) -> EDF:
    """Load an eDF: an embedded model by name, what `EDF.save` wrote, or a GalacticFlow model.

    Raises
    ------
    FileNotFoundError
        If it is none of these.
    ValueError
        If the file is not an eDF of ours, nor a model that `load_galacticflow` can read.

    Examples
    --------
    >>> import galflowlab
    >>> edf = galflowlab.load("mock")
    >>> edf.context_names
    ('log10_mstar', 'age_p50', 'age_p10', 'mean_metallicity')
    """
    path = Path(name_or_path)
    if not path.is_file():
        embedded = embedded_models()
        if str(name_or_path) not in embedded:
            raise FileNotFoundError(
                f"{name_or_path}: neither a file nor one of the embedded models {sorted(embedded)}"
            )
        path = embedded[str(name_or_path)]
    edf = load_galacticflow(path) if is_torch_file(path) else _load_saved(path)
    edf.source = str(name_or_path)
    return edf


def _load_saved(path: Path) -> EDF:
    tensors, header = read_tensors(path, KIND)
    try:
        population = tensors.pop("population")
        columns = tuple(str(name) for name in header["columns"])
        context_names = tuple(str(name) for name in header["context_names"])
        preset, card = str(header["preset"]), dict(header["card"])
    except KeyError as error:
        raise ValueError(f"{path}: the file lacks {error}") from error
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: the header is not that of an eDF ({error})") from error
    if [c for c in EDF_COLUMNS if c in columns] != list(columns):
        raise ValueError(f"{path}: expected columns from {EDF_COLUMNS} in order, got {columns}")
    if not set(context_names) <= set(CONTEXT) or len(set(context_names)) < len(context_names):
        raise ValueError(f"{path}: expected distinct context names of {tuple(CONTEXT)}")
    kind = SymmetricModel if header.get("symmetric") else FlowModel
    try:
        architecture = saved_architecture(preset, header.get("hyper", {}))
        model = kind.from_tensors(architecture, columns, context_names, tensors)
        known = Population(
            context_names, population.numpy(), stand_ins=bool(header.get("stand_ins", False))
        )
    except (ValueError, TypeError) as error:  # numpy has no bfloat16
        raise ValueError(f"{path}: {one_line(error)}") from error
    return EDF(model, known, card)


def embedded_models() -> dict[str, Path]:
    """Return the files of the models that come with the package, by name."""
    folder = Path(str(resources.files("galflowlab") / "pretrained"))
    return {p.stem: p for p in folder.glob("*.safetensors")}
