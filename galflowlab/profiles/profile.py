"""The result of profiles with bootstrap errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy import units as u

from galflowlab.schema import Quantity


@dataclass(frozen=True, eq=False)
class Profile:
    """One quantity along the radius.

    Parameters
    ----------
    quantity
        Name, unit and label.
    radius
        Where it is measured [kpc], shape (radius,).
    values, errors
        Masked arrays of shape (radius,) in the unit of the quantity; the errors are standard
        errors. Masked where the stars do not determine them.
    counts
        Number of stars that each value rests on.
    """

    quantity: Quantity
    radius: np.ndarray
    values: np.ma.MaskedArray
    errors: np.ma.MaskedArray
    counts: np.ndarray

    @property
    def unit(self) -> u.UnitBase:
        """Unit of values and errors."""
        return self.quantity.unit

    @property
    def label(self) -> str:
        """Label without the unit."""
        return self.quantity.label

    @property
    def axis_label(self) -> str:
        """Label with the unit, for axes."""
        return self.quantity.axis_label

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON-serialisable data, None where masked."""
        return {
            "quantity": self.quantity.name,
            "unit": self.unit.to_string(),
            "radius": self.radius.tolist(),
            "values": self.values.tolist(),
            "errors": self.errors.tolist(),
            "counts": self.counts.tolist(),
        }
