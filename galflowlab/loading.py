"""EDFs from files, and those that come with the package."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from galflowlab.checkpoint import read_tensors
from galflowlab.edf import EDF, KIND
from galflowlab.flow.model import FlowModel
from galflowlab.flow.symmetric import SymmetricModel
from galflowlab.population import Population
from galflowlab.schema import EDF_COLUMNS


def load(name_or_path: str | Path) -> EDF:
    """Load an eDF: the name of an embedded model, or a file that `EDF.save` wrote.

    Raises
    ------
    FileNotFoundError
        If it is neither.
    ValueError
        If the file is not an eDF of ours.
    """
    path = Path(name_or_path)
    if not path.is_file():
        embedded = embedded_models()
        if str(name_or_path) not in embedded:
            raise FileNotFoundError(
                f"{name_or_path}: neither a file nor one of the embedded models {sorted(embedded)}"
            )
        path = embedded[str(name_or_path)]
    tensors, header = read_tensors(path, KIND)
    try:
        population = tensors.pop("population")
        columns = tuple(str(name) for name in header["columns"])
        context_names = tuple(str(name) for name in header["context_names"])
        preset, card = str(header["preset"]), dict(header["card"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path}: the header lacks {error}") from error
    if [c for c in EDF_COLUMNS if c in columns] != list(columns):
        raise ValueError(f"{path}: expected columns from {EDF_COLUMNS} in order, got {columns}")
    kind = SymmetricModel if header.get("symmetric") else FlowModel
    model = kind.from_tensors(preset, columns, context_names, tensors)
    edf = EDF(model, Population(context_names, population.numpy()), card)
    edf.source = str(name_or_path)
    return edf


def embedded_models() -> dict[str, Path]:
    """Return the files of the models that come with the package, by name."""
    folder = Path(str(resources.files("galflowlab") / "pretrained"))
    return {p.stem: p for p in folder.glob("*.safetensors")}
