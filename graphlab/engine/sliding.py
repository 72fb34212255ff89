"""One output pixel of a convolution or pool at a time: what lies under the window, the products, and their sum."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from graphlab.engine.op import Array
from graphlab.engine.ops.convolution import Conv1D, Conv2D, DepthwiseConv
from graphlab.engine.ops.pooling import AvgPool, LogAvgPool, MaxPool, PPool
from graphlab.engine.ops.windows import Ints, Window
from graphlab.engine.record import Record

#: The ops whose window can be followed.
CONVOLUTIONS = (Conv2D, Conv1D, DepthwiseConv)
POOLS = (MaxPool, AvgPool, PPool, LogAvgPool)


@dataclass(frozen=True)
class Place:
    """One output pixel.

    ``patch``, ``kernel`` and ``products`` are (C, K…) over the channels that this filter sees; ``inside`` (K…) tells
    pixels from padding; ``sums`` (C) adds up the products of each channel. Of a pool, ``kernel`` is ∂y/∂x.
    ``total`` is the sum of all products and the bias, ``value`` what the network has computed.
    """

    at: Ints
    patch: Array
    inside: Array
    kernel: Array
    products: Array
    sums: Array
    bias: float
    total: float
    value: float

    def taps(self) -> list[tuple[int, Ints]]:
        """Return (f_i, place in the kernel) in the order of the three inner loops."""
        places = itertools.product(*map(range, self.inside.shape))
        return [(c, place) for c, place in itertools.product(range(len(self.patch)), places)]


class Sliding:
    """How an executed convolution or pool came to the output channel ``filter`` of one sample of its batch."""

    def __init__(self, record: Record, sample: int, filter: int) -> None:
        op, x = record.op, record["x"]
        self.pool = isinstance(op, POOLS)
        self.largest_only = isinstance(op, MaxPool)
        #: Whether the products add up to the output; the logarithm of a mean has none that do.
        self.adds = not isinstance(op, LogAvgPool)
        self.window: Window = op.window(x.shape[2:])
        self.y: Array = record["y"][sample, filter]
        if self.pool:
            self.first, seen = filter, 1
            self.fill = -np.inf if isinstance(op, MaxPool | LogAvgPool) else 0.0
            shares = [op.weight(record, self.window, p, i) for i, p in enumerate(self.window.places())]
            # A mean's shares depend on the place alone and come as (1, 1, O…).
            of = (sample, filter) if shares[0].shape == record["y"].shape else (0, 0)
            self._shares = np.stack([s[of] for s in shares], axis=-1).astype(x.dtype)
            self.bias = 0.0
        else:
            W, groups = op.turned(record["W"]), op.groups_of(x.shape[1])
            seen = W.shape[1]
            self.first = filter // (len(W) // groups) * seen
            self.fill = 0.0
            self._kernel = W[filter]
            b = record.get("b")
            self.bias = 0.0 if b is None else float(b.reshape(-1)[filter])
        #: What the filter sees, padding included: (C, N + P…).
        self.padded: Array = self.window.padded(x[sample, self.first:self.first + seen], self.fill)
        own = self.window.padded(np.ones((1, *self.window.size)))
        #: 1 where a pixel is the picture's own, 0 where it is padding.
        self.own: Array = own[0] > 0
        self._patches = self.window.patches(self.padded)
        self._inside = self.window.patches(own > 0)[0]

    @property
    def count(self) -> int:
        """The number of output pixels."""
        return int(np.prod(self.window.out))

    def at(self, number: int) -> Ints:
        """Return the output pixel of a number, row by row."""
        return tuple(int(i) for i in np.unravel_index(number, self.window.out))

    def place(self, at: Ints) -> Place:
        """Work out one output pixel."""
        patch, inside = self._patches[(slice(None), *at)], self._inside[at]
        kernel = self._shares[at].reshape(1, *self.window.kernel) if self.pool else self._kernel
        products = np.where(inside, patch, 0.0) * kernel
        sums = products.reshape(len(products), -1).sum(axis=1)
        return Place(at, patch, inside, kernel, products, sums, self.bias, float(sums.sum() + self.bias),
                     float(self.y[at]))

    def corner(self, at: Ints) -> Ints:
        """Return the first padded pixel under the window."""
        return tuple(a * s for a, s in zip(at, self.window.stride, strict=True))

    def reach(self) -> Ints:
        """Return how far the window reaches: K_eff = K + (K−1)(D−1)."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.window.kernel, self.window.dilation, strict=True))
