"""Making a mock galaxy again from its name."""

from __future__ import annotations

import re
from dataclasses import replace

from galflowlab.galaxy import Galaxy
from galflowlab.mocks.suite import make_galaxy

_NUMBER = r"\d+(?:\.\d+)?(?:e-\d+)?"
_NAME = re.compile(
    rf"mock_m(?P<mass>\d+\.\d{{3}})_s(?P<seed>\d+)_x(?P<scatter>{_NUMBER})"
    rf"(?:_c(?P<context_scatter>{_NUMBER}))?",
    re.ASCII,
)
_ROUNDING = 0.5e-3 + 1e-9  # of the mass in a name [dex]


def is_mock_name(name: str) -> bool:
    """Whether a name is one that `make_galaxy` gives."""
    return _NAME.fullmatch(name) is not None


def remake(name: str, log10_mstar: float, n: int) -> Galaxy:
    """Make the mock galaxy of a given name again, drawn with any number of stars.

    The parameters of a mock do not depend on the number of its stars: the galaxy is the same
    one, its `truth` included, and with as many stars as before they are the same stars.

    Parameters
    ----------
    name
        As `make_galaxy` gave it. It holds the scatters to six digits.
    log10_mstar
        log10 of the exact stellar mass [Msun], which the name holds to 0.001 dex only.
    n
        Number of star particles.

    Returns
    -------
    Galaxy
        Of that name.

    Raises
    ------
    ValueError
        For a name that is not one of a mock, a mass that does not round to the one in the name,
        and what `make_galaxy` refuses.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"expected the name of a mock, mock_m<mass>_s<seed>_x<...>, got {name!r}")
    if not abs(float(log10_mstar) - float(match["mass"])) <= _ROUNDING:
        raise ValueError(f"expected log10_mstar as in the name {name!r}, got {log10_mstar}")
    inherited = match["context_scatter"]
    galaxy = make_galaxy(
        log10_mstar,
        seed=int(match["seed"]),
        n=n,
        scatter=float(match["scatter"]),
        context_scatter=None if inherited is None else float(inherited),
    )
    return replace(galaxy, name=name)  # a mass half-way between two names may round to the other
