"""What a field is."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Field(Protocol):
    """A field that is symmetric about the z axis, such as `MassModel` or that of a mock."""

    def forces(self, R: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Radial and vertical acceleration [(km/s)²/kpc] at R, z [kpc]."""
        ...
