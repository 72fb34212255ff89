"""Convolution with the batch innermost: patches are laid out along the kernel's width only.

In memory order (H, C, W, N), the columns of one picture row, (C·K, W'·N), are one strided copy of long runs. The rows
under a kernel then follow each other, so that the K rows' columns are one matrix (K·C·K, W'·N) without a further copy.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphlab.engine.fast.backward import Back
from graphlab.engine.fast.kernel import Backward, kernel
from graphlab.engine.fast.kernels.pictures import Padded, pictures
from graphlab.engine.fast.site import Site
from graphlab.engine.ops.convolution import Conv2D
from graphlab.engine.ops.windows import Window
from graphlab.engine.plan import Step
from graphlab.engine.record import Array

#: Numbers of columns that are worked on at a time, so that they stay in the processor's cache.
TILE = 80_000


def plain_groups(step: Step, training: bool) -> bool:
    """Tell whether every kernel sees all channels, and rows next to each other."""
    op = step.op
    return isinstance(op, Conv2D) and op.groups == 1 and op.dilation[0] == 1 and pictures(step, training)


class Columns:
    """The columns of a picture, row by row, and the output rows that read them.

    With two ``parts``, the even output pixels of a row come before the odd ones: pooling then has long runs.
    """

    def __init__(self, s: Site, win: Window, x: Array, parts: int = 1) -> None:
        self.win = win
        self.parts = parts
        self.padded = Padded(win, x)
        self.padded.fill(s)
        rows, self.channels, _, n = self.padded.shape
        self.height, self.width = win.out[0], win.out[1] * n
        self.across = self.channels * win.kernel[1]
        self.memory = s.keep((rows, self.across, self.width))
        step, length = self.memory.strides[0], win.kernel[0] * self.across
        #: What lies under the kernels of every output row, overlapping: (H', K·C·K, W'·N).
        self.under = np.lib.stride_tricks.as_strided(
            self.memory, (self.height, length, self.width), (step * win.stride[0], *self.memory.strides[1:]))

    def copies(self, start: int, stop: int) -> tuple[Array, Array]:
        """Return where to and where from the columns of some rows are copied."""
        return self.spread(self.memory, start, stop), self.patches(self.padded.whole, start, stop)

    def spread(self, memory: Array, start: int, stop: int) -> Array:
        """View some rows of columns as (rows, C, K, parts, W'/parts, N)."""
        return memory[start:stop].reshape(stop - start, self.channels, self.win.kernel[1], self.parts,
                                          self.win.out[1] // self.parts, self.padded.shape[3])

    def patches(self, whole: Array, start: int, stop: int) -> Array:
        """View some rows of a padded picture as (rows, C, K, parts, W'/parts, N)."""
        h, c, w, n = whole.strides
        shape = (stop - start, self.channels, self.win.kernel[1], self.parts, self.win.out[1] // self.parts,
                 whole.shape[3])
        step = w * self.win.stride[1]
        return np.lib.stride_tricks.as_strided(
            whole[start:], shape, (h, c, w * self.win.dilation[1], step, step * self.parts, n))

    def tiles(self) -> list[tuple[int, int]]:
        """Cut the output rows into tiles, of an even number of rows where there are two parts."""
        each = max(1, TILE // (self.win.stride[0] * self.across * self.width))
        each = -(-self.height // -(-self.height // each))
        each = -(-each // self.parts) * self.parts
        return [(at, min(at + each, self.height)) for at in range(0, self.height, each)]

    def bind(self, s: Site, kernels: Array, start: int, stop: int, out: Array) -> None:
        """Bind out = kernels·columns for a tile of output rows (rows, F, W'·N); tiles have to come in order."""
        done, reach = ((at - 1) * self.win.stride[0] + self.win.kernel[0] if at else 0 for at in (start, stop))
        if reach > done:
            s.call(np.copyto, *self.copies(done, reach))
        s.call(np.matmul, kernels, self.under[start:stop], out=out)


def pointwise(step: Step, training: bool) -> bool:
    """Tell whether a convolution looks at single pixels, all of them."""
    op = step.op
    return (plain_groups(step, training) and isinstance(op, Conv2D) and set(op.kernel) == set(op.stride) == {1}
            and (op.padding != "pixels" or set(op.pixels) == {0}))


@kernel(Conv2D, reads=("x", "W"), layout="last", fits=pointwise)
def conv_pixels(s: Site) -> Backward:
    """Bind y = W·x + b for every picture row (C, W·N), without laying out columns."""
    x, y, w = s.raw("x", "last"), s.raw("y"), s.raw("W")
    h, channels = x.shape[:2]
    kernels, rows, out = w.reshape(len(w), channels), x.reshape(h, channels, -1), y.reshape(h, len(w), -1)
    s.call(np.matmul, kernels, rows, out=out)
    if s.has("b"):
        s.call(np.add, out, s.raw("b")[:, None], out=out)

    def back(b: Back) -> None:
        dy = b.upstream().reshape(out.shape)
        if b.wants("b"):
            bind_bias(b, dy)
        if b.wants("W"):
            each = b.scratch((h, len(w), channels))
            b.call(np.matmul, dy, rows.transpose(0, 2, 1), out=each)
            b.call(np.dot, b.constant(1.0, (h,)), each.reshape(h, -1), b.into("W").reshape(-1))
        if b.wants("x"):
            b.call(np.matmul, kernels.T, dy, out=b.into("x", "last").reshape(rows.shape))

    return back


def by_rows(w: Array) -> Array:
    """View kernels (F, C, K, K) as (F, K, C, K): in the order of the columns."""
    return w.transpose(0, 2, 1, 3)


@kernel(Conv2D, reads=("W",), layout="last", fits=plain_groups)
def conv(s: Site) -> Backward:
    """Bind y = W·columns + b."""
    x, y, w = s.raw("x", "last"), s.raw("y"), s.raw("W")
    cols = Columns(s, s.op.window((x.shape[0], x.shape[2])), x)
    kernels = bind_kernels(s, w)
    out = y.reshape(cols.height, len(w), cols.width)
    for start, stop in cols.tiles():
        cols.bind(s, kernels, start, stop, out[start:stop])
    if s.has("b"):
        s.call(np.add, out, s.raw("b")[:, None], out=out)

    def back(b: Back) -> None:
        dy = b.upstream().reshape(out.shape)
        if b.wants("b"):
            bind_bias(b, dy)
        bind_gradients(b, cols, w, dy)

    return back


def bind_bias(b: Back, dy: Array) -> None:
    """Bind db = the sum of dy (H', F, …) over all but the channels."""
    part = b.scratch(dy.shape[:2])
    row = dy[0, 0].size
    b.call(np.dot, dy.reshape(-1, row), b.constant(1.0, (row,)), part.reshape(-1))
    b.call(np.dot, b.constant(1.0, (len(dy),)), part, b.into("b"))


def bind_kernels(s: Site, w: Array) -> Array:
    """Bind the copy of the kernels in the order of the columns, (F, K·C·K)."""
    kernels = s.keep((len(w), w[0].size))
    ordered = by_rows(w)
    s.call(np.copyto, kernels.reshape(ordered.shape), ordered)
    return kernels


def bind_gradients(b: Back, cols: Columns, w: Array, dy: Array) -> None:
    """Bind dW and dx from dy (H', F, W'·N)."""
    if b.wants("W"):
        bind_weights(b, cols, dy, b.into("W"))
    if b.wants("x"):
        into = Padded(cols.win, b.into("x", "last"))
        if not into.same:
            into.whole = b.scratch(into.shape)
        bind_inputs(b, cols, w, dy, into)


def bind_weights(b: Back, cols: Columns, dy: Array, dw: Array) -> None:
    """Bind dW = Σ dy·columnsᵀ over the output rows, as columns·dyᵀ: the taller result is the faster product."""
    each = b.scratch((cols.height, cols.under.shape[1], dy.shape[1]))
    total = b.scratch(each.shape[1:])
    b.call(np.matmul, cols.under, dy.transpose(0, 2, 1), out=each)
    b.call(np.dot, b.constant(1.0, (cols.height,)), each.reshape(cols.height, -1), total.reshape(-1))
    ordered = by_rows(dw)
    filters, height, channels, width = ordered.shape
    b.call(np.copyto, ordered, total.reshape(height, channels, width, filters).transpose(3, 0, 1, 2))


def bind_inputs(b: Back, cols: Columns, w: Array, dy: Array, into: Padded) -> None:
    """Bind dx: each picture row collects from the output rows above it, and its columns go back to their pixels."""
    filters, channels, kh, kw = w.shape
    rows = into.shape[0]
    turned = b.scratch((channels * kw, kh, filters))  # (C·K, K·F) with the kernel's rows from last to first
    b.call(np.copyto, turned.reshape(channels, kw, kh, filters), w[:, :, ::-1].transpose(1, 3, 2, 0))
    stride, flat = cols.win.stride[0], dy.reshape(-1, dy.shape[2])
    each = max(1, TILE // (cols.across * cols.width))
    memory = b.scratch((min(each, rows), cols.across, cols.width))
    for start in range(0, rows, each):
        stop = min(start + each, rows)
        for row in range(start, stop):
            first, last = max(0, -(-(row - kh + 1) // stride)), min(cols.height - 1, row // stride)
            target = memory[row - start]
            if first > last:
                b.call(target.fill, 0)
                continue
            # Output row o reads picture row o·stride + i, so that a higher row sees a lower i: from last to first.
            seen = turned[:, kh - 1 - row + first * stride:kh - row + last * stride:stride]
            b.call(np.dot, contiguous(b, seen), flat[first * filters:(last + 1) * filters], target)
        scatter(b, cols, memory[:stop - start], into.whole, start, stop)
    if not into.same:
        b.call(np.copyto, into.x, into.inner)


def contiguous(b: Back, seen: Array) -> Array:
    """Return some of the kernel's rows (C·K, rows, F) as a matrix that a product can read, copied where need be."""
    matrix = seen.reshape(len(seen), -1)
    if np.may_share_memory(matrix, seen):
        return matrix
    b.call(np.copyto, copy := b.scratch(seen.shape), seen)
    return copy.reshape(len(seen), -1)


def scatter(b: Back, cols: Columns, memory: Array, whole: Array, start: int, stop: int) -> None:
    """Bind the return of some rows' columns to the pixels that they were copied from (col2im)."""
    given, pixels = cols.spread(memory, 0, stop - start), cols.patches(whole, start, stop)
    b.call(whole[start:stop].fill, 0)
    for j in range(given.shape[2]):
        at: tuple[Any, ...] = (slice(None), slice(None), j)
        b.call(np.add, pixels[at], given[at], out=pixels[at])
