"""Pooling: a window that keeps one number of what lies under it. No parameters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphlab.engine.expr import Expr, Index, Num, Ref, maximum
from graphlab.engine.op import Array, Batch, Given, Op, Record, Spec, attr, case
from graphlab.engine.ops.windows import PADDING_HELP, PADDINGS, Ints, Window, picture, window, wrong_lengths


class _Pool(Op, register=False):
    """What pools share."""

    category = "Pooling"
    kernel: tuple[int, ...] = attr("height and width K of the window; one number for both", default=(2,), min=1)
    stride: tuple[int, ...] = attr("step S between two places; 0 means as far as the window is wide", default=(0,),
                                   min=0)
    padding: str = attr(PADDING_HELP, default="valid", choices=PADDINGS)
    pixels: tuple[int, ...] = attr("pixels P on each side where padding is `pixels`", default=(0,), min=0)

    def problems(self) -> list[str]:
        return [*super().problems(),
                *wrong_lengths(2, kernel=self.kernel, stride=self.stride, pixels=self.pixels)]

    def line(self) -> str:
        text = "×".join(map(str, self.kernel * (2 if len(self.kernel) == 1 else 1)))
        text += "" if set(self.stride) == {0} else " /" + "×".join(map(str, self.stride))
        return text + {"valid": "", "same": " same", "half": " half",
                       "pixels": " P" + "×".join(map(str, self.pixels))}[self.padding]

    def window(self, size: Ints) -> Window:
        """Return the geometry for a picture of a size."""
        kernel = self.kernel * (2 if len(self.kernel) == 1 else 1)
        stride = self.stride * (2 if len(self.stride) == 1 else 1)
        steps = tuple(s or k for s, k in zip(stride, kernel, strict=True))
        return window(size, kernel, steps, (1,), self.padding, self.pixels)

    def shape(self, x: Spec) -> Spec:
        channels, size = picture(x, 2)
        return x.with_shape(x.shape[0], channels, *self.window(size).out)

    def macs(self, x: Spec) -> int:
        channels, size = picture(x, 2)
        win = self.window(size)
        return channels * math.prod(win.out) * math.prod(win.kernel)

    def under(self, f: Record, index: Index) -> list[Expr]:
        """Return the numbers that lie under the window at one output place."""
        b, c, *at = index
        near = self.window(f["x"].shape[2:]).inputs(tuple(at))
        return [Ref("x", (b, c, *pixel)) for _, pixel in near]

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        b, c, *at = index
        return [("y", (b, c, *out)) for _, out in self.window(f["x"].shape[2:]).outputs(tuple(at))]

    @classmethod
    def cases(cls) -> list[Any]:
        def x(*size: int, batch: int = 2) -> Given:
            return Given((Batch(), *size), low=0.1, high=3.0, apart=2.9 / (batch * math.prod(size)))

        return [case(cls(), x=x(2, 4, 4)), case(cls(kernel=(3, 2), stride=(2, 1), padding="same"), x=x(1, 4, 3)),
                case(cls(kernel=(2,), stride=(1,), padding="pixels", pixels=(1, 0)), x=x(1, 2, 3)),
                case(cls(kernel=(3,), stride=(2,), padding="half"), x=x(1, 5, 4)),
                case(cls(kernel=(1,)), x=x(1, 1, 1, batch=1), batch=1)]


class MaxPool(_Pool):
    """Keeps the largest number under the window; the gradient goes to it alone."""

    also = ("max pooling", "subsampling", "downsample")

    def formula(self) -> str:
        return (r"y = \max_{i \in \mathrm{window}} x_i,\quad \frac{\partial L}{\partial x_i} = "
                r"\frac{\partial L}{\partial y}\,1(i=\mathrm{argmax})")

    def forward(self, f: Record, x: Array) -> Array:
        win = self.window(x.shape[2:])
        padded = win.padded(x, -np.inf)
        y, which = np.full((*x.shape[:2], *win.out), -np.inf, x.dtype), np.zeros((*x.shape[:2], *win.out), np.int64)
        for i, place in enumerate(win.places()):
            under = padded[win.under(place)]
            which = np.where(under > y, i, which)  # at a tie the first place stays
            y = np.maximum(y, under)
        f.keep(which=which)
        return y

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        win = self.window(f["x"].shape[2:])
        dx = win.padded(np.zeros(f["x"].shape, dy.dtype))
        for i, place in enumerate(win.places()):
            dx[win.under(place)] += dy * (f["which"] == i)
        return {"x": win.cropped(dx)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        if output == "which":
            return Num(float(f["which"][index]))
        under = self.under(f, index)
        values = [f["x"][r.index] for r in under if isinstance(r, Ref)]
        return maximum("max", under, int(np.argmax(values)))
