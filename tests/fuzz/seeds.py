"""Whole files of every kind that users hand over, small ones, to be damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import galflowlab
from galflowlab import mocks
from galflowlab.data import manifest
from galflowlab.data.readers.nihao import ROWS
from galflowlab.galaxy import Galaxy
from galflowlab.store import StarStore, write_store
from galflowlab.store.streaming import Shuffled
from tests import published
from tests.readers import simulated

Opener = Callable[[Path], object]
_MANIFESTS = Path(__file__).parents[2] / "data_manifests"


def write_seeds(folder: Path) -> list[Path]:
    """Write one whole file of every kind."""
    galaxy = mocks.make_suite(1, 60, seed=1)[0]
    files = [galaxy.write(folder / f"own{end}") for end in (".hdf5", ".fits", ".parquet", ".ecsv")]
    files += [_npy(galaxy, folder), _npz(galaxy, folder), _mapped(galaxy, folder)]
    for name, write in (
        ("tng.hdf5", simulated.write_tng_snapshot),
        ("gizmo.hdf5", simulated.write_gizmo),
        ("swift.hdf5", simulated.write_swift),
    ):
        write(folder / name)
        files.append(folder / name)
    files += [_model(folder), _published(folder), _manifest(folder)]
    return [*files, *_store(galaxy, folder)]


def opener_of(path: Path) -> Opener:
    """What a user opens such a file with."""
    if path.name.startswith("model") or path.name.startswith("published"):
        return _open_model
    if path.name.startswith("manifest"):
        return manifest
    if path.parent.name == "store":
        return _open_store
    if path.name == "columns.toml":
        return lambda file: galflowlab.read(file.parent / "mapped.csv", columns=file)
    return galflowlab.read


def _open_model(path: Path) -> None:
    edf = galflowlab.load(path)
    stars = edf.freeze({}, n=4, seed=1).arrays()
    for name, values in stars.items():
        assert not np.isnan(values).any(), f"NaN in {name}"


def _open_store(path: Path) -> None:
    store = StarStore(path.parent)
    training, held = store.split(0.1, np.random.default_rng(1))
    for block in Shuffled(training, seed=1).epoch(0):
        assert len(block.stars)
    assert held.n_stars


def _npy(galaxy: Galaxy, folder: Path) -> Path:
    path = folder / "galaxy_g1.05e11_109636618947.82254.npy"
    np.save(path, np.array([galaxy.stars[row].value for row in ROWS]))
    return path


def _npz(galaxy: Galaxy, folder: Path) -> Path:
    path = folder / "galaxy.npz"
    names = {"metallicity": "Z", "fe_h": "feh", "o_fe": "ofe"}
    np.savez_compressed(
        path, **{names.get(c, c): galaxy.stars[c].value for c in galaxy.stars.colnames}
    )
    return path


def _mapped(galaxy: Galaxy, folder: Path) -> Path:
    """A plain table and the map of its columns; it is the map that is damaged."""
    names = [c for c in galaxy.stars.colnames if c != "o_fe"]
    rows = [",".join(f"c_{c}" for c in names)]
    rows += [",".join(str(float(row[c].value)) for c in names) for row in galaxy.stars]
    (folder / "mapped.csv").write_text("\n".join(rows) + "\n")
    units = {c: galaxy.stars[c].unit.to_string() for c in names}
    entries = [f'{c} = {{ name = "c_{c}", unit = "{units[c]}" }}' for c in names]
    path = folder / "columns.toml"
    path.write_text("[columns]\n" + "\n".join(entries) + "\n")
    return path


def _model(folder: Path) -> Path:
    galaxies = mocks.make_suite(2, 80, seed=2)
    edf = galflowlab.fit(galaxies, seed=1, stars_seen=64, batch=32, progress=False)
    return edf.save(folder / "model.safetensors")


def _published(folder: Path) -> Path:
    path = folder / "published.pth"
    torch.save(published.checkpoint(n_layers=1, hidden=4, depth=2), path)
    return path


def _manifest(folder: Path) -> Path:
    path = folder / "manifest.toml"
    path.write_bytes((_MANIFESTS / "nihao.toml").read_bytes())
    return path


def _store(galaxy: Galaxy, folder: Path) -> list[Path]:
    store = write_store([galaxy], folder / "store", seed=1)
    assert json.loads((store.path / "store.json").read_text())
    return sorted(store.path.iterdir())
