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
    """Bind y = band(W)·rows + b; dx the same with turned kernels on dy, dW from products of rows."""
    x, y, w = s.raw("x", "last"), s.raw("y"), s.raw("W")[:, 0]
    h, channels, width, n = x.shape
    win: Window = s.op.window((h, width))
    (top, left), (under, right) = win.before, win.after
    reach = reach_of(win)
    memory = s.keep((channels, top + h + under, left + width + right, n))
    s.call(np.copyto, memory[:, top:top + h, left:left + width], x.transpose(1, 0, 2, 3))
    rows = Rows(memory, reach, (y.shape[0], y.shape[2]), (win.stride[0], win.stride[1]))
    band = s.keep((channels, 1, y.shape[2], rows.length))
    rows.band(s, w, (win.dilation[0], win.dilation[1]), band)
    s.call(np.matmul, band, rows.under, out=y.transpose(1, 0, 2, 3))
    if s.has("b"):
        s.call(np.add, y, s.raw("b")[:, None, None], out=y)

    # The gradient as if no pixel had been stepped over, with zeros between and around.
    full = (memory.shape[1] - reach[0] + 1, memory.shape[2] - reach[1] + 1)
    around = s.keep((channels, h + reach[0] - 1, width + reach[1] - 1, n))
    a, b_ = reach[0] - 1 - top, reach[1] - 1 - left
    inner = around[:, a:a + full[0], b_:b_ + full[1]]
    turned = s.keep((channels, 1, width, reach[0] * around.shape[2]))

    def back(b: Back) -> None:
        dy = b.upstream()
        if b.wants("b"):
            bind_bias(b, dy)
        b.call(np.copyto, inner[:, ::win.stride[0], ::win.stride[1]][:, :dy.shape[0], :dy.shape[2]],
               dy.transpose(1, 0, 2, 3))
        if b.wants("W"):
            bind_weights(b, inner, memory, (win.dilation[0], win.dilation[1]), b.into("W")[:, 0])
        if b.wants("x"):
            back_rows = Rows(around, reach, (h, width), (1, 1))
            back_rows.band(b, w[:, ::-1, ::-1], (win.dilation[0], win.dilation[1]), turned)
            b.call(np.matmul, turned, back_rows.under, out=b.into("x", "last").transpose(1, 0, 2, 3))

    return back


def bind_weights(b: Back, dy: Array, x: Array, dilation: tuple[int, int], dw: Array) -> None:
    """Bind dW from dy (C, H', W', N) and the padded x: products of all row pairs, of which the diagonals count."""
    channels, h, width, n = dy.shape
    _, kh, kw = dw.shape
    c, row, column, one = x.strides
    moved = strided(x, (channels, kw, width * n, x.shape[1]), (c, column * dilation[1], one, row))
    given = strided(dy, (channels, 1, h, width * n), (dy.strides[0], 0, dy.strides[1], one))
    pairs = b.scratch((channels, kw, h, x.shape[1]))
    b.call(np.matmul, given, moved, out=pairs)
    c, j, down, one = pairs.strides
    diagonals = strided(pairs, (channels, kh, kw, h), (c, one * dilation[0], j, down + one))
    b.call(np.add.reduce, diagonals, axis=-1, out=dw)
