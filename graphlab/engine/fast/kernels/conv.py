"""Convolution with the batch innermost: patches as columns, a few rows of the picture at a time.

With (C, H, W, N) in memory, the patch under one place of the kernel is a run of W·N numbers for every row, so that
laying out the columns (im2col) is one strided copy. Rows are taken in tiles that stay in the processor's cache.
"""

from __future__ import annotations

import math

import numpy as np

from graphlab.engine.fast.backward import Back
from graphlab.engine.fast.kernel import Backward, kernel
from graphlab.engine.fast.kernels.pool import Padded, pictures
from graphlab.engine.fast.site import Site
from graphlab.engine.ops.convolution import Conv2D
from graphlab.engine.ops.windows import Window
from graphlab.engine.plan import Step
from graphlab.engine.record import Array

#: Numbers of one tile of columns.
TILE = 80_000


def one_group(step: Step, training: bool) -> bool:
    """Tell whether every kernel sees all channels."""
    return isinstance(step.op, Conv2D) and step.op.groups == 1 and pictures(step, training)


class Columns:
    """What lies under the kernels as columns (C·K·K, rows·W'·N), for some rows of the output at a time."""

    def __init__(self, win: Window, padded: Array) -> None:
        self.win = win
        self.padded = padded
        channels, _, _, n = padded.shape
        self.height, width = win.out
        self.length = channels * math.prod(win.kernel)
        self.row = width * n
        each = max(1, min(self.height, TILE // (self.length * self.row)))
        count = -(-self.height // each)
        each = -(-self.height // count)
        self.tiles = [(at, min(at + each, self.height)) for at in range(0, self.height, each)]
        self.largest = each

    def patches(self, array: Array, start: int, stop: int) -> Array:
        """View a padded picture as (C, K, K, rows, W', N) for some rows of the output."""
        (kh, kw), (sh, sw), (dh, dw) = self.win.kernel, self.win.stride, self.win.dilation
        c, h, w, n = array.strides
        shape = (array.shape[0], kh, kw, stop - start, self.win.out[1], array.shape[3])
        return np.lib.stride_tricks.as_strided(array[:, start * sh:], shape, (c, h * dh, w * dw, h * sh, w * sw, n))

    def bind(self, s: Site | Back, memory: Array, start: int, stop: int) -> Array:
        """Bind the copy of one tile into memory, and return it as a matrix."""
        patches = self.patches(self.padded, start, stop)
        tile = memory[:patches.size]
        s.call(np.copyto, tile.reshape(patches.shape), patches)
        return tile.reshape(self.length, -1)


@kernel(Conv2D, reads=("x", "W"), layout="last", fits=one_group)
def conv(s: Site) -> Backward:
    """Bind y = W·columns + b tile by tile."""
    x, y, w = s.raw("x", "last"), s.raw("y"), s.raw("W")
    win: Window = s.op.window(x.shape[1:3])
    padded = Padded(win, x)
    if not padded.same:
        padded.whole = s.keep(padded.shape)
        s.call(np.copyto, padded.inner, x)
    cols = Columns(win, padded.whole)
    kernels, out = w.reshape(len(w), -1), y.reshape(len(w), -1)
    memory = s.scratch((cols.length * cols.largest * cols.row,))
    for start, stop in cols.tiles:
        tile = cols.bind(s, memory, start, stop)
        s.call(np.matmul, kernels, tile, out=out[:, start * cols.row:stop * cols.row])
    if s.has("b"):
        s.call(np.add, out, s.raw("b")[:, None], out=out)

    def back(b: Back) -> None:
        dy = b.upstream().reshape(out.shape)
        if b.wants("W"):
            bind_weights(b, cols, dy)
        if b.wants("b"):
            b.call(np.dot, dy, b.constant(1.0, (dy.shape[1],)), b.into("b"))
        if b.wants("x"):
            bind_inputs(b, cols, kernels, dy, Padded(win, b.into("x", "last"),
                                                     None if padded.same else b.scratch(padded.shape)))

    return back


def bind_weights(b: Back, cols: Columns, dy: Array) -> None:
    """Bind dW = dy·columnsᵀ, tile by tile, as columns·dyᵀ: the taller result is the faster product."""
    memory = b.scratch((cols.length * cols.largest * cols.row,))
    total, part = b.scratch((cols.length, len(dy))), b.scratch((cols.length, len(dy)))
    for i, (start, stop) in enumerate(cols.tiles):
        tile = cols.bind(b, memory, start, stop)
        upstream = dy[:, start * cols.row:stop * cols.row].T
        b.call(np.dot, tile, upstream, part if i else total)
        if i:
            b.call(np.add, total, part, out=total)
    dw = b.into("W")
    b.call(np.copyto, dw.reshape(len(dy), -1), total.T)


def bind_inputs(b: Back, cols: Columns, kernels: Array, dy: Array, into: Padded) -> None:
    """Bind dx: every column hands its gradient back to the pixels that it was copied from (col2im)."""
    memory = b.scratch((cols.length * cols.largest * cols.row,))
    turned = b.scratch((cols.length, len(dy)))
    b.call(np.copyto, turned, kernels.T)
    b.call(into.whole.fill, 0)
    for start, stop in cols.tiles:
        patches = cols.patches(into.whole, start, stop)
        tile = memory[:patches.size]
        b.call(np.matmul, turned, dy[:, start * cols.row:stop * cols.row], out=tile.reshape(cols.length, -1))
        given = tile.reshape(patches.shape)
        for place in cols.win.places():
            at = (slice(None), *place)
            b.call(np.add, patches[at], given[at], out=patches[at])
    if not into.same:
        b.call(np.copyto, into.x, into.inner)
