"""Pooling with the batch innermost: every place of the window is a strided slice of the picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphlab.engine.fast.backward import Back
from graphlab.engine.fast.kernel import Backward, kernel
from graphlab.engine.fast.site import Site
from graphlab.engine.ops.pooling import MaxPool
from graphlab.engine.ops.windows import Window
from graphlab.engine.plan import Step
from graphlab.engine.record import Array
from graphlab.engine.spec import Batch


def pictures(step: Step, training: bool) -> bool:
    """Tell whether the input is a batch of pictures (B, C, H, W)."""
    x = step.specs[0]
    return x is not None and x.rank == 4 and isinstance(x.shape[0], Batch)


class Padded:
    """Pictures (C, H, W, N) with pixels around them: the array itself where there are none."""

    def __init__(self, win: Window, x: Array, memory: Array | None = None) -> None:
        self.win = win
        self.x = x
        reach = tuple(a + n + b for a, n, b in zip(win.before, win.size, win.after, strict=True))
        self.same = reach == tuple(win.size)
        self.shape = (x.shape[0], *reach, x.shape[3])
        self.whole = x if self.same else (np.empty(self.shape, x.dtype) if memory is None else memory)

    @property
    def inner(self) -> Array:
        """The pictures without what is around them."""
        (top, left), (h, w) = self.win.before, self.win.size
        return self.whole[:, top:top + h, left:left + w]

    def under(self, place: tuple[int, ...]) -> Array:
        """Return what lies under one place of the window, for every output pixel."""
        index: tuple[Any, ...] = self.win.under(place)[1:]
        return self.whole[(slice(None), *index)]


def apart(win: Window) -> bool:
    """Tell whether windows neither overlap nor leave pixels out."""
    return (win.stride == win.kernel and not any(win.before + win.after) and set(win.dilation) == {1}
            and all(n % k == 0 for n, k in zip(win.size, win.kernel, strict=True)))


@kernel(MaxPool, reads=("x", "y"), layout="last", fits=pictures)
def max_pool(s: Site) -> Backward:
    """Bind the largest number under every window; the gradient goes to the first place that holds it."""
    x, y = s.raw("x", "last"), s.raw("y")
    win: Window = s.op.window(x.shape[1:3])
    padded = Padded(win, x)
    if not padded.same:
        padded.whole = s.keep(padded.shape)
        padded.whole[...] = -np.inf
        s.call(np.copyto, padded.inner, x)
    bind_max(s, padded, y)

    def back(b: Back) -> None:
        dx = b.into("x", "last")
        bind_max_back(b, padded, y, b.upstream(), dx)

    return back


def bind_max(s: Site | Back, padded: Padded, y: Array) -> None:
    """Bind y = max over the places of the window."""
    places = list(padded.win.places())
    if len(places) == 1:
        s.call(np.copyto, y, padded.under(places[0]))
        return
    s.call(np.maximum, padded.under(places[0]), padded.under(places[1]), out=y)
    for place in places[2:]:
        s.call(np.maximum, y, padded.under(place), out=y)


def bind_max_back(b: Back, padded: Padded, y: Array, dy: Array, dx: Array) -> None:
    """Bind the gradient of the largest numbers: what a place takes is gone for those behind it."""
    win, places = padded.win, list(padded.win.places())
    into = Padded(win, dx, None if padded.same else b.scratch(padded.shape))
    rest, mask = b.scratch(y.shape), b.scratch(y.shape, np.bool_)
    exact = apart(win)
    if not exact:
        b.call(into.whole.fill, 0)
    taken = b.scratch(y.shape)
    left = dy
    for i, place in enumerate(places):
        last = i == len(places) - 1
        if last and exact:
            b.call(np.copyto, into.under(place), left)
            break
        b.call(np.equal, padded.under(place), y, out=mask)
        b.call(np.multiply, left, mask, out=taken)
        if not last:
            b.call(np.subtract, left, taken, out=rest)
            left = rest
        if exact:
            b.call(np.copyto, into.under(place), taken)
        else:
            b.call(np.add, into.under(place), taken, out=into.under(place))
    if not into.same:
        b.call(np.copyto, dx, into.inner)
