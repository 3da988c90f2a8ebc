"""Scratch memory of one thread: large tensors that every chunk of stars writes anew.

Fresh memory costs a page fault for every 4 KiB, more than the arithmetic done on it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import torch
from torch import Tensor


class Workspace:
    """Named tensors of shape (row, star); their contents are garbage until written.

    Parameters
    ----------
    device
        Where they live.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stars = 0
        self._flat: dict[tuple[str, int], Tensor] = {}
        self._views: dict[tuple[str, int, int, int], Tensor] = {}

    def resize(self, stars: int) -> Workspace:
        """Set the number of stars of the tensors handed out from now on."""
        if stars != self._stars:
            self._stars = stars
            self._views.clear()
        return self

    def __call__(self, name: str, rows: int, start: int = 0, stop: int = 0) -> Tensor:
        """Rows `start` to `stop` (all by default) of the tensor of this name and height."""
        key = (name, rows, start, stop)
        if key not in self._views:
            whole = self._whole(name, rows, torch.float32)
            self._views[key] = whole[start : stop or rows]
        return self._views[key]

    def index(self, rows: int) -> Tensor:
        """Tensor of shape (row, star) for indices."""
        key = ("index", rows, 0, 0)
        if key not in self._views:
            self._views[key] = self._whole("index", rows, torch.int64)
        return self._views[key]

    def places(self, rows: int) -> Tensor:
        """Place of each entry of a (row, star) tensor in memory; only to be read."""
        key = ("places", rows, 0, 0)
        if key not in self._views:
            places = torch.arange(rows * self._stars, device=self._device)
            self._views[key] = places.view(rows, self._stars)
        return self._views[key]

    def _whole(self, name: str, rows: int, dtype: torch.dtype) -> Tensor:
        size = rows * self._stars
        flat = self._flat.get((name, rows))
        if flat is None or len(flat) < size:
            flat = torch.empty(size, dtype=dtype, device=self._device)
            self._flat[name, rows] = flat
        return flat[:size].view(rows, self._stars)


Step = Callable[[Tensor, Workspace], Tensor]
"""One layer at one context, base to data.

Takes and returns stars as (feature + 1, star), in an order of the step's own, with ones in the
last row: so a matrix holds its offset, and products need no second pass to add it.
"""

_KEPT_STARS = 8192  # larger workspaces are not worth the memory they would hold
_of_thread = threading.local()


def workspace(stars: int, device: torch.device) -> Workspace:
    """Workspace of this thread; it stays allocated on a CPU, where allocating is slow."""
    if device.type != "cpu" or stars > _KEPT_STARS:
        return Workspace(device).resize(stars)
    if not hasattr(_of_thread, "workspace"):
        _of_thread.workspace = Workspace(device)
    return _of_thread.workspace.resize(stars)
