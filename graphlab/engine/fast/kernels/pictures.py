"""Pictures in memory order (H, C, W, N), and windows over them."""

from __future__ import annotations

import numpy as np

from graphlab.engine.fast.site import Site
from graphlab.engine.ops.windows import Ints, Window
from graphlab.engine.plan import Step
from graphlab.engine.record import Array
from graphlab.engine.spec import Batch


def pictures(step: Step, training: bool) -> bool:
    """Tell whether the input is a batch of pictures (B, C, H, W)."""
    x = step.specs[0]
    return x is not None and x.rank == 4 and isinstance(x.shape[0], Batch)


class Padded:
    """Pictures with pixels around them: the array itself where there are none, otherwise memory of its own."""

    def __init__(self, win: Window, x: Array) -> None:
        self.win = win
        self.x = x
        h, w = (a + n + b for a, n, b in zip(win.before, win.size, win.after, strict=True))
        self.same = (h, w) == tuple(win.size)
        self.shape = (h, x.shape[1], w, x.shape[3])
        self.whole = x

    def fill(self, s: Site, value: float = 0.0) -> None:
        """Take memory where there are pixels around, and bind the copy of the picture into it."""
        if not self.same:
            self.whole = s.keep(self.shape)
            self.whole[...] = value
            s.call(np.copyto, self.inner, self.x)

    @property
    def inner(self) -> Array:
        """The pictures without what is around them."""
        (top, left), (h, w) = self.win.before, self.win.size
        return self.whole[top:top + h, :, left:left + w]

    def under(self, place: Ints) -> Array:
        """Return what lies under one place of the window, for every output pixel."""
        _, rows, columns = self.win.under(place)
        return self.whole[rows, :, columns]
