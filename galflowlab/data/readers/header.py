"""Headers of Gadget-like HDF5 snapshots: scale factor, cosmology, box and name of the run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from galflowlab.data.readers.ages import DEFAULTS, Cosmology


@dataclass(frozen=True)
class Header:
    """What the star particles need to know about their simulation."""

    simulation: str
    scale_factor: float
    redshift: float
    cosmology: Cosmology
    box: float | None  # side of the periodic box in the unit of the coordinates


def attribute(path: Path, item: h5py.HLObject, *keys: str) -> float:
    """Return the first of the attributes `keys` that is there, as one number."""
    for key in keys:
        if key in item.attrs:
            try:
                values = np.asarray(item.attrs[key], dtype=np.float64).ravel()
            except (TypeError, ValueError, OSError) as error:
                raise ValueError(f"{path}: {item.name} {key!r} is not a number") from error
            if values.size and np.all(values == values[0]) and np.isfinite(values[0]):
                return float(values[0])
            raise ValueError(f"{path}: {item.name} {key!r} should be one number, got {values}")
    raise ValueError(f"{path}: {item.name} lacks the attribute {' or '.join(map(repr, keys))}")


def read_header(path: Path, file: h5py.File) -> Header:
    """Read the group ``Header`` (and SWIFT's ``Cosmology``)."""
    header = file.get("Header")
    if not isinstance(header, h5py.Group):
        raise ValueError(f"{path}: missing group 'Header' with scale factor and cosmology")
    redshift = attribute(path, header, "Redshift")
    if not -0.5 < redshift < 100:
        raise ValueError(f"{path}: Header 'Redshift' is {redshift}; expected 0 to 100")
    box = attribute(path, header, "BoxSize") if "BoxSize" in header.attrs else None
    simulation = _text(header, "RunLabel")
    return Header(
        simulation=simulation or "unknown",
        scale_factor=1.0 / (1.0 + redshift),
        redshift=redshift,
        cosmology=_cosmology(path, file, simulation),
        box=box,
    )


def _cosmology(path: Path, file: h5py.File, simulation: str) -> Cosmology:
    header, swift = file["Header"], file.get("Cosmology")
    if isinstance(swift, h5py.Group) and "Omega_m" in swift.attrs:
        keys = ("h",), ("Omega_m",), ("Omega_lambda",)
        h, omega_m, omega_l = (attribute(path, swift, *key) for key in keys)
    elif "Omega0" in header.attrs:
        keys = ("HubbleParam",), ("Omega0",), ("OmegaLambda",)
        h, omega_m, omega_l = (attribute(path, header, *key) for key in keys)
    else:
        for name, cosmology in DEFAULTS.items():
            if simulation.lower().startswith(name):
                return cosmology
        raise ValueError(
            f"{path}: Header lacks the attribute 'Omega0' and {simulation or 'the run'!r} is not "
            f"one of {', '.join(DEFAULTS)}; ages cannot be computed"
        )
    if not (0.1 < h < 2 and 0 < omega_m < 2 and 0 <= omega_l < 2):
        raise ValueError(f"{path}: unlikely cosmology h={h}, Omega_m={omega_m}, Omega_L={omega_l}")
    return Cosmology(h, omega_m, omega_l, "header")


def _text(item: h5py.HLObject, key: str) -> str:
    """Return a text attribute, empty if it is not there."""
    if key not in item.attrs:
        return ""
    value = np.asarray(item.attrs[key]).ravel()[0]
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.strip().strip('"').strip()
