"""Canonical coordinates: physics that no network has to learn.

=============  ======================================================================
column         canonical coordinate
=============  ======================================================================
x, y           ln R and the normal quantile of the azimuth (exactly normal in a disc)
z              z
vx, vy         v_R, v_phi
vz             v_z
metallicity    log10 Z / (1 - Z) less what [Fe/H] and [O/Fe] imply where both are known
fe_h, o_fe     unchanged
age            logit of age / 14 Gyr, so that no star is older or unborn
=============  ======================================================================

The map is one-to-one with a Jacobian in closed form, so densities stay exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from galflowlab.schema import AGE_MAX

_AGE_EDGE = 1e-6  # Gyr; keeps the logit of an age of exactly 0 finite
_R_MIN = 1e-6  # kpc
_Z_MIN, _Z_MAX = 1e-9, 1 - 1e-7  # metal mass fraction; keep the logit finite
_LN10 = math.log(10.0)
_LN_2PI = math.log(2 * math.pi)
# Salaris, Chieffi & Straniero (1993): Z scales as 10^[Fe/H] (a 10^[alpha/Fe] + 1 - a).
_SALARIS = 0.638


class Canonical(torch.nn.Module):
    """Physical star columns to canonical coordinates and back.

    Parameters
    ----------
    columns
        Subset of `schema.EDF_COLUMNS` in canonical order that includes the phase space.
    """

    def __init__(self, columns: tuple[str, ...]) -> None:
        super().__init__()
        self.columns = columns
        self._at = {name: i for i, name in enumerate(columns)}
        missing = [n for n in ("x", "y", "z", "vx", "vy", "vz") if n not in self._at]
        if missing:
            raise ValueError(f"an eDF needs the whole phase space; missing {missing}")

    @property
    def _abundances_known(self) -> bool:
        return {"metallicity", "fe_h", "o_fe"} <= set(self._at)

    def forward(self, stars: Tensor) -> tuple[Tensor, Tensor]:
        """Map physical stars (star, feature) to canonical coordinates.

        Returns
        -------
        canonical : (star, feature)
        log_det : (star,)
            Log of the absolute Jacobian determinant; -inf outside the support (negative age
            or one above 14 Gyr, metallicity outside 0 to 1), where the density is zero.
        """
        at = self._at
        out = list(stars.unbind(1))
        x, y, vx, vy = (out[at[n]] for n in ("x", "y", "vx", "vy"))
        # hypot has no finite gradient at the origin, so keep away from it first.
        R = torch.sqrt((x.square() + y.square()).clamp_min(_R_MIN**2))
        cos, sin = x / R, y / R
        angle = _normal_quantile(torch.atan2(y, x))
        out[at["x"]], out[at["y"]] = torch.log(R), angle
        out[at["vx"]], out[at["vy"]] = vx * cos + vy * sin, vy * cos - vx * sin
        log_det = -2 * torch.log(R) + 0.5 * (angle.square() - _LN_2PI)
        if "metallicity" in at:
            log_det = log_det + self._metallicity_forward(out)
        if "age" in at:
            log_det = log_det + _age_forward(out, at["age"])
        return torch.stack(out, dim=1), log_det

    def inverse(self, canonical: Tensor) -> Tensor:
        """Map canonical coordinates (star, feature) to physical stars."""
        rows = dict(zip(self.columns, canonical.unbind(1), strict=True))
        stars = self.physical(rows, self.columns)
        return torch.stack([stars[name] for name in self.columns], dim=1)

    def needed(self, columns: Iterable[str]) -> tuple[str, ...]:
        """Canonical coordinates that `physical` needs for these columns, in order."""
        wanted = set(columns)
        if wanted & {"x", "y"}:
            wanted |= {"x", "y"}
        if wanted & {"vx", "vy"}:
            wanted |= {"y", "vx", "vy"}
        if "metallicity" in wanted and self._abundances_known:
            wanted |= {"fe_h", "o_fe"}
        return tuple(name for name in self.columns if name in wanted)

    def physical(self, rows: Mapping[str, Tensor], columns: Iterable[str]) -> dict[str, Tensor]:
        """Physical columns from canonical coordinates.

        Parameters
        ----------
        rows
            One tensor for each of `needed`, by name, any shape and floating type.
        columns
            Names of the columns wanted.
        """
        wanted = set(columns)
        unchanged = wanted & {"z", "vz", "fe_h", "o_fe"}
        out: dict[str, Tensor] = {name: rows[name] for name in unchanged}
        if wanted & {"x", "y", "vx", "vy"}:
            # Azimuth 2 pi (normal cdf - 1/2), by its distance from pi, which stays exact in the
            # tails, where single precision cannot tell the cdf from one.
            quantile = rows["y"]
            supplement = math.pi * torch.erfc(quantile.abs() / math.sqrt(2))
            cos, sin = -torch.cos(supplement), torch.sin(supplement).copysign(quantile)
        if wanted & {"x", "y"}:
            R = torch.exp(rows["x"])
            out |= {"x": R * cos, "y": R * sin}
        if wanted & {"vx", "vy"}:
            v_R, v_phi = rows["vx"], rows["vy"]
            out |= {"vx": v_R * cos - v_phi * sin, "vy": v_R * sin + v_phi * cos}
        if "metallicity" in wanted:
            out["metallicity"] = torch.sigmoid(
                _LN10 * (rows["metallicity"] + self._log_z_expected(rows))
            )
        if "age" in wanted:
            out["age"] = AGE_MAX * torch.sigmoid(rows["age"])
        return out

    def _metallicity_forward(self, out: list[Tensor]) -> Tensor:
        i = self._at["metallicity"]
        metallicity = out[i].clamp(_Z_MIN, _Z_MAX)
        unphysical = (out[i] < 0) | (out[i] > 1)
        log_z, log_rest = torch.log(metallicity), torch.log1p(-metallicity)
        rows = dict(zip(self.columns, out, strict=True))
        out[i] = (log_z - log_rest) / _LN10 - self._log_z_expected(rows)
        return torch.where(unphysical, -torch.inf, -log_z - log_rest - math.log(_LN10))

    def _log_z_expected(self, rows: Mapping[str, Tensor]) -> Tensor | float:
        if not self._abundances_known:
            return 0.0
        fe_h, o_fe = rows["fe_h"], rows["o_fe"]
        return fe_h + torch.log10(_SALARIS * torch.exp(_LN10 * o_fe) + (1 - _SALARIS))


class AsGiven(torch.nn.Module):
    """Physical columns taken as they are; stands where `Canonical` may stand."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        super().__init__()
        self.columns = columns

    def forward(self, stars: Tensor) -> tuple[Tensor, Tensor]:
        """Return (star, feature) unchanged, and a log determinant of zero per star."""
        return stars, torch.zeros_like(stars[:, 0])

    def inverse(self, canonical: Tensor) -> Tensor:
        """Return (star, feature) unchanged."""
        return canonical

    def needed(self, columns: Iterable[str]) -> tuple[str, ...]:
        """Coordinates that `physical` needs for these columns, in order."""
        wanted = set(columns)
        return tuple(name for name in self.columns if name in wanted)

    def physical(self, rows: Mapping[str, Tensor], columns: Iterable[str]) -> dict[str, Tensor]:
        """Physical columns from coordinates, which they are already."""
        return {name: rows[name] for name in columns}


def _age_forward(out: list[Tensor], i: int) -> Tensor:
    age = out[i].clamp(_AGE_EDGE, AGE_MAX - _AGE_EDGE)
    unphysical = (out[i] < 0) | (out[i] > AGE_MAX)
    out[i] = torch.log(age) - torch.log(AGE_MAX - age)
    log_det = math.log(AGE_MAX) - torch.log(age) - torch.log(AGE_MAX - age)
    return torch.where(unphysical, -torch.inf, log_det)


def _normal_quantile(phi: Tensor) -> Tensor:
    """Normal quantile of an angle in [-pi, pi], finite at both ends."""
    fraction = (phi / (2 * math.pi) + 0.5).clamp(1e-12, 1 - 1e-12)
    return torch.special.ndtri(fraction)
