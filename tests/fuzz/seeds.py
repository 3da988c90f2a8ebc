"""Whole files of every kind that users hand over, small ones, to be damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

import galflowlab
from galflowlab import mocks
from galflowlab.data import manifest
from galflowlab.data.fetching.lock import pin, read_pinned
from galflowlab.data.readers.nihao import ROWS
from galflowlab.galaxy import Galaxy
from galflowlab.store import StarStore, write_store
from galflowlab.store.streaming import Shuffled
from tests import published
from tests.readers import simulated

Opener = Callable[[Path], object]
_RECIPE: dict[str, Any] = {"seed": 1, "stars_seen": 64, "batch": 32}
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
    files += [_votable(galaxy, folder), _model(folder), _training(folder), _published(folder)]
    files += [_manifest(folder), _lock(folder)]
    return [*files, *_store(galaxy, folder)]


def opener_of(path: Path) -> Opener:
    """What a user opens such a file with."""
    if path.name.startswith("model") or path.name.startswith("published"):
        return _open_model
    if path.name.startswith("manifest"):
        return manifest
    if path.parent.name == "store":
        return _open_store
    if path.name.startswith("training"):
        return _open_training
    if path.name.startswith("lock"):
        return read_pinned
    if path.suffix == ".vot":
        return lambda file: galflowlab.read(file, columns=path.with_name("votable.toml"))
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


def _open_training(path: Path) -> None:
    """Go on with a training, in a copy, as it writes there."""
    state = path.with_name("state.safetensors")
    state.write_bytes(path.read_bytes())
    galflowlab.fit(_two_galaxies(), **_RECIPE, progress=False, checkpoint=state)


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
    names = _names(galaxy)
    rows = [",".join(f"c_{c}" for c in names)]
    rows += [",".join(str(float(row[c].value)) for c in names) for row in galaxy.stars]
    (folder / "mapped.csv").write_text("\n".join(rows) + "\n")
    units = {c: galaxy.stars[c].unit.to_string() for c in names}
    entries = [f'{c} = {{ name = "c_{c}", unit = "{units[c]}" }}' for c in names]
    path = folder / "columns.toml"
    path.write_text("[columns]\n" + "\n".join(entries) + "\n")
    return path


def _votable(galaxy: Galaxy, folder: Path) -> Path:
    """A VOTable that states its units, and a map; it is the table that is damaged."""
    path, names = folder / "table.vot", _names(galaxy)
    galaxy.stars[names].write(path, format="votable")
    entries = [f'{c} = "{c}"' for c in names]
    (folder / "votable.toml").write_text("[columns]\n" + "\n".join(entries) + "\n")
    return path


def _names(galaxy: Galaxy) -> list[str]:
    return [c for c in galaxy.stars.colnames if c != "o_fe"]


@cache
def _two_galaxies() -> list[Galaxy]:
    return mocks.make_suite(2, 80, seed=2)


def _model(folder: Path) -> Path:
    edf = galflowlab.fit(_two_galaxies(), **_RECIPE, progress=False)
    return edf.save(folder / "model.safetensors")


def _training(folder: Path) -> Path:
    path = folder / "training.safetensors"
    galflowlab.fit(_two_galaxies(), **_RECIPE, progress=False, checkpoint=path)
    return path


def _published(folder: Path) -> Path:
    path = folder / "published.pth"
    torch.save(published.checkpoint(n_layers=1, hidden=4, depth=2), path)
    return path


def _manifest(folder: Path) -> Path:
    path = folder / "manifest.toml"
    path.write_bytes((_MANIFESTS / "nihao.toml").read_bytes())
    return path


def _lock(folder: Path) -> Path:
    path = folder / "lock.json"
    hashes = {f"galaxy_{i}.npy": f"md5:{i:032x}" for i in range(4)}
    pin(path, hashes, record=hashes, licence="cc-by-4.0")
    return path


def _store(galaxy: Galaxy, folder: Path) -> list[Path]:
    store = write_store([galaxy], folder / "store", seed=1)
    assert json.loads((store.path / "store.json").read_text())
    return sorted(store.path.iterdir())
