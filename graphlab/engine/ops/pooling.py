"""Pooling: a window that keeps one number of what lies under it. No parameters."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from graphlab.engine.expr import Expr, Index, Num, Ref, add, call, maximum, mul, sub
from graphlab.engine.op import Array, Batch, Given, Op, Record, ShapeError, Spec, attr, case
from graphlab.engine.ops.common import fraction, need_real
from graphlab.engine.ops.windows import PADDING_HELP, PADDINGS, Ints, Window, each, picture, window, wrong_lengths
from graphlab.engine.spec import per_sample


class _Pool(Op, register=False):
    """What pools share."""

    category = "Pooling"
    spatial: ClassVar[int] = 2
    kernel: tuple[int, ...] = attr("height and width K of the window; one number for both", default=(2,), min=1)
    stride: tuple[int, ...] = attr("step S between two places; 0 means as far as the window is wide", default=(0,),
                                   min=0)
    padding: str = attr(PADDING_HELP, default="valid", choices=PADDINGS)
    pixels: tuple[int, ...] = attr("pixels P on each side where padding is `pixels`", default=(0,), min=0)

    def problems(self) -> list[str]:
        return [*super().problems(),
                *wrong_lengths(self.spatial, kernel=self.kernel, stride=self.stride, pixels=self.pixels)]

    def line(self) -> str:
        text = "×".join(map(str, self.kernel * (self.spatial if len(self.kernel) == 1 else 1)))
        text += "" if set(self.stride) == {0} else " /" + "×".join(map(str, self.stride))
        return text + {"valid": "", "same": " same", "half": " half",
                       "pixels": " P" + "×".join(map(str, self.pixels))}[self.padding]

    def window(self, size: Ints) -> Window:
        """Return the geometry for a picture of a size."""
        kernel, stride = each(self.kernel, self.spatial), each(self.stride, self.spatial)
        steps = tuple(s or k for s, k in zip(stride, kernel, strict=True))
        return window(size, kernel, steps, (1,), self.padding, self.pixels)

    def shape(self, x: Spec) -> Spec:
        channels, size = picture(x, self.spatial)
        return x.with_shape(x.shape[0], channels, *self.window(size).out)

    def macs(self, x: Spec) -> int:
        channels, size = picture(x, self.spatial)
        win = self.window(size)
        return channels * math.prod(win.out) * math.prod(win.kernel)

    def weight(self, f: Record, win: Window, place: Ints, number: int) -> Array:
        """Return ∂y/∂x for the numbers under one place of the window, shaped like y."""
        raise NotImplementedError

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        win = self.window(f["x"].shape[2:])
        dx = win.padded(np.zeros(f["x"].shape, dy.dtype))
        for i, place in enumerate(win.places()):
            dx[win.under(place)] += dy * self.weight(f, win, place, i)
        return {"x": win.cropped(dx)}

    def over(self, win: Window, padded: Array) -> Array:
        """Add up what lies under the window at each place."""
        total = np.zeros((*padded.shape[:2], *win.out), padded.dtype)
        for place in win.places():
            total += padded[win.under(place)]
        return total

    def counts(self, win: Window, dtype: Any) -> Array:
        """Count the picture's own numbers under the window at each place, shaped (1, 1, O…)."""
        return self.over(win, win.padded(np.ones((1, 1, *win.size), dtype)))

    def below(self, f: Record, index: Index) -> list[Ref]:
        """Return the numbers that lie under the window at one output place."""
        b, c, *at = index
        near = self.window(f["x"].shape[2:]).inputs(tuple(at))
        return [Ref("x", (b, c, *pixel)) for _, pixel in near]

    def users(self, f: Record, port: str, index: Index) -> Iterable[tuple[str, Index]]:
        b, c, *at = index
        return [("y", (b, c, *out)) for _, out in self.window(f["x"].shape[2:]).outputs(tuple(at))]

    @classmethod
    def cases(cls) -> list[Any]:
        def x(*size: int, batch: int = 2) -> Given:
            return Given((Batch(), *size), low=0.1, high=3.0, apart=2.9 / (batch * math.prod(size)))

        if cls.spatial == 1:
            return [case(cls(), x=x(2, 4)), case(cls(kernel=(3,), stride=(2,), padding="same"), x=x(1, 4))]
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

    def weight(self, f: Record, win: Window, place: Ints, number: int) -> Array:
        return np.asarray(f["which"] == number)

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        if output == "which":
            return Num(float(f["which"][index]))
        below = self.below(f, index)
        return maximum("max", below, int(np.argmax([f["x"][r.index] for r in below])))


class MaxPool1D(MaxPool):
    """Keeps the largest number under a window along a sequence."""

    spatial = 1


class AvgPool(_Pool):
    """Averages the numbers under the window; the gradient is shared out equally."""

    also = ("average pooling", "mean pooling", "downsample")
    count: str = attr("what the mean divides by at the edge: the picture's own pixels, or the padding's too",
                      default="pixels", choices=("pixels", "padding too"))

    def formula(self) -> str:
        return (r"y = \frac{1}{n}\sum_{i \in \mathrm{window}} x_i,\quad \frac{\partial L}{\partial x_i} = "
                r"\frac{1}{n}\frac{\partial L}{\partial y}")

    def divisor(self, win: Window, dtype: Any) -> Array:
        """Return n for each place."""
        if self.count == "pixels":
            return self.counts(win, dtype)
        return np.full((1, 1, *win.out), math.prod(win.kernel), dtype)

    def forward(self, f: Record, x: Array) -> Array:
        win = self.window(x.shape[2:])
        return self.over(win, win.padded(x)) / self.divisor(win, x.dtype)

    def weight(self, f: Record, win: Window, place: Ints, number: int) -> Array:
        return 1 / self.divisor(win, f["x"].dtype)

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        below = self.below(f, index)
        n = len(below) if self.count == "pixels" else math.prod(each(self.kernel, self.spatial))
        return mul(fraction(n), add(*below))

    @classmethod
    def cases(cls) -> list[Any]:
        padded = cls(count="padding too", padding="half", kernel=(3,), stride=(2,))
        return [*super().cases(), case(padded, x=(Batch(), 1, *(3,) * cls.spatial))]


class AvgPool1D(AvgPool):
    """Averages the numbers under a window along a sequence."""

    spatial = 1


class PPool(_Pool):
    """Takes the p-norm of the numbers under the window: between their sum (p = 1) and their maximum (p → ∞)."""

    also = ("p-norm pooling", "Lp pooling", "power average")
    p: float = attr("the power p; the numbers have to be at least 0", default=2.0, min=1.0)
    form: str = attr("normalised: the mean inside, p = 1 is average pooling; plain: the sum inside, p = 1 is the sum",
                     default="normalised", choices=("normalised", "plain"))

    def line(self) -> str:
        return f"{super().line()} · p {self.p:g} {self.form}"

    def formula(self) -> str:
        if self.form == "plain":
            return (r"y = \left(\sum x_i^p\right)^{1/p},\quad \frac{\partial y}{\partial x_i} = "
                    r"\frac{x_i^{p-1}}{\left(\sum x_j^p\right)^{(p-1)/p}}")
        return (r"y = \left(\frac{1}{n}\sum x_i^p\right)^{1/p},\quad \frac{\partial y}{\partial x_i} = "
                r"\frac{x_i^{p-1}}{n\,\left(\frac{1}{n}\sum x_j^p\right)^{(p-1)/p}}")

    def divisor(self, win: Window, dtype: Any) -> Array:
        """Return n for each place: 1 in the plain form."""
        return self.counts(win, dtype) if self.form == "normalised" else np.ones((1, 1, *win.out), dtype)

    def forward(self, f: Record, x: Array) -> Array:
        win = self.window(x.shape[2:])
        mean = self.over(win, win.padded(x ** self.p)) / self.divisor(win, x.dtype)
        return np.asarray(mean ** (1 / self.p))

    def weight(self, f: Record, win: Window, place: Ints, number: int) -> Array:
        under, y = win.padded(f["x"])[win.under(place)], f["y"]
        # Under a window of zeros there is no derivative; 0 moves nothing.
        steep = np.divide(under, y, out=np.zeros_like(y), where=y > 0) ** (self.p - 1)
        return np.where(y > 0, steep, 0) / self.divisor(win, y.dtype)

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        below = self.below(f, index)
        total = add(*(call("pow", x, Num(self.p)) for x in below))
        mean = mul(fraction(len(below)), total) if self.form == "normalised" else total
        return call("pow", mean, Num(1 / self.p, rf"1/{self.p:g}"))

    @classmethod
    def cases(cls) -> list[Any]:
        x = Given((Batch(), 1, 3, 3), low=0.2, high=2.0)
        return [*super().cases(), case(cls(p=3.0, form="plain"), x=x), case(cls(p=1.0, kernel=(3,)), x=x),
                case(cls(p=1.5, padding="half", kernel=(3,)), x=x)]


class LogAvgPool(_Pool):
    """Takes the logarithm of the mean of eˣ under the window: a soft maximum whose gradient is a softmax."""

    also = ("log-average pooling", "soft maximum", "logsumexp")

    def formula(self) -> str:
        return (r"y = \ln\left(\frac{1}{n}\sum e^{x_i}\right),\quad \frac{\partial y}{\partial x_i} = "
                r"\mathrm{softmax}(x)_i")

    def forward(self, f: Record, x: Array) -> Array:
        win = self.window(x.shape[2:])
        patches = win.patches(win.padded(x, -np.inf))  # (B, C, O…, K…)
        last = tuple(range(-self.spatial, 0))
        top = patches.max(axis=last)
        total = np.exp(patches - np.expand_dims(top, last)).sum(axis=last)
        return np.asarray(top + np.log(total / self.counts(win, x.dtype)))

    def weight(self, f: Record, win: Window, place: Ints, number: int) -> Array:
        under = win.padded(f["x"], -np.inf)[win.under(place)]
        return np.asarray(np.exp(under - f["y"]) / self.counts(win, under.dtype))

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        below = self.below(f, index)
        n = len(below)
        return sub(call("logsumexp", *below), Num(math.log(n), rf"\ln {n}"))


class GlobalAvgPool(Op):
    """Averages each channel over the whole picture: one number a channel is left."""

    category = "Pooling"
    also = ("global average pooling", "gap")

    def formula(self) -> str:
        return r"y_c = \frac{1}{HW}\sum_{h,w} x_{c,h,w}"

    def shape(self, x: Spec) -> Spec:
        need_real(x)
        if x.rank < 3 or any(isinstance(d, Batch) for d in x.shape[2:]):
            raise ShapeError("takes images shaped (B, C, H, W) or sequences shaped (B, C, T)", "x")
        return x.with_shape(*x.shape[:2])

    def macs(self, x: Spec) -> int:
        return per_sample(x.shape)

    def forward(self, f: Record, x: Array) -> Array:
        return np.asarray(x.mean(axis=tuple(range(2, x.ndim))))  # (B, C, H, W) -> (B, C)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        x = f["x"]
        per_pixel = dy / math.prod(x.shape[2:])  # (B, C) -> (B, C, H, W)
        return {"x": np.broadcast_to(np.expand_dims(per_pixel, tuple(range(2, x.ndim))), x.shape)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        pixels = itertools.product(*map(range, f["x"].shape[2:]))
        terms = [Ref("x", (*index, *at)) for at in pixels]
        return mul(fraction(len(terms)), add(*terms))

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        return [("y", index[:2])]

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(), x=(Batch(), 2, 2, 3)), case(cls(), x=(Batch(), 1, 1), batch=1)]
