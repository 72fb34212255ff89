"""Ops that make pictures larger: transposed convolution, interpolation, unpooling; and the separable convolution."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from graphlab.engine.expr import ZERO, Expr, Index, Num, Ref, add, mul
from graphlab.engine.graph import Graph, Net
from graphlab.engine.op import Array, Batch, Given, Op, Port, Record, ShapeError, Spec, Weight, attr, case
from graphlab.engine.ops.convolution import INITS, Conv2D, DepthwiseConv, correlate, correlate_w, correlate_x
from graphlab.engine.ops.pooling import MaxPool
from graphlab.engine.ops.windows import (
    PADDING_HELP,
    PADDINGS,
    Ints,
    Window,
    each,
    picture,
    window,
    wrong_lengths,
)
from graphlab.engine.spec import show_shape


class ConvTranspose2D(Op):
    """Writes a kernel for every pixel into a larger image: learned upsampling."""

    category = "Convolution"
    title = "Transposed convolution"
    also = ("deconvolution", "upsampling", "Conv2DTranspose", "fractionally strided")
    filters: int = attr("number of output channels", default=8, min=1, max=100_000)
    kernel: tuple[int, ...] = attr("height and width K of the kernel; one number for both", default=(3,), min=1)
    stride: tuple[int, ...] = attr("step S between two places in the larger image", default=(2,), min=1)
    padding: str = attr("valid: O=(N−1)S+K; same: O=N·S (Keras); pixels: O=(N−1)S−2P+K+extra (PyTorch)",
                        default="same", choices=("valid", "same", "pixels"))
    pixels: tuple[int, ...] = attr("pixels P cut off on each side where padding is `pixels`", default=(0,), min=0)
    extra: tuple[int, ...] = attr("pixels added behind where padding is `pixels`; fewer than the stride", default=(0,),
                                  min=0)
    bias: bool = attr("add a bias b to every channel", default=True)
    init: str = attr("how W starts; b starts at zero", default="he", choices=INITS)

    def ports(self) -> tuple[Port, ...]:
        return (Port("x"), Port("W", weight=True), *([Port("b", weight=True)] if self.bias else []))

    def problems(self) -> list[str]:
        wrong = wrong_lengths(2, kernel=self.kernel, stride=self.stride, pixels=self.pixels, extra=self.extra)
        if not wrong and any(e >= s for e, s in zip(each(self.extra, 2), each(self.stride, 2), strict=True)):
            wrong.append(f"needs fewer extra pixels than its stride {show_shape(self.stride)}; "
                         f"it has {show_shape(self.extra)}")
        return [*super().problems(), *wrong]

    def line(self) -> str:
        return (f"{self.filters} · {'×'.join(map(str, each(self.kernel, 2)))} "
                f"×{'×'.join(map(str, self.stride))} {self.padding}")

    def formula(self) -> str:
        b = "+b_o" if self.bias else ""
        size = {"valid": "(N-1)S+K", "same": r"N\,S", "pixels": r"(N-1)S-2P+K"}[self.padding]
        return (rf"y_{{o,Sr+i-P,Sc+j-P}} \mathrel{{+}}= \sum_{{c'}} W_{{c',o,i,j}}\,x_{{c',r,c}}{b},\quad "
                rf"O = {size}")

    def window(self, size: Ints) -> Window:
        """Return the geometry of the convolution that this one reverses: it slides over the larger image."""
        kernel, stride, pixels, extra = (each(v, 2) for v in (self.kernel, self.stride, self.pixels, self.extra))
        if self.padding == "same":
            return window(tuple(n * s for n, s in zip(size, stride, strict=True)), kernel, stride, (1,), "same", (0,))
        pads, more = (pixels, extra) if self.padding == "pixels" else ((0, 0), (0, 0))
        out = tuple((n - 1) * s - 2 * p + k + e for n, s, p, k, e in zip(size, stride, pads, kernel, more, strict=True))
        if min(out) < 1:
            raise ShapeError(f"would make an image of {out[0]}×{out[1]} pixels: it cuts off too many", "x")
        return Window(out, kernel, stride, (1, 1), pads, pads)

    def shape(self, x: Spec) -> Spec:
        _, size = picture(x, 2)
        return x.with_shape(x.shape[0], self.filters, *self.window(size).size)

    def weights(self, x: Spec) -> dict[str, Weight]:
        channels, _ = picture(x, 2)
        kernel = each(self.kernel, 2)
        field = math.prod(kernel)
        W = Weight((channels, self.filters, *kernel), self.init, channels * field, self.filters * field)
        return {"W": W} | ({"b": Weight((self.filters,), "zeros", penalised=False)} if self.bias else {})

    def macs(self, x: Spec) -> int:
        channels, size = picture(x, 2)
        return channels * math.prod(size) * self.filters * math.prod(each(self.kernel, 2))

    def forward(self, f: Record, x: Array, W: Array, b: Array | None = None) -> Array:
        y = correlate_x(self.window(x.shape[2:]), x, W, 1)  # (B, C, H, W) -> (B, F, OH, OW)
        return y if b is None else y + b.reshape(-1, 1, 1)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        x, W = f["x"], f["W"]
        win = self.window(x.shape[2:])
        out = {"x": correlate(win, dy, W, 1), "W": correlate_w(win, dy, x, W.shape, 1)}
        return out | ({"b": dy.sum(axis=(0, 2, 3))} if self.bias else {})

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        b, o, *at = index
        near = list(self.window(f["x"].shape[2:]).outputs(tuple(at)))
        terms = [mul(Ref("W", (c, o, *place)), Ref("x", (b, c, *pixel)))
                 for c in range(f["x"].shape[1]) for place, pixel in near]
        return add(*terms, *([Ref("b", (o,))] if self.bias else []))

    def explain_gradient(self, f: Record, port: str, index: Index) -> Expr | None:
        x = f["x"]
        win = self.window(x.shape[2:])
        if port == "b":
            return add(*(Ref("y", (b, index[0], *at), grad=True) for b, *at in np.ndindex(len(x), *win.size)))
        if port == "W":
            c, o, *place = index
            pairs = list(win.at_place(tuple(place)))
            return add(*(mul(Ref("y", (b, o, *pixel), grad=True), Ref("x", (b, c, *at)))
                         for b in range(len(x)) for pixel, at in pairs))
        b, c, *at = index
        return add(*(mul(Ref("y", (b, o, *pixel), grad=True), Ref("W", (c, o, *place)))
                     for o in range(self.filters) for place, pixel in win.inputs(tuple(at))))

    def users(self, f: Record, port: str, index: Index) -> Iterable[tuple[str, Index]]:
        x, y = f["x"], f["y"]
        win = self.window(x.shape[2:])
        if port == "b":
            return [("y", (b, index[0], *at)) for b, *at in np.ndindex(len(x), *win.size)]
        if port == "x":
            b, _, *at = index
            return [("y", (b, o, *pixel)) for o in range(y.shape[1]) for _, pixel in win.inputs(tuple(at))]
        _, o, *place = index
        pixels = [pixel for at in np.ndindex(*x.shape[2:]) for k, pixel in win.inputs(at) if k == tuple(place)]
        return [("y", (b, o, *pixel)) for b in range(len(x)) for pixel in pixels]

    @classmethod
    def cases(cls) -> list[Any]:
        return [
            case(cls(filters=2), x=(Batch(), 2, 2, 3)),
            case(cls(filters=1, kernel=(2,), stride=(3,)), x=(Batch(), 1, 2, 1), batch=1),
            case(cls(filters=2, padding="pixels", pixels=(1,), extra=(1, 0), bias=False), x=(Batch(), 1, 3, 2)),
            case(cls(filters=1, padding="valid", kernel=(2, 3), stride=(1, 2)), x=(Batch(), 2, 2, 2)),
        ]


class SeparableConv(Op):
    """Convolves each channel by itself and then mixes the channels with a 1×1 convolution: far fewer weights."""

    category = "Convolution"
    title = "Separable convolution"
    also = ("depthwise separable", "MobileNet", "Xception")
    filters: int = attr("number of output channels", default=8, min=1, max=100_000)
    kernel: tuple[int, ...] = attr("height and width K of the kernel; one number for both", default=(3,), min=1)
    stride: tuple[int, ...] = attr("step S between two places", default=(1,), min=1)
    padding: str = attr(PADDING_HELP, default="valid", choices=PADDINGS)
    pixels: tuple[int, ...] = attr("pixels P on each side where padding is `pixels`", default=(0,), min=0)
    bias: bool = attr("add a bias to every output channel", default=True)

    def problems(self) -> list[str]:
        return [*super().problems(), *wrong_lengths(2, kernel=self.kernel, stride=self.stride, pixels=self.pixels)]

    def line(self) -> str:
        return f"{self.filters} · {'×'.join(map(str, each(self.kernel, 2)))}"

    def formula(self) -> str:
        return (r"y_o = \sum_c V_{o,c}\,(W_c * x_c)+b_o,\quad \frac{\mathrm{separable}}{\mathrm{standard}} = "
                r"\frac{1}{N}+\frac{1}{K^2}")

    def body(self, x: Spec) -> Graph:
        picture(x, 2)
        net = Net()
        depthwise = DepthwiseConv(kernel=self.kernel, stride=self.stride, padding=self.padding, pixels=self.pixels,
                                  bias=False)
        inner = net.add("depthwise", depthwise, net.input("x"))
        net.output("y", net.add("pointwise", Conv2D(filters=self.filters, kernel=(1,), bias=self.bias), inner))
        return net.graph()


class Upsample(Op):
    """Makes images larger by repeating pixels or by blending neighbours. Nothing is learned."""

    category = "Pooling"
    also = ("resize", "interpolate", "nearest", "bilinear")
    factor: tuple[int, ...] = attr("how many times higher and wider; one number for both", default=(2,), min=1)
    form: str = attr("nearest: repeat pixels; bilinear: blend the nearest four", default="nearest",
                     choices=("nearest", "bilinear"))
    corners: bool = attr("bilinear: lay corner pixels on corner pixels instead of edges on edges", default=False)

    def problems(self) -> list[str]:
        return [*super().problems(), *wrong_lengths(2, factor=self.factor)]

    def line(self) -> str:
        return f"×{'×'.join(map(str, self.factor))} {self.form}"

    def formula(self) -> str:
        if self.form == "nearest":
            return r"y_{r,c} = x_{\lfloor r/s\rfloor,\lfloor c/s\rfloor}"
        at = r"\tfrac{r\,(N-1)}{sN-1}" if self.corners else r"\tfrac{r+1/2}{s}-\tfrac{1}{2}"
        return (r"y_r = (1-w)\,x_{\lfloor q\rfloor}+w\,x_{\lfloor q\rfloor+1},\quad "
                rf"q = {at},\ w = q-\lfloor q\rfloor")

    def shape(self, x: Spec) -> Spec:
        channels, size = picture(x, 2)
        return x.with_shape(x.shape[0], channels, *(n * s for n, s in zip(size, each(self.factor, 2), strict=True)))

    def blend(self, n: int, axis: int, dtype: Any) -> Array:
        """Return the weights (O, n) with which the pixels along one axis make the larger axis."""
        s = each(self.factor, 2)[axis]
        out = np.arange(n * s)
        if self.form == "nearest":
            return np.asarray(out[:, None] // s == np.arange(n), dtype)
        q = out * ((n - 1) / max(n * s - 1, 1)) if self.corners else np.clip((out + 0.5) / s - 0.5, 0, None)
        low = np.minimum(q.astype(int), n - 1)
        w = np.zeros((len(out), n))
        w[out, low] += 1 - (q - low)
        w[out, np.minimum(low + 1, n - 1)] += q - low
        return np.asarray(w, dtype)

    def blends(self, x: Array) -> tuple[Array, Array]:
        """Return the weights along the height and the width."""
        return self.blend(x.shape[2], 0, x.dtype), self.blend(x.shape[3], 1, x.dtype)

    def forward(self, f: Record, x: Array) -> Array:
        rows, cols = self.blends(x)
        return np.asarray(rows @ x @ cols.T)  # (OH, H) @ (B, C, H, W) @ (W, OW)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        rows, cols = self.blends(f["x"])
        return {"x": np.asarray(rows.T @ dy @ cols)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        b, c, r, k = index
        rows, cols = self.blends(f["x"])
        return add(*(mul(Num(float(rows[r, i] * cols[k, j])), Ref("x", (b, c, int(i), int(j))))
                     for i, j in itertools.product(np.flatnonzero(rows[r]), np.flatnonzero(cols[k]))))

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        b, c, i, j = index
        rows, cols = self.blends(f["x"])
        return [("y", (b, c, int(r), int(k)))
                for r, k in itertools.product(np.flatnonzero(rows[:, i]), np.flatnonzero(cols[:, j]))]

    @classmethod
    def cases(cls) -> list[Any]:
        x = (Batch(), 2, 2, 3)
        return [case(cls(), x=x), case(cls(factor=(3, 2), form="bilinear"), x=x),
                case(cls(form="bilinear", corners=True), x=x),
                case(cls(form="bilinear"), x=(Batch(), 1, 1, 1), batch=1)]


class Unpool(Op):
    """Puts each number back where the maximum stood before pooling, with zeros around it."""

    category = "Pooling"
    also = ("max unpooling", "switches", "deconvnet")
    source = "Zeiler & Fergus 2014"
    kernel: tuple[int, ...] = attr("height and width K of the window that pooled; one number for both", default=(2,),
                                   min=1)

    def ports(self) -> tuple[Port, ...]:
        return (Port("x", help="what max pooling gave, or something of that shape"),
                Port("before", help="the picture before pooling, which shows where the maxima stood"))

    def problems(self) -> list[str]:
        return [*super().problems(), *wrong_lengths(2, kernel=self.kernel)]

    def line(self) -> str:
        return "×".join(map(str, each(self.kernel, 2)))

    def formula(self) -> str:
        return r"y_i = x\,1(i = \mathrm{argmax}_{j \in \mathrm{window}}\,\mathrm{before}_j)"

    def shape(self, x: Spec, before: Spec) -> Spec:
        pooled = MaxPool(kernel=self.kernel).shape(before)
        if pooled.shape != x.shape:
            raise ShapeError(f"needs x shaped {show_shape(pooled.shape)}, as pooling the picture gives it", "x")
        return before

    def forward(self, f: Record, x: Array, before: Array) -> Array:
        win = window(before.shape[2:], self.kernel, self.kernel, (1,), "valid", (0,))
        patches = win.patches(before)
        which = patches.reshape(*x.shape, -1).argmax(axis=-1)
        y = np.zeros_like(before)
        f.keep(which=which)
        for i, place in enumerate(win.places()):
            y[win.under(place)] = x * (which == i)
        return y

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        win = window(dy.shape[2:], self.kernel, self.kernel, (1,), "valid", (0,))
        dx = np.zeros_like(f["x"])
        for i, place in enumerate(win.places()):
            dx += dy[win.under(place)] * (f["which"] == i)
        return {"x": dx, "before": np.zeros_like(f["before"])}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        if output == "which":
            return Num(float(f["which"][index]))
        at = tuple(i // k for i, k in zip(index[2:], each(self.kernel, 2), strict=True))
        if any(i >= n for i, n in zip(at, f["x"].shape[2:], strict=True)):
            return ZERO
        source = (*index[:2], *at)
        return Ref("x", source) if self.target(f, source) == index else ZERO

    def target(self, f: Record, index: Index) -> Index:
        """Return where a number of x goes."""
        k = each(self.kernel, 2)
        place = np.unravel_index(int(f["which"][index]), k)
        return (*index[:2], *(int(i * s + p) for i, s, p in zip(index[2:], k, place, strict=True)))

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        return [("y", self.target(f, index))] if port == "x" else []

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(), x=(Batch(), 2, 2, 1), before=Given((Batch(), 2, 4, 2), apart=0.05)),
                case(cls(kernel=(1, 2)), x=(Batch(), 1, 2, 1), before=Given((Batch(), 1, 2, 3), apart=0.05))]
