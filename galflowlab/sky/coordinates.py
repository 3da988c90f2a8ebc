"""Galactic coordinates of the stars of a galaxy, through astropy."""

from __future__ import annotations

import numpy as np
from astropy import units as u
from astropy.coordinates import CartesianDifferential, CartesianRepresentation, Galactic
from astropy.table import Column, QTable, Table

from galflowlab.schema import (
    COLUMNS,
    PHASE_SPACE,
    POSITION,
    VELOCITY,
    Quantity,
    Stars,
    column_values,
)
from galflowlab.sky.observer import Observer
from galflowlab.sky.sightlines import Sightlines, lengths, refuse_at_observer, relative

_KMS = u.km / u.s
_MAS_YR = u.mas / u.yr

OBSERVED: dict[str, Quantity] = {
    q.name: q
    for q in (
        Quantity("l", u.deg, "Galactic longitude, 0 to 360", "l"),
        Quantity("b", u.deg, "Galactic latitude", "b"),
        Quantity("distance", u.kpc, "distance from the observer", "distance"),
        Quantity("pm_l_cosb", _MAS_YR, "proper motion in l, times cos b", "μ_l cos b"),
        Quantity("pm_b", _MAS_YR, "proper motion in b", "μ_b"),
        Quantity("v_los", _KMS, "velocity along the line of sight", "v (line of sight)"),
    )
}
"""Columns that `observe` makes."""


def observe(stars: Stars, observer: Observer | None = None) -> QTable:
    """Galactic coordinates, proper motions and velocities of stars as an observer sees them.

    Motions are relative to the observer and free of perspective and light-travel effects, as
    heliocentric ones are. At the poles, where longitude has no meaning, it is 0. The table is a
    sky of its own; ``SkyCoord(frame="galactic", ...)`` of its columns gives astropy's object.

    Parameters
    ----------
    stars
        Table or mapping of columns; positions and velocities are required.
    observer
        `Observer.solar` of the stars by default.

    Returns
    -------
    QTable
        One row for each star, in the same order: the columns of `OBSERVED`, then those of
        `schema.COLUMNS` that the stars have beside positions and velocities.

    Raises
    ------
    ValueError
        For a missing column, values that are not finite, a star at the observer, or stars that
        do not give the default observer their circular velocity.

    Examples
    --------
    >>> import galflowlab
    >>> from galflowlab import sky
    >>> stars = galflowlab.load("mock").sample(1000, {"log10_mstar": 10.7}, seed=1)
    >>> seen = sky.observe(stars)
    >>> list(sky.OBSERVED)[:3], seen["distance"].unit
    (['l', 'b', 'distance'], Unit("kpc"))
    """
    observer = Observer.solar(stars) if observer is None else observer
    away = relative(stars, POSITION, observer.position)
    refuse_at_observer(lengths(away))
    velocity = relative(stars, VELOCITY, observer.velocity, away.shape[1])
    motion = CartesianDifferential(observer.axes @ velocity, unit=_KMS)
    seen = Galactic(CartesianRepresentation(observer.axes @ away, unit=u.kpc, differentials=motion))
    found = (seen.l, seen.b, seen.distance, seen.pm_l_cosb, seen.pm_b, seen.radial_velocity)
    table = QTable()
    for (name, spec), values in zip(OBSERVED.items(), found, strict=True):
        table[name] = u.Quantity(values.to_value(spec.unit), spec.unit)
    names = stars.keys()
    for name, spec in COLUMNS.items():
        if name in names and name not in PHASE_SPACE:
            values = column_values(stars, name)
            if len(values) != len(table):
                raise ValueError(f"column {name!r} has {len(values)} stars, not {len(table)}")
            table[name] = u.Quantity(values, spec.unit)
    return table


def observed_sightlines(observed: Table) -> Sightlines:
    """Sightlines of a table with the columns of `observe`, such as a catalogue of observed stars.

    Columns ``l``, ``b`` and ``distance`` are required, ``v_los`` is used if it is there. Plain
    numbers are in the units of `OBSERVED`.

    Raises
    ------
    ValueError
        For a missing column, masked values or such that are not finite, a unit that does not
        convert, a latitude beyond the poles, or a distance that is not positive.
    """
    l, b, distance = (_observed(observed, name) for name in ("l", "b", "distance"))  # noqa: E741
    if (beyond := np.abs(b) > 90).any():
        raise ValueError(f"column 'b' has {beyond.sum()} values beyond ±90 degrees")
    refuse_at_observer(distance)
    longitude, latitude = np.deg2rad(l), np.deg2rad(b)
    cos = np.cos(latitude)
    directions = np.array([cos * np.cos(longitude), cos * np.sin(longitude), np.sin(latitude)])
    v_los = _observed(observed, "v_los") if "v_los" in observed.colnames else None
    return Sightlines(directions, distance, v_los, observed)


def _observed(table: Table, name: str) -> np.ndarray:
    """One column in double precision and in its unit of `OBSERVED`."""
    if name not in table.colnames:
        raise ValueError(f"missing column {name!r}; the table has {table.colnames}")
    value, unit = table[name], OBSERVED[name].unit
    mask = getattr(value, "mask", None)
    if isinstance(mask, np.ndarray) and mask.any():
        raise ValueError(f"column {name!r} has masked values; leave these stars out")
    if isinstance(value, Column) and value.unit is not None:
        value = value.quantity
    try:
        array = u.Quantity(value, unit, dtype=np.float64).value
    except (TypeError, ValueError, u.UnitConversionError) as error:
        raise ValueError(f"column {name!r} should hold numbers in {unit} ({error})") from error
    if array.ndim != 1:
        raise ValueError(f"column {name!r} should have shape (star,), got {array.shape}")
    if bad := np.count_nonzero(~np.isfinite(array)):
        raise ValueError(f"column {name!r} has {bad} values that are not finite")
    return array
