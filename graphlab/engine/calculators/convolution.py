"""Sizes, parameters and costs of convolutions and pooling."""

from __future__ import annotations

import math

from graphlab.engine.calculators.base import CalcError, Calculator, Line, show, whole
from graphlab.engine.declared import attr

Pair = tuple[int, int]


def output_size(n: int, k: int, s: int, p: int, d: int, name: str) -> tuple[int, str]:
    """Return ⌊(N − K_eff + 2P)/S⌋ + 1 with K_eff = K + (K−1)(D−1), and the arithmetic as LaTeX."""
    effective = k + (k - 1) * (d - 1)
    room = n - effective + 2 * p
    if room < 0:
        raise CalcError(
            f"The {name} of {n} with a padding of {p} on both sides is {n + 2 * p}; the kernel reaches over "
            f"{effective} and does not fit."
        )
    out = room // s + 1
    text = rf"\left\lfloor\frac{{{n}-{effective}+2\cdot {p}}}{{{s}}}\right\rfloor+1={out}"
    return out, text


class ConvolutionShape(Calculator):
    """Finds the output size of a convolution or a pooling, height and width separately."""

    topic = "Convolution"
    title = "Output size of a convolution"
    also = ("conv.shape", "pool.shape", "padding", "stride", "dilation")
    source = "Dumoulin & Visin 2016, relationship 6"
    size: Pair = attr("height and width of the input", default=(32, 32), min=1, max=1_000_000)
    kernel: Pair = attr("height and width of the kernel or window", default=(3, 3), min=1, max=10_000)
    stride: Pair = attr("steps down and right", default=(1, 1), min=1, max=10_000)
    padding: str = attr(
        "how the border is treated: valid (none), same, or pixels on each side",
        default="valid",
        choices=("valid", "same", "pixels"),
    )
    pixels: Pair = attr(
        "padding above and below, left and right, where it is given in pixels", default=(0, 0), min=0, max=10_000
    )
    dilation: Pair = attr("distance between the kernel's taps", default=(1, 1), min=1, max=10_000)

    def formula(self) -> str:
        return r"O=\left\lfloor\frac{N-K_{\mathrm{eff}}+2P}{S}\right\rfloor+1,\quad K_{\mathrm{eff}}=K+(K-1)(D-1)"

    def calculate(self, lines: list[Line]) -> dict[str, float]:
        results = {}
        for axis, name in enumerate(("height", "width")):
            n, k, s, d = self.size[axis], self.kernel[axis], self.stride[axis], self.dilation[axis]
            effective = k + (k - 1) * (d - 1)
            if d > 1:
                lines.append(
                    Line(f"reach of the kernel, {name}", rf"K_{{\mathrm{{eff}}}}={k}+({k}-1)({d}-1)={effective}")
                )
            if self.padding == "same" and s > 1:
                out = math.ceil(n / s)
                lines.append(
                    Line(
                        name,
                        rf"O=\left\lceil\frac{{{n}}}{{{s}}}\right\rceil={out}\quad"
                        r"(\mathrm{same\ with\ a\ stride\ pads\ until\ this\ fits})",
                    )
                )
            elif self.padding == "same" and effective % 2 == 0:
                out = n
                lines.append(Line(name, rf"O={n}\quad(\mathrm{{an\ even\ kernel\ pads\ one\ side\ more}})"))
            else:
                p = {"valid": 0, "same": (effective - 1) // 2, "pixels": self.pixels[axis]}[self.padding]
                if self.padding == "same":
                    lines.append(Line(f"padding, {name}", rf"P=\frac{{K-1}}{{2}}=\frac{{{effective}-1}}{{2}}={p}"))
                out, text = output_size(n, k, s, p, d, name)
                lines.append(Line(name, f"O={text}"))
                if s == 1 and d == 1 and self.padding != "pixels":
                    flag = int(self.padding == "same")
                    lines.append(
                        Line(
                            f"{name}, written with P as a flag",
                            rf"\left\lfloor\frac{{{n}-{k}+{flag}\cdot({k}-1)}}{{{s}}}\right\rfloor+1={out}",
                        )
                    )
            results[name] = float(out)
        return results


class TransposedShape(Calculator):
    """Finds the output size of a transposed convolution, which inserts what a stride leaves out."""

    topic = "Convolution"
    title = "Output size of a transposed convolution"
    also = ("deconvolution", "conv.transpose", "upsampling")
    size: Pair = attr("height and width of the input", default=(7, 7), min=1, max=1_000_000)
    kernel: Pair = attr("height and width of the kernel", default=(4, 4), min=1, max=10_000)
    stride: Pair = attr("upsampling factor down and right", default=(2, 2), min=1, max=10_000)
    padding: Pair = attr("rows and columns cut off at each side", default=(1, 1), min=0, max=10_000)

    def formula(self) -> str:
        return r"O=(N-1)S-2P+K"

    def calculate(self, lines: list[Line]) -> dict[str, float]:
        results = {}
        for name, n, k, s, p in zip(
            ("height", "width"), self.size, self.kernel, self.stride, self.padding, strict=True
        ):
            out = (n - 1) * s - 2 * p + k
            if out < 1:
                raise CalcError(
                    f"The {name} would be {out}: cut off less than {p} at each side, or use a larger kernel than {k}."
                )
            lines.append(Line(name, rf"O=({n}-1)\cdot {s}-2\cdot {p}+{k}={out}"))
            results[name] = float(out)
        return results


class ConvolutionParameters(Calculator):
    """Counts the weights and biases of a convolution."""

    topic = "Convolution"
    title = "Parameters of a convolution"
    also = ("conv.params",)
    kernel: Pair = attr("height and width of the kernel", default=(5, 5), min=1, max=10_000)
    channels_in: int = attr("channels of the input", default=128, min=1, max=10_000_000)
    channels_out: int = attr("channels of the output: the number of filters", default=256, min=1, max=10_000_000)
    bias: bool = attr("count one bias for each filter", default=True)

    def formula(self) -> str:
        return (
            r"(K_h K_w C_{\mathrm{in}}+1)\,C_{\mathrm{out}}"
            if self.bias
            else r"K_h K_w C_{\mathrm{in}} C_{\mathrm{out}}"
        )

    def calculate(self, lines: list[Line]) -> dict[str, float]:
        kh, kw = self.kernel
        weights = kh * kw * self.channels_in * self.channels_out
        total = weights + self.bias * self.channels_out
        inner = (
            rf"({kh}\cdot {kw}\cdot {whole(self.channels_in)}+1)"
            if self.bias
            else rf"{kh}\cdot {kw}\cdot {whole(self.channels_in)}"
        )
        lines.append(Line("parameters", rf"{inner}\cdot {whole(self.channels_out)}={whole(total)}"))
        return {"parameters": float(total), "weights": float(weights)}


class ConvolutionCost(Calculator):
    """Counts the multiply-adds of a convolution, and what separating it by depth saves."""

    topic = "Convolution"
    title = "Cost of a convolution"
    also = ("conv.macs", "conv.separable", "depthwise", "flops")
    source = "Howard et al. 2017, section 3.1"
    size: Pair = attr("height and width of the output", default=(56, 56), min=1, max=1_000_000)
    kernel: int = attr("height and width of the kernel", default=3, min=1, max=10_000)
    channels_in: int = attr("channels of the input", default=64, min=1, max=10_000_000)
    channels_out: int = attr("channels of the output (N)", default=128, min=1, max=10_000_000)

    def formula(self) -> str:
        return (
            r"H W C_{\mathrm{in}} C_{\mathrm{out}} K^2,\quad"
            r"\frac{\mathrm{separable}}{\mathrm{standard}}=\frac{1}{C_{\mathrm{out}}}+\frac{1}{K^2}"
        )

    def calculate(self, lines: list[Line]) -> dict[str, float]:
        h, w = self.size
        k, c, n = self.kernel, self.channels_in, self.channels_out
        standard = h * w * c * n * k * k
        depthwise, pointwise = h * w * c * k * k, h * w * c * n
        lines.append(Line("standard", rf"{h}\cdot {w}\cdot {c}\cdot {n}\cdot {k}^2={whole(standard)}"))
        lines.append(Line("depthwise", rf"{h}\cdot {w}\cdot {c}\cdot {k}^2={whole(depthwise)}"))
        lines.append(Line("pointwise", rf"{h}\cdot {w}\cdot {c}\cdot {n}={whole(pointwise)}"))
        ratio = (depthwise + pointwise) / standard
        lines.append(Line("separable / standard", rf"\frac{{1}}{{{n}}}+\frac{{1}}{{{k}^2}}={show(1 / n + 1 / k**2)}"))
        return {"macs": float(standard), "separable": float(depthwise + pointwise), "ratio": ratio}


class ReceptiveField(Calculator):
    """Follows how far back a unit sees, layer by layer."""

    topic = "Convolution"
    title = "Receptive field"
    also = ("conv.receptive_field",)
    kernels: tuple[int, ...] = attr("kernel size of each layer", default=(3, 3), min=1, max=10_000)
    strides: tuple[int, ...] = attr("stride of each layer; one number counts for all", default=(1,), min=1, max=10_000)
    dilations: tuple[int, ...] = attr(
        "dilation of each layer; one number counts for all", default=(1,), min=1, max=10_000
    )

    def formula(self) -> str:
        return r"r_l=r_{l-1}+(K_l-1)\,D_l\prod_{i<l}S_i,\quad r_0=1"

    def calculate(self, lines: list[Line]) -> dict[str, float]:
        n = len(self.kernels)
        every = []
        for name, values in (("strides", self.strides), ("dilations", self.dilations)):
            if len(values) not in (1, n):
                raise CalcError(f"The {name} need 1 number or {n}, one for each kernel; {len(values)} are given.")
            every.append(values * n if len(values) == 1 else values)
        reach, jump = 1, 1
        for i, (k, s, d) in enumerate(zip(self.kernels, *every, strict=True), 1):
            following = reach + (k - 1) * d * jump
            lines.append(Line(f"layer {i}", rf"r_{{{i}}}={reach}+({k}-1)\cdot {d}\cdot {jump}={following}"))
            reach, jump = following, jump * s
        return {"field": float(reach), "jump": float(jump)}
