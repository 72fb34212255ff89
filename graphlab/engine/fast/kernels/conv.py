"""Convolution with the batch innermost: patches are laid out along the kernel's width only.

In memory order (H, C, W, N), the columns of one picture row, (C·K, W'·N), are one strided copy of long runs. The rows
under a kernel then follow each other, so that the K rows' columns are one matrix (K·C·K, W'·N) without a further copy.
"""

from __future__ import annotations

import numpy as np

from graphlab.engine.fast.backward import Back
from graphlab.engine.fast.kernel import Backward, kernel
from graphlab.engine.fast.kernels.pictures import pictures
from graphlab.engine.fast.site import Site
from graphlab.engine.ops.convolution import Conv2D
from graphlab.engine.ops.windows import Window
from graphlab.engine.plan import Step
from graphlab.engine.record import Array

#: Numbers of columns that are worked on at a time, so that they stay in the processor's cache.
TILE = 80_000
#: Numbers of all rows' products from which on they are added up one by one.
LARGE = 200_000


def plain_groups(step: Step, training: bool) -> bool:
    """Tell whether every kernel sees all channels, and rows next to each other."""
    op = step.op
    return isinstance(op, Conv2D) and op.groups == 1 and op.dilation[0] == 1 and pictures(step, training)


class Columns:
    """The columns of a picture, row by row, and the output rows that read them.

    With two ``parts``, the even output pixels of a row come before the odd ones: pooling then has long runs.
    Columns of pixels around the picture are zero from the beginning and stay so.
    """

    def __init__(self, s: Site, win: Window, x: Array, parts: int = 1) -> None:
        self.win = win
        self.parts = parts
        self.x = x
        self.rows, self.channels, self.pixels, self.n = x.shape
        self.top, self.left = win.before
        self.height, self.width = win.out[0], win.out[1] * self.n
        self.across = self.channels * win.kernel[1]
        self.memory = s.keep((self.rows + self.top + win.after[0], self.across, self.width))
        step, length = self.memory.strides[0], win.kernel[0] * self.across
        #: What lies under the kernels of every output row, overlapping: (H', K·C·K, W'·N).
        self.under = np.lib.stride_tricks.as_strided(
            self.memory, (self.height, length, self.width), (step * win.stride[0], *self.memory.strides[1:]))

    def spread(self, memory: Array) -> Array:
        """View rows of columns as (rows, C, K, parts, W'/parts, N)."""
        return memory.reshape(len(memory), self.channels, self.win.kernel[1], self.parts,
                              self.win.out[1] // self.parts, self.n)

    def pairs(self, picture: Array, memory: Array) -> list[tuple[Array, Array]]:
        """View rows of a picture (rows, C, W, N) and of columns as pairs of pixels and where they stand."""
        columns, out = self.spread(memory), []
        stride, dilation = self.win.stride[1], self.win.dilation[1]
        for j in range(self.win.kernel[1]):
            for part in range(self.parts):
                step, begin = stride * self.parts, part * stride + j * dilation - self.left
                first = max(0, (step - 1 - begin) // step)
                last = min(columns.shape[4] - 1, (self.pixels - 1 - begin) // step)
                if first <= last:
                    at = slice(begin + first * step, begin + last * step + 1, step)
                    out.append((picture[:, :, at], columns[:, :, j, part, first:last + 1]))
        return out

    def lay_out(self, s: Site, start: int, stop: int) -> None:
        """Bind the copy of some picture rows into their columns: all at once where no pixel lies outside."""
        rows, to = self.x[start:stop], self.memory[start + self.top:stop + self.top]
        if any(self.win.before + self.win.after):
            for pixels, columns in self.pairs(rows, to):
                s.call(np.copyto, columns, pixels)
            return
        columns = self.spread(to)
        h, c, w, n = rows.strides
        step = w * self.win.stride[1]
        s.call(np.copyto, columns, np.lib.stride_tricks.as_strided(
            rows, columns.shape, (h, c, w * self.win.dilation[1], step, step * self.parts, n)))

    def tiles(self) -> list[tuple[int, int]]:
        """Cut the output rows into tiles, of an even number of rows where there are two parts."""
        each = max(1, TILE // (self.win.stride[0] * self.across * self.width))
        each = -(-self.height // -(-self.height // each))
        each = -(-each // self.parts) * self.parts
        return [(at, min(at + each, self.height)) for at in range(0, self.height, each)]

    def reach(self, stop: int) -> int:
        """Return how many picture rows the output rows before ``stop`` need."""
        if stop == 0:
            return 0
        needed: int = (stop - 1) * self.win.stride[0] + self.win.kernel[0] - self.top
        return int(min(self.rows, max(0, needed)))

    def bind(self, s: Site, kernels: Array, start: int, stop: int, out: Array) -> None:
        """Bind out = kernels·columns for a tile of output rows (rows, F, W'·N); tiles have to come in order."""
        if self.reach(stop) > self.reach(start):
            self.lay_out(s, self.reach(start), self.reach(stop))
        s.call(np.matmul, kernels, self.under[start:stop], out=out)

    def few_rows(self) -> bool:
        """Tell whether it pays to multiply each picture row with all rows of the kernels at once, and then to add."""
        height, _ = self.win.kernel
        return (self.win.stride[0] == 1 and 1 < height <= 3 and self.across >= 48 and self.parts == 1
                and self.rows <= 1.1 * self.height)

    def bind_by_rows(self, s: Site, w: Array, out: Array, bias: Array | None) -> None:
        """Bind the same for all rows: a picture row's product goes to every output row that sees it.

        The product is three times as tall, which is faster than one with three times as many terms.
        """
        filters, channels, height, width = w.shape
        stacked, part = s.scratch((height, filters, channels, width)), s.scratch((height, filters, self.width))
        s.call(np.copyto, stacked, w.transpose(2, 0, 1, 3))
        begun: set[int] = set()
        for row in range(self.rows):
            self.lay_out(s, row, row + 1)
            s.call(np.dot, stacked.reshape(height * filters, -1), self.memory[row + self.top], part.reshape(
                height * filters, -1))
            for i in range(height):
                to = row + self.top - i
                if not 0 <= to < self.height:
                    continue
                if to in begun:
                    s.call(np.add, out[to], part[i], out=out[to])
                elif bias is None:
                    s.call(np.copyto, out[to], part[i])
                else:
                    s.call(np.add, part[i], bias, out=out[to])
                begun.add(to)


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
    out, bias = y.reshape(cols.height, len(w), cols.width), s.raw("b")[:, None] if s.has("b") else None
    if cols.few_rows():
        cols.bind_by_rows(s, w, out, bias)
    else:
        kernels = bind_kernels(s, w)
        for start, stop in cols.tiles():
            cols.bind(s, kernels, start, stop, out[start:stop])
        if bias is not None:
            s.call(np.add, out, bias, out=out)

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
        bind_inputs(b, cols, w, dy, b.into("x", "last"))


def bind_weights(b: Back, cols: Columns, dy: Array, dw: Array) -> None:
    """Bind dW = Σ dy·columnsᵀ over the output rows, as columns·dyᵀ: the taller result is the faster product."""
    total, turned = b.scratch((cols.under.shape[1], dy.shape[1])), dy.transpose(0, 2, 1)
    if cols.height * total.size < LARGE:
        each = b.scratch((cols.height, *total.shape))
        b.call(np.matmul, cols.under, turned, out=each)
        b.call(np.dot, b.constant(1.0, (cols.height,)), each.reshape(cols.height, -1), total.reshape(-1))
    else:
        part = b.scratch(total.shape)
        for row in range(cols.height):
            b.call(np.dot, cols.under[row], turned[row], part if row else total)
            if row:
                b.call(np.add, total, part, out=total)
    ordered = by_rows(dw)
    filters, height, channels, width = ordered.shape
    b.call(np.copyto, ordered, total.reshape(height, channels, width, filters).transpose(3, 0, 1, 2))


def bind_inputs(b: Back, cols: Columns, w: Array, dy: Array, dx: Array) -> None:
    """Bind dx: each picture row collects from the output rows that see it, and its columns go back to their pixels."""
    filters, channels, kh, kw = w.shape
    turned = b.scratch((channels * kw, kh, filters))  # (C·K, K·F) with the kernel's rows from last to first
    b.call(np.copyto, turned.reshape(channels, kw, kh, filters), w[:, :, ::-1].transpose(1, 3, 2, 0))
    stride, flat = cols.win.stride[0], dy.reshape(-1, dy.shape[2])
    each = max(1, TILE // (cols.across * cols.width))
    memory = b.scratch((min(each, cols.rows), cols.across, cols.width))
    for start in range(0, cols.rows, each):
        stop = min(start + each, cols.rows)
        for row in range(start + cols.top, stop + cols.top):
            first, last = max(0, -(-(row - kh + 1) // stride)), min(cols.height - 1, row // stride)
            target = memory[row - start - cols.top]
            if first > last:
                b.call(target.fill, 0)
                continue
            # Output row o reads picture row o·stride + i, so that a higher row sees a lower i: from last to first.
            seen = turned[:, kh - 1 - row + first * stride:kh - row + last * stride:stride]
            b.call(np.dot, contiguous(b, seen), flat[first * filters:(last + 1) * filters], target)
        bind_return(b, cols, memory[:stop - start], dx[start:stop])


def contiguous(b: Back, seen: Array) -> Array:
    """Return some of the kernel's rows (C·K, rows, F) as a matrix that a product can read, copied where need be."""
    matrix = seen.reshape(len(seen), -1)
    if np.may_share_memory(matrix, seen):
        return matrix
    b.call(np.copyto, copy := b.scratch(seen.shape), seen)
    return copy.reshape(len(seen), -1)


def bind_return(b: Back, cols: Columns, memory: Array, picture: Array) -> None:
    """Bind the return of some rows' columns to the pixels that they were copied from (col2im)."""
    pairs = cols.pairs(picture, memory)
    widest = max(range(len(pairs)), key=lambda i: pairs[i][0].shape[2])
    if pairs[widest][0].shape[2] == picture.shape[2]:
        pixels, columns = pairs.pop(widest)
        b.call(np.copyto, pixels, columns)
    else:
        b.call(np.copyto, picture, b.constant(0.0))
    for pixels, columns in pairs:
        b.call(np.add, pixels, columns, out=pixels)
