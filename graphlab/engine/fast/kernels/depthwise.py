"""Depthwise convolution: every channel's kernel as a banded matrix (Toeplitz) that acts on whole picture rows.

With one channel's rows in a piece, (C, H, W, N), the rows under the kernel are one matrix (K·W, N), and an output row
is its product with (W', K·W). Most of that matrix is zero, but one product a row beats nine passes over the picture.
"""

from __future__ import annotations

import numpy as np

from graphlab.engine.fast.backward import Back
from graphlab.engine.fast.kernel import Backward, kernel
from graphlab.engine.fast.kernels.conv import bind_bias
from graphlab.engine.fast.kernels.pictures import pictures
from graphlab.engine.fast.site import Site
from graphlab.engine.ops.convolution import DepthwiseConv
from graphlab.engine.ops.windows import Window
from graphlab.engine.plan import Step
from graphlab.engine.record import Array

strided = np.lib.stride_tricks.as_strided


def reach_of(win: Window) -> tuple[int, int]:
    """Return over how many pixels the kernel extends: (K − 1)·D + 1."""
    h, w = ((k - 1) * d + 1 for k, d in zip(win.kernel, win.dilation, strict=True))
    return h, w


def one_kernel_each(step: Step, training: bool) -> bool:
    """Tell whether every channel has one kernel, and no pixel outside the picture is seen by itself alone."""
    op, x = step.op, step.specs[0]
    if not pictures(step, training) or not isinstance(op, DepthwiseConv) or op.multiplier != 1 or x is None:
        return False
    win = op.window(tuple(d for d in x.shape[2:] if isinstance(d, int)))
    return all(max(a, b) < r for a, b, r in zip(win.before, win.after, reach_of(win), strict=True))


class Rows:
    """Pictures with one channel's rows in a piece, and what lies under the kernels of each output row."""

    def __init__(self, memory: Array, reach: tuple[int, int], out: tuple[int, int], stride: tuple[int, int]) -> None:
        self.memory = memory
        self.reach, self.out, self.stride = reach, out, stride
        _, _, width, n = memory.shape
        c, h, _, _ = memory.strides
        self.length = reach[0] * width
        #: (C, H', K·W, N), overlapping.
        self.under = strided(memory, (len(memory), out[0], self.length, n),
                             (c, h * stride[0], n * memory.itemsize, memory.itemsize))

    def band(self, s: Site | Back, kernels: Array, dilation: tuple[int, int], keep: Array) -> None:
        """Bind the kernels (C, K, K) into banded matrices (C, 1, W', K·W) that are zero elsewhere."""
        c, _, row, one = keep.strides
        width = self.memory.shape[2]
        shape = (len(keep), self.out[1], *kernels.shape[1:])
        view = strided(keep, shape, (c, row + one * self.stride[1], one * width * dilation[0], one * dilation[1]))
        s.call(np.copyto, view, kernels[:, None])


@kernel(DepthwiseConv, reads=("W",), layout="last", fits=one_kernel_each)
def depthwise(s: Site) -> Backward:
    """Bind y = band(W)·rows + b."""
    x, y, w = s.raw("x", "last"), s.raw("y"), s.raw("W")[:, 0]
    h, channels, width, n = x.shape
    win: Window = s.op.window((h, width))
    (top, left), (under, right) = win.before, win.after
    memory = s.keep((channels, top + h + under, left + width + right, n))
    s.call(np.copyto, memory[:, top:top + h, left:left + width], x.transpose(1, 0, 2, 3))
    rows = Rows(memory, reach_of(win), (y.shape[0], y.shape[2]), (win.stride[0], win.stride[1]))
    band = s.keep((channels, 1, y.shape[2], rows.length))
    rows.band(s, w, (win.dilation[0], win.dilation[1]), band)
    s.call(np.matmul, band, rows.under, out=y.transpose(1, 0, 2, 3))
    if s.has("b"):
        s.call(np.add, y, s.raw("b")[:, None, None], out=y)

    def back(b: Back) -> None:
        dy = b.upstream()
        if b.wants("b"):
            bind_bias(b, dy)
        if set(win.stride) != {1}:
            given = b.scratch((channels, *rows.out, n))
            b.call(np.copyto, given, dy.transpose(1, 0, 2, 3))
            if b.wants("W"):
                bind_weights(b, win, given, memory, b.into("W")[:, 0])
            if b.wants("x"):
                scatter(b, win, given, band, memory.shape, b.into("x", "last").transpose(1, 0, 2, 3))
            return
        # With zeros around it, dy is to dx what x with its padding is to y, with the kernels turned.
        reach = rows.reach
        around = s.keep((channels, h + reach[0] - 1, width + reach[1] - 1, n))
        at = reach[0] - 1 - top, reach[1] - 1 - left
        inner = around[:, at[0]:at[0] + rows.out[0], at[1]:at[1] + rows.out[1]]
        b.call(np.copyto, inner, dy.transpose(1, 0, 2, 3))
        if b.wants("W"):
            bind_weights(b, win, inner, memory, b.into("W")[:, 0])
        if b.wants("x"):
            back_rows = Rows(around, reach, (h, width), (1, 1))
            turned = s.keep((channels, 1, width, back_rows.length))
            back_rows.band(b, w[:, ::-1, ::-1], (win.dilation[0], win.dilation[1]), turned)
            b.call(np.matmul, turned, back_rows.under, out=b.into("x", "last").transpose(1, 0, 2, 3))

    return back


def bind_weights(b: Back, win: Window, dy: Array, x: Array, dw: Array) -> None:
    """Bind dW from dy (C, H', W', N) and the padded x: products of all row pairs, of which some diagonals count."""
    channels, h, width, n = dy.shape
    _, kh, kw = dw.shape
    c, row, column, one = x.strides
    seen = strided(x, (channels, kw, x.shape[1], width, n),
                   (c, column * win.dilation[1], row, column * win.stride[1], one))
    if win.stride[1] > 1:  # rows of pixels that are stepped over have to be laid out
        laid = b.scratch(seen.shape)
        b.call(np.copyto, laid, seen)
        seen = laid
    moved = strided(seen, (channels, kw, width * n, x.shape[1]), (*seen.strides[:2], one, seen.strides[2]))
    given = strided(dy, (channels, 1, h, width * n), (dy.strides[0], 0, dy.strides[1], one))
    pairs = b.scratch((channels, kw, h, x.shape[1]))
    b.call(np.matmul, given, moved, out=pairs)
    c, j, down, one = pairs.strides
    diagonals = strided(pairs, (channels, kh, kw, h), (c, one * win.dilation[0], j, down + one * win.stride[0]))
    b.call(np.add.reduce, diagonals, axis=-1, out=dw)


def scatter(b: Back, win: Window, dy: Array, band: Array, padded: tuple[int, ...], dx: Array) -> None:
    """Bind dx (C, H, W, N) where output rows step over picture rows: each hands its share back to those it saw."""
    channels, h, _, n = dy.shape
    (top, left), (height, width) = win.before, win.size
    shares, whole = b.scratch((channels, h, band.shape[3], n)), b.scratch(padded)
    b.call(np.matmul, band.swapaxes(2, 3), dy, out=shares)
    b.call(np.copyto, whole, b.constant(0.0))
    by_row = shares.reshape(channels, h, -1, padded[2], n)
    for i in range(win.kernel[0]):
        first = i * win.dilation[0]
        rows = whole[:, first:first + (h - 1) * win.stride[0] + 1:win.stride[0]]
        b.call(np.add, rows, by_row[:, :, first], out=rows)
    b.call(np.copyto, dx, whole[:, top:top + height, left:left + width])
