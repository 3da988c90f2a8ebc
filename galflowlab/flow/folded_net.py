"""Conditioners with one context folded into their weights, in (feature, star) layout."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from normflows.nets import ResidualNet
from torch import Tensor
from torch.nn.functional import pad

from galflowlab.flow.workspace import Workspace


class FoldedNet:
    """A normflows residual net whose sums are all merged into products.

    There the context enters as a bias of the first layer and as a GLU gate at the end of each
    block: h <- h + g * (W2 t + b2) with t = relu(W1 relu(h) + b1). So every h, and the output
    too, is linear in (inputs, 1, t of the blocks before), and is one product with those rows.
    """

    def __init__(self, net: ResidualNet, inputs: int) -> None:
        first = exact(net.initial_layer.weight)
        self.first, self.first_context = first[:, :inputs], first[:, inputs:]
        self.first_bias = exact(net.initial_layer.bias)
        blocks = [(*b.linear_layers, b.context_layer) for b in net.blocks]
        self.inner = [with_bias(exact(w1.weight), exact(w1.bias)) for w1, _, _ in blocks]
        self.gated = [
            [exact(t) for layer in (w2, gate) for t in (layer.weight, layer.bias)]
            for _, w2, gate in blocks
        ]
        self.last, self.last_bias = exact(net.final_layer.weight), exact(net.final_layer.bias)

    @property
    def hidden(self) -> int:
        """Number of hidden units."""
        return len(self.first)

    @property
    def blocks(self) -> int:
        """Number of residual blocks."""
        return len(self.inner)

    def map_outputs(self, matrix: Tensor, offset: Tensor) -> None:
        """Multiply the outputs by a float64 matrix from the left and add an offset."""
        self.last, self.last_bias = matrix @ self.last, matrix @ self.last_bias + offset

    def at(self, context: Tensor) -> tuple[list[Tensor], Tensor]:
        """Fold a standardised context of shape (context,), float64.

        Returns
        -------
        before : list of (hidden + 1, inputs + 1 + block * hidden)
            Input of each block, and a row of ones that carries the bias of its first layer.
        last : (output, inputs + 1 + blocks * hidden)
        """
        h = with_bias(self.first, self.first_bias + self.first_context @ context)
        one = self.first.shape[1]
        before = []
        for w2, b2, wc, bc in self.gated:
            before.append(ones_after(h, one))
            gate = torch.sigmoid(wc @ context + bc)
            h = torch.cat([h, gate[:, None] * w2], dim=1)
            h[:, one] += gate * b2
        last = self.last @ h
        last[:, one] += self.last_bias
        return before, last

    def step(
        self, before: list[Tensor], last: Tensor, moved: int, buffer: str, device: torch.device
    ) -> NetStep:
        """What `at` returned, ready to move so many features in the tensor of this name."""
        return NetStep(
            before=[single(m, device) for m in before],
            inner=[single(m, device) for m in self.inner],
            last=single(last, device),
            moved=moved,
            kept=self.first.shape[1],
            buffer=buffer,
        )


@dataclass(frozen=True)
class NetStep:
    """A `FoldedNet` at one context.

    Works inside one tensor with the rows (h, 1 | moved, kept, 1 | t of each block), so that
    every product reads and writes rows that lie together.
    """

    before: list[Tensor]
    inner: list[Tensor]
    last: Tensor
    moved: int
    kept: int
    buffer: str

    @property
    def _begin(self) -> int:
        return len(self.before[0])  # of the stars: after the input of a block

    @property
    def _end(self) -> int:
        return self._begin + self.moved + self.kept + 1

    def rows(self, work: Workspace, start: int, stop: int) -> Tensor:
        """Rows of the tensor."""
        hidden = len(self.before[0]) - 1
        return work(self.buffer, self._end + len(self.inner) * hidden, start, stop)

    def stars(self, work: Workspace) -> Tensor:
        """Moved and kept features and ones, (feature + 1, star)."""
        return self.rows(work, self._begin, self._end)

    def to_move(self, work: Workspace) -> Tensor:
        """Moved features, (moved, star)."""
        return self.rows(work, self._begin, self._begin + self.moved)

    def to_keep(self, work: Workspace) -> Tensor:
        """Kept features, (kept, star)."""
        return self.rows(work, self._begin + self.moved, self._end - 1)

    def with_first(self, work: Workspace) -> Tensor:
        """Input of the first block, ones, and `stars`: one product can make all of them."""
        return self.rows(work, 0, self._end)

    def __call__(self, work: Workspace, *, first_done: bool) -> Tensor:
        """Outputs (output, star) for the stars in place; `first_done` if h is there too."""
        begin, inputs, stop = self._begin, self._begin + self.moved, self._end
        h = self.rows(work, 0, begin)
        for before, inner in zip(self.before, self.inner, strict=True):
            if not first_done:
                torch.mm(before, self.rows(work, inputs, stop), out=h)
            first_done = False
            t = self.rows(work, stop, stop + len(inner))
            torch.mm(inner, h.relu_(), out=t).relu_()
            stop += len(inner)
        raw = work("raw", len(self.last))
        return torch.mm(self.last, self.rows(work, inputs, stop), out=raw)


def exact(tensor: Tensor) -> Tensor:
    """Double precision, where folding is done: on the CPU, without gradients."""
    return tensor.detach().to("cpu", torch.float64)


def with_bias(weight: Tensor, bias: Tensor) -> Tensor:
    """Matrix with the bias as its last column."""
    return torch.cat([weight, bias[:, None]], dim=1)


def ones_after(matrix: Tensor, one: int = -1) -> Tensor:
    """Matrix with one more row, which repeats the row of ones at `one` of what it acts on."""
    matrix = pad(matrix, (0, 0, 0, 1))
    matrix[-1, one] = 1.0
    return matrix


def single(tensor: Tensor, device: torch.device) -> Tensor:
    """Single precision, contiguous, where sampling is done."""
    return tensor.to(device, torch.float32).contiguous()
