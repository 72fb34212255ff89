"""Convolution: one small kernel slides over the whole picture."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from graphlab.engine.expr import Expr, Index, Ref, add, mul
from graphlab.engine.op import Array, Batch, Fix, Op, Port, Record, ShapeError, Spec, Weight, attr, case
from graphlab.engine.ops.windows import PADDING_HELP, PADDINGS, Ints, Window, picture, window, wrong_lengths

INITS = ("zeros", "normal", "small", "xavier", "xavier_normal", "he")


def columns(win: Window, x: Array, groups: int) -> Array:
    """Lay out what lies under the kernel as columns: (B, C, …) -> (B, G, C/G·K…, O…). Also called im2col."""
    n, axes = len(x), len(win.size)
    patches = win.patches(win.padded(x))  # (B, C, O…, K…)
    kernel_first = (0, 1, *range(2 + axes, 2 + 2 * axes), *range(2, 2 + axes))
    return patches.transpose(kernel_first).reshape(n, groups, -1, math.prod(win.out))


def correlate(win: Window, x: Array, W: Array, groups: int) -> Array:
    """Slide kernels W (F, C/G, K…) over x (B, C, …): (B, F, O…)."""
    kernels = W.reshape(groups, len(W) // groups, -1)  # (G, F/G, C/G·K…)
    y = kernels @ columns(win, x, groups)  # (B, G, F/G, O…)
    return y.reshape(len(x), len(W), *win.out)


def correlate_x(win: Window, dy: Array, W: Array, groups: int) -> Array:
    """Return the gradient of `correlate` by x: each output hands its kernel back to the pixels under it."""
    n = len(dy)
    kernels = W.reshape(groups, len(W) // groups, -1)
    upstream = dy.reshape(n, groups, len(W) // groups, -1)
    under = (kernels.swapaxes(1, 2) @ upstream).reshape(n, -1, *win.kernel, *win.out)  # (B, C, K…, O…)
    reach = tuple(a + s + b for a, s, b in zip(win.before, win.size, win.after, strict=True))
    dx = np.zeros((n, under.shape[1], *reach), dy.dtype)
    for place in win.places():
        at: tuple[Any, ...] = (slice(None), slice(None), *place)
        dx[win.under(place)] += under[at]
    return win.cropped(dx)


def correlate_w(win: Window, x: Array, dy: Array, shape: tuple[int, ...], groups: int) -> Array:
    """Return the gradient of `correlate` by W: upstream times the pixels that the kernel lay on, over all places."""
    upstream = dy.reshape(len(dy), groups, shape[0] // groups, -1)
    dW = upstream @ columns(win, x, groups).swapaxes(2, 3)  # (B, G, F/G, C/G·K…)
    return np.asarray(dW.sum(axis=0)).reshape(shape)


class _Kernels(Op, register=False):
    """How many kernels there are, and which channels they see."""

    category = "Convolution"

    def filters_of(self, channels: int) -> int:
        """Return the number of output channels."""
        raise NotImplementedError

    def groups_of(self, channels: int) -> int:
        """Return how many groups of channels keep to themselves."""
        raise NotImplementedError


class _Filters(_Kernels, register=False):
    """A chosen number of kernels."""

    filters: int = attr("number of kernels, and of output channels", default=8, min=1, max=100_000)
    groups: int = attr("groups of channels that keep to themselves", default=1, min=1)

    def filters_of(self, channels: int) -> int:
        return self.filters

    def groups_of(self, channels: int) -> int:
        return self.groups


class _Convolution(_Kernels, register=False):
    """What convolutions over one and two axes share."""

    spatial: ClassVar[int] = 2

    kernel: tuple[int, ...] = attr("height and width K of the kernel; one number for both", default=(3,), min=1)
    stride: tuple[int, ...] = attr("step S between two places", default=(1,), min=1)
    padding: str = attr(PADDING_HELP, default="valid", choices=PADDINGS)
    pixels: tuple[int, ...] = attr("pixels P on each side where padding is `pixels`", default=(0,), min=0)
    dilation: tuple[int, ...] = attr("distance D between the kernel's numbers; K_eff = K+(K−1)(D−1)", default=(1,),
                                     min=1)
    bias: bool = attr("add a bias b to every channel", default=True)
    init: str = attr("how W starts; b starts at zero", default="he", choices=INITS)

    def ports(self) -> tuple[Port, ...]:
        b = (Port("b", weight=True),) if self.bias else ()
        return (Port("x"), Port("W", weight=True), *b)

    def problems(self) -> list[str]:
        return [*super().problems(), *wrong_lengths(self.spatial, kernel=self.kernel, stride=self.stride,
                                                    pixels=self.pixels, dilation=self.dilation)]

    def geometry(self) -> str:
        """Write kernel, stride, padding and dilation as the card shows them."""
        text = "×".join(map(str, self.kernel * (self.spatial if len(self.kernel) == 1 else 1)))
        text += "" if set(self.stride) == {1} else " /" + "×".join(map(str, self.stride))
        text += {"valid": "", "same": " same", "half": " half",
                 "pixels": " P" + "×".join(map(str, self.pixels))}[self.padding]
        return text + ("" if set(self.dilation) == {1} else " D" + "×".join(map(str, self.dilation)))

    def formula(self) -> str:
        b = "+b_o" if self.bias else ""
        places = r"S r+D i-P,\,S c+D j-P" if self.spatial == 2 else r"S r+D i-P"
        kernel, out = ("i,j", "r,c") if self.spatial == 2 else ("i", "r")
        return (rf"y_{{o,{out}}} = \sum_{{c'}}\sum_{{{kernel}}} W_{{o,c',{kernel}}}\,x_{{c',{places}}}{b},\quad "
                r"O = \left\lfloor\frac{N-K_\mathrm{eff}+2P}{S}\right\rfloor+1")

    def window(self, size: Ints) -> Window:
        """Return the geometry for a picture of a size."""
        return window(size, self.kernel, self.stride, self.dilation, self.padding, self.pixels)

    def shape(self, x: Spec) -> Spec:
        channels, size = picture(x, self.spatial)
        groups, filters = self.groups_of(channels), self.filters_of(channels)
        if channels % groups or filters % groups:
            raise ShapeError(
                f"divides {channels} channels and {filters} filters into {groups} groups, which must be whole", "x",
                axis=1, fixes=(Fix("use one group", "set", attributes=(("groups", 1),)),))
        return x.with_shape(x.shape[0], filters, *self.window(size).out)

    def weights(self, x: Spec) -> dict[str, Weight]:
        channels, size = picture(x, self.spatial)
        filters, groups, kernel = self.filters_of(channels), self.groups_of(channels), self.window(size).kernel
        field = math.prod(kernel)
        W = Weight((filters, channels // groups, *kernel), self.init, fan_in=channels // groups * field,
                   fan_out=filters // groups * field)
        return {"W": W} | ({"b": Weight((filters,), "zeros", penalised=False)} if self.bias else {})

    def macs(self, x: Spec) -> int:
        channels, size = picture(x, self.spatial)
        win = self.window(size)
        each = channels // self.groups_of(channels) * math.prod(win.kernel)
        return math.prod(win.out) * self.filters_of(channels) * each

    def forward(self, f: Record, x: Array, W: Array, b: Array | None = None) -> Array:
        win, groups = self.window(x.shape[2:]), self.groups_of(x.shape[1])
        y = correlate(win, x, self.turned(W), groups)  # (B, C, …) -> (B, F, O…)
        return y if b is None else y + b.reshape(-1, *(1,) * self.spatial)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        x, W = f["x"], self.turned(f["W"])
        win, groups = self.window(x.shape[2:]), self.groups_of(x.shape[1])
        out = {"W": self.turned(correlate_w(win, x, dy, W.shape, groups))}
        if f.wants("x"):
            out["x"] = correlate_x(win, dy, W, groups)
        if self.bias:
            out["b"] = dy.sum(axis=(0, *range(2, dy.ndim)))
        return out

    def turned(self, W: Array) -> Array:
        """Return the kernel as it lies on the picture."""
        return W

    def turned_place(self, place: Ints, kernel: Ints) -> Ints:
        """Return where in W the number stands that lies at a place of the kernel."""
        return place

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        b, o, *at = index
        x, W = f["x"], f["W"]
        per_group = W.shape[1]
        first = o // (len(W) // self.groups_of(x.shape[1])) * per_group
        near = list(self.window(x.shape[2:]).inputs(tuple(at)))
        terms = [mul(Ref("W", (o, c, *self.turned_place(place, W.shape[2:]))), Ref("x", (b, first + c, *pixel)))
                 for c in range(per_group) for place, pixel in near]
        return add(*terms, *([Ref("b", (o,))] if self.bias else []))

    def explain_gradient(self, f: Record, port: str, index: Index) -> Expr | None:
        x, W = f["x"], f["W"]
        win, per_group = self.window(x.shape[2:]), W.shape[1]
        filters = len(W) // self.groups_of(x.shape[1])
        if port == "b":
            return add(*(Ref("y", (b, index[0], *out), grad=True) for b, *out in np.ndindex(len(x), *win.out)))
        if port == "W":
            o, c, *place = index
            pairs = list(win.at_place(self.turned_place(tuple(place), W.shape[2:])))
            return add(*(mul(Ref("y", (b, o, *out), grad=True), Ref("x", (b, o // filters * per_group + c, *pixel)))
                         for b in range(len(x)) for pixel, out in pairs))
        b, c, *at = index
        first = c // per_group * filters
        near = [(self.turned_place(place, W.shape[2:]), out) for place, out in win.outputs(tuple(at))]
        return add(*(mul(Ref("y", (b, o, *out), grad=True), Ref("W", (o, c % per_group, *place)))
                     for o in range(first, first + filters) for place, out in near))

    def users(self, f: Record, port: str, index: Index) -> Iterable[tuple[str, Index]]:
        x, W = f["x"], f["W"]
        win = self.window(x.shape[2:])
        if port != "x":
            every = itertools.product(range(len(x)), *map(range, win.out))
            return [("y", (b, index[0], *out)) for b, *out in every]
        b, c, *at = index
        filters = len(W) // self.groups_of(x.shape[1])
        first = c // W.shape[1] * filters
        places = list(win.outputs(tuple(at)))
        return [("y", (b, first + o, *out)) for o in range(filters) for _, out in places]


class Conv2D(_Convolution, _Filters):
    """Slides small kernels over an image: every output is the sum of one patch times one kernel."""

    also = ("convolution", "cnn", "filter", "kernel")

    def line(self) -> str:
        return f"{self.filters} · {self.geometry()}" + (f" · {self.groups} groups" if self.groups > 1 else "")

    @classmethod
    def cases(cls) -> list[Any]:
        return [
            case(cls(filters=2), x=(Batch(), 2, 3, 4)),
            case(cls(filters=1, kernel=(1,), bias=False), x=(Batch(), 2, 2, 1), batch=1),
            case(cls(filters=2, kernel=(3, 2), stride=(2, 1), padding="same"), x=(Batch(), 1, 4, 3)),
            case(cls(filters=4, kernel=(2,), groups=2, padding="pixels", pixels=(1, 0)), x=(Batch(), 2, 2, 3)),
            case(cls(filters=1, kernel=(2,), dilation=(2, 1), stride=(2,)), x=(Batch(), 1, 5, 4)),
            case(cls(filters=1, padding="half", stride=(2,)), x=(Batch(), 1, 4, 4)),
        ]


class Conv1D(_Convolution, _Filters):
    """Slides small kernels along a sequence; deep learning calls this cross-correlation convolution."""

    spatial = 1
    also = ("convolution", "temporal", "signal", "cross-correlation")
    flip: bool = attr("turn the kernel round, which makes it convolution as mathematics defines it", default=False)

    def line(self) -> str:
        return f"{self.filters} · {self.geometry()}" + (" · flipped" if self.flip else "")

    def formula(self) -> str:
        return super().formula().replace("W_{o,c',i}", "W_{o,c',K-1-i}") if self.flip else super().formula()

    def turned(self, W: Array) -> Array:
        return W[..., ::-1] if self.flip else W

    def turned_place(self, place: Ints, kernel: Ints) -> Ints:
        return (kernel[0] - 1 - place[0],) if self.flip else place

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(filters=2), x=(Batch(), 2, 5)),
                case(cls(filters=1, flip=True, padding="same"), x=(Batch(), 1, 3)),
                case(cls(filters=2, kernel=(2,), stride=(2,), dilation=(2,), groups=2, bias=False), x=(Batch(), 2, 5))]


class DepthwiseConv(_Convolution):
    """Slides kernels over each channel by itself, without mixing channels."""

    also = ("depthwise convolution", "MobileNet")
    multiplier: int = attr("kernels for each channel", default=1, min=1, max=1024)

    def line(self) -> str:
        return self.geometry() + (f" · {self.multiplier} each" if self.multiplier > 1 else "")

    def filters_of(self, channels: int) -> int:
        return channels * self.multiplier

    def groups_of(self, channels: int) -> int:
        return channels

    def formula(self) -> str:
        return super().formula().replace(r"\sum_{c'}", "").replace("o,c',", "c,").replace("x_{c',", "x_{c,")

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(kernel=(2,)), x=(Batch(), 3, 3, 2)),
                case(cls(multiplier=2, stride=(2,), padding="same"), x=(Batch(), 2, 3, 3)),
                case(cls(kernel=(1,), bias=False), x=(Batch(), 1, 1, 1), batch=1)]
