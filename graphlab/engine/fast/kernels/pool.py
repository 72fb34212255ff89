"""Pooling with the batch innermost: every place of the window is a strided slice of the picture."""

from __future__ import annotations

import numpy as np

from graphlab.engine.fast.backward import Back
from graphlab.engine.fast.kernel import Backward, kernel
from graphlab.engine.fast.kernels.elementwise import as_integers
from graphlab.engine.fast.kernels.pictures import Padded, pictures
from graphlab.engine.fast.site import Site
from graphlab.engine.ops.pooling import AvgPool, GlobalAvgPool, MaxPool
from graphlab.engine.ops.windows import Window
from graphlab.engine.plan import Step
from graphlab.engine.record import Array


def window_of(step: Step) -> Window:
    """Return the geometry of a pool."""
    x, op = step.specs[0], step.op
    assert x is not None
    assert isinstance(op, MaxPool | AvgPool)
    return op.window(tuple(d for d in x.shape[2:] if isinstance(d, int)))


def halves(step: Step, training: bool) -> bool:
    """Tell whether a pool takes the largest of every 2×2 pixels, with none left over."""
    if not pictures(step, training):
        return False
    win = window_of(step)
    return (win.kernel == win.stride == (2, 2) and not any(win.before + win.after)
            and all(n % 2 == 0 for n in win.size))


class Halving:
    """Bind the largest of every 2×2 pixels: first of neighbours in a row, then of neighbours in a column.

    What won is remembered as the sign of the difference, spread over a word: all ones where the second number
    was larger. At a tie the first in reading order wins.
    """

    def __init__(self, s: Site, shape: tuple[int, ...]) -> None:
        """Make room for the result of rows of neighbours (H, C, W/2…)."""
        self.across, self.down = s.keep(shape), s.keep((shape[0] // 2, *shape[1:]))
        self.shift = np.array(8 * self.across.itemsize - 1, as_integers(self.across).dtype)

    def forward(self, s: Site, first: Array, second: Array, y: Array, start: int = 0) -> None:
        """Bind y from the neighbours in a row, for some rows from ``start`` on."""
        rows, half = (slice(start // k, (start + len(first)) // k) for k in (1, 2))
        wide = s.scratch(first.shape)
        self._stage(s, first, second, self.across[rows], wide)
        self._stage(s, wide[0::2], wide[1::2], self.down[half], y)

    def _stage(self, s: Site, first: Array, second: Array, mask: Array, out: Array) -> None:
        s.call(np.subtract, first, second, out=mask)
        s.call(np.right_shift, as_integers(mask), self.shift, out=as_integers(mask))
        s.call(np.maximum, first, second, out=out)

    def backward(self, b: Back, dy: Array, first: Array, second: Array) -> None:
        """Bind the gradients of the neighbours in a row: dy where a number won, 0 elsewhere."""
        wide = b.scratch(self.across.shape)
        self._return(b, dy, self.down, wide[0::2], wide[1::2])
        self._return(b, wide, self.across, first, second)

    def _return(self, b: Back, dy: Array, mask: Array, first: Array, second: Array) -> None:
        dy, first, second = (as_integers(a) for a in (dy, first, second))
        b.call(np.bitwise_and, dy, as_integers(mask), out=second)
        b.call(np.bitwise_xor, dy, second, out=first)


@kernel(MaxPool, layout="last", fits=halves)
def max_pool_by_halves(s: Site) -> Backward:
    """Bind the largest of every 2×2 pixels."""
    x, y = s.raw("x", "last"), s.raw("y")
    h, c, w, n = x.shape
    halving = Halving(s, (h, c, w // 2, n))
    halving.forward(s, x[:, :, 0::2], x[:, :, 1::2], y)

    def back(b: Back) -> None:
        dx = b.into("x", "last")
        halving.backward(b, b.upstream(), dx[:, :, 0::2], dx[:, :, 1::2])

    return back


@kernel(MaxPool, reads=("x", "y"), layout="last", fits=pictures)
def max_pool(s: Site) -> Backward:
    """Bind the largest number under every window; the gradient goes to the first place that holds it."""
    x, y = s.raw("x", "last"), s.raw("y")
    padded = Padded(window_of(s.step), x)
    padded.fill(s, -np.inf)
    places = list(padded.win.places())
    s.call(np.copyto, y, padded.under(places[0]))
    for place in places[1:]:
        s.call(np.maximum, y, padded.under(place), out=y)

    def back(b: Back) -> None:
        into = Padded(padded.win, b.into("x", "last"))
        if not into.same:
            into.whole = b.scratch(into.shape)
        rest, taken, mask = b.scratch(y.shape), b.scratch(y.shape), b.scratch(y.shape, np.bool_)
        b.call(into.whole.fill, 0)
        b.call(np.copyto, rest, b.upstream())
        for place in places:  # what a place takes is gone for those behind it
            b.call(np.equal, padded.under(place), y, out=mask)
            b.call(np.multiply, rest, mask, out=taken)
            b.call(np.subtract, rest, taken, out=rest)
            b.call(np.add, into.under(place), taken, out=into.under(place))
        if not into.same:
            b.call(np.copyto, into.x, into.inner)

    return back


@kernel(GlobalAvgPool, layout="last", fits=pictures)
def global_average(s: Site) -> Backward:
    """Bind the mean of every channel of every picture, rows first."""
    x, y = s.raw("x", "last"), s.raw("y")
    h, c, w, n = x.shape
    rows, columns = s.scratch((c * w * n,)), s.constant(1.0 / (h * w), (w,))
    s.call(np.dot, s.constant(1.0, (h,)), x.reshape(h, -1), rows)
    s.call(np.matmul, columns, rows.reshape(c, w, n), out=y)

    def back(b: Back) -> None:
        share, row = b.scratch(y.shape), b.scratch((c, w, n))
        b.call(np.multiply, b.upstream(), b.constant(1.0 / (h * w)), out=share)
        b.call(np.copyto, row, share[:, None])
        b.call(np.copyto, b.into("x", "last"), row)

    return back


@kernel(AvgPool, layout="last", fits=pictures)
def average_pool(s: Site) -> Backward:
    """Bind the mean under every window; the gradient is shared out equally."""
    x, y = s.raw("x", "last"), s.raw("y")
    padded = Padded(window_of(s.step), x)
    padded.fill(s)
    divisor = s.op.divisor(padded.win, s.dtype)[0, 0]
    shares = s.keep((divisor.shape[0], 1, divisor.shape[1], 1))
    shares[:, 0, :, 0] = 1.0 / divisor
    places = list(padded.win.places())
    s.call(np.copyto, y, padded.under(places[0]))
    for place in places[1:]:
        s.call(np.add, y, padded.under(place), out=y)
    s.call(np.multiply, y, shares, out=y)

    def back(b: Back) -> None:
        into = Padded(padded.win, b.into("x", "last"))
        if not into.same:
            into.whole = b.scratch(into.shape)
        given = b.scratch(y.shape)
        b.call(np.multiply, b.upstream(), shares, out=given)
        b.call(into.whole.fill, 0)
        for place in places:
            b.call(np.add, into.under(place), given, out=into.under(place))
        if not into.same:
            b.call(np.copyto, into.x, into.inner)

    return back
