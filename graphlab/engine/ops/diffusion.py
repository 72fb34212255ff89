"""The forward half of diffusion models: data that drown in noise, a known amount at every step."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphlab.engine.expr import Expr, Index, Num, Ref, add, mul
from graphlab.engine.op import Array, Batch, Given, Op, Port, Record, ShapeError, Spec, attr, case
from graphlab.engine.ops.common import need_real
from graphlab.engine.spec import show_shape


class ForwardDiffusion(Op):
    """Mixes data with noise as a diffusion does after t of T steps, each sample with a step of its own."""

    category = "Generative"
    title = "Forward diffusion"
    also = ("ddpm", "noising", "denoising diffusion", "score")
    source = "Ho, Jain & Abbeel 2020"
    outputs = ("y", "t")
    steps: int = attr("number T of steps", default=40, min=1, max=10_000)
    first: float = attr("β₁: share of the variance that the first step replaces by noise", default=0.005, min=0.0,
                        max=0.999)
    last: float = attr("β_T: the same of the last step; between them β grows evenly", default=0.25, min=0.0, max=0.999)

    def ports(self) -> tuple[Port, ...]:
        return (Port("x", help="the data x₀"), Port("noise", help="ε from N(0, I), shaped like the data"),
                Port("u", help="one number in 0…1 a sample, which chooses its step: t = ⌊uT⌋ + 1"))

    def line(self) -> str:
        return f"T = {self.steps} · β {self.first:g} … {self.last:g}"

    def formula(self) -> str:
        return (r"x_t = \sqrt{\bar\alpha_t}\,x_0+\sqrt{1-\bar\alpha_t}\,\varepsilon,\quad "
                r"\bar\alpha_t = \prod_{s=1}^{t}(1-\beta_s),\quad t = \lfloor u T\rfloor + 1")

    def kept_share(self) -> Array:
        """Return ᾱ₀ … ᾱ_T: how much of the data's variance is left after each step; ᾱ₀ = 1."""
        return np.concatenate([[1.0], np.cumprod(1.0 - np.linspace(self.first, self.last, self.steps))])

    def shape(self, x: Spec, noise: Spec, u: Spec) -> tuple[Spec, Spec]:
        for port, spec in (("x", x), ("noise", noise), ("u", u)):
            need_real(spec, port)
        if not x.rank or x.shape[0] != Batch(1):
            raise ShapeError("takes data with one sample after the other along the first axis, (B, …)", "x")
        if noise.shape != x.shape:
            raise ShapeError(f"needs noise shaped like the data, {show_shape(x.shape)}", "noise")
        if u.shape != (x.shape[0], 1):
            raise ShapeError("needs one number a sample, (B, 1)", "u")
        return x, u

    def forward(self, f: Record, x: Array, noise: Array, u: Array) -> tuple[Array, Array]:
        t = np.clip(np.floor(u[:, 0] * self.steps).astype(np.int64), 0, self.steps - 1) + 1
        share = self.kept_share()[t].astype(f.dtype)
        f.keep(signal=np.sqrt(share), spread=np.sqrt(1 - share))
        return self.spread_out(f["signal"], x) * x + self.spread_out(f["spread"], x) * noise, (
            t[:, None] / self.steps).astype(f.dtype)

    @staticmethod
    def spread_out(values: Array, x: Array) -> Array:
        """Return one number a sample, shaped so that it multiplies whole samples: (B,) -> (B, 1, …)."""
        return values.reshape(-1, *[1] * (x.ndim - 1))

    def backward(self, f: Record, dy: Array, dt: Array) -> dict[str, Array]:
        return {"x": self.spread_out(f["signal"], dy) * dy, "noise": self.spread_out(f["spread"], dy) * dy,
                "u": np.zeros_like(f["u"])}  # the choice of a step is constant almost everywhere

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        if output == "y":
            sample = index[:1]
            return add(mul(Ref("signal", sample), Ref("x", index)), mul(Ref("spread", sample), Ref("noise", index)))
        return Num(float(f[output][index]))

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        return [("t", index)] if port == "u" else [("y", index)]

    @classmethod
    def cases(cls) -> list[Any]:
        u = Given((Batch(), 1), low=0.01, high=0.99)
        return [case(cls(), x=(Batch(), 2), noise=(Batch(), 2), u=u),
                case(cls(steps=4, last=0.6), x=(Batch(), 1, 2, 2), noise=(Batch(), 1, 2, 2), u=u, batch=3),
                case(cls(steps=1), x=(Batch(), 1), noise=(Batch(), 1), u=u, batch=1)]
