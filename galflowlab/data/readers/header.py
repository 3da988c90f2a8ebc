"""Headers of Gadget-like HDF5 snapshots: scale factor, cosmology, box and name of the run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py

from galflowlab.data.readers.ages import DEFAULTS, Cosmology
from galflowlab.data.readers.hdf5 import attribute, numbers, text

_STARS = 4  # the particle type


@dataclass(frozen=True)
class Header:
    """What the star particles need to know about their simulation."""

    simulation: str
    scale_factor: float
    redshift: float
    cosmology: Cosmology
    box: float | None  # side of the periodic box in the unit of the coordinates
    files: int  # over which the snapshot is spread
    stars: int | None  # in all of them


def read_header(path: Path, file: h5py.File) -> Header:
    """Read the group ``Header`` (and SWIFT's ``Cosmology``).

    Raises
    ------
    ValueError
        If it is missing, incomplete, impossible, or not that of a cosmological run.
    """
    header = file.get("Header")
    if not isinstance(header, h5py.Group):
        raise ValueError(f"{path}: missing group 'Header' with scale factor and cosmology")
    redshift = attribute(path, header, "Redshift")
    if not -0.5 < redshift < 100:
        raise ValueError(f"{path}: Header 'Redshift' is {redshift}; expected 0 to 100")
    _check_cosmological(path, file, header)
    simulation = text(header, "RunLabel", "SimulationName", "RunName")
    return Header(
        simulation=simulation or "unknown",
        scale_factor=1.0 / (1.0 + redshift),
        redshift=redshift,
        cosmology=_cosmology(path, file, simulation),
        box=attribute(path, header, "BoxSize") if "BoxSize" in header.attrs else None,
        files=_files(path, header),
        stars=_stars(path, header),
    )


def _check_cosmological(path: Path, file: h5py.File, header: h5py.Group) -> None:
    """In other runs, formation times are times."""
    flags = (header, "ComovingIntegrationOn"), (file.get("Cosmology"), "Cosmological run")
    for item, key in flags:
        if isinstance(item, h5py.Group) and key in item.attrs and not attribute(path, item, key):
            raise ValueError(
                f"{path}: {key!r} is 0; expected a cosmological run, whose formation times are "
                "scale factors, or a map of columns (see read)"
            )


def _cosmology(path: Path, file: h5py.File, simulation: str) -> Cosmology:
    header, swift = file["Header"], file.get("Cosmology")
    keys: tuple[tuple[str, ...], ...]
    if isinstance(swift, h5py.Group) and "Omega_m" in swift.attrs:
        item, keys = swift, (("h",), ("Omega_m",), ("Omega_lambda",))
    elif {"Omega0", "Omega_Matter"} & set(header.attrs):
        item, keys = (
            header,
            (
                ("HubbleParam",),
                ("Omega0", "Omega_Matter"),  # Gizmo has both spellings
                ("OmegaLambda", "Omega_Lambda"),
            ),
        )
    else:
        for name, cosmology in DEFAULTS.items():
            if simulation.lower().startswith(name):
                return cosmology
        raise ValueError(
            f"{path}: Header lacks the attribute 'Omega0' and {simulation or 'the run'!r} is not "
            f"one of {', '.join(DEFAULTS)}; ages cannot be computed"
        )
    h, omega_m, omega_l = (attribute(path, item, *key) for key in keys)
    cosmology = Cosmology(h, omega_m, omega_l, "header")
    if not cosmology.likely:
        raise ValueError(f"{path}: unlikely cosmology {cosmology}")
    return cosmology


def _files(path: Path, header: h5py.Group) -> int:
    key = "NumFilesPerSnapshot"
    count = attribute(path, header, key) if key in header.attrs else 1.0
    if not (count >= 1 and count.is_integer()):
        raise ValueError(f"{path}: Header {key!r} is {count}; expected a positive whole number")
    return int(count)


def _stars(path: Path, header: h5py.Group) -> int | None:
    low, high = "NumPart_Total", "NumPart_Total_HighWord"
    if low not in header.attrs:
        return None
    counts = [numbers(path, header, key) for key in (low, high) if key in header.attrs]
    if any(len(count) <= _STARS for count in counts):
        return None
    total = sum(float(count[_STARS]) * 2.0 ** (32 * i) for i, count in enumerate(counts))
    return int(total) if 0 <= total < 2.0**63 else None
