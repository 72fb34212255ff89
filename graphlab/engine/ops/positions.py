"""Where a place stands in its sequence, told to a network that reads all places alike."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphlab.engine.expr import Expr, Index, Num, Ref, add
from graphlab.engine.op import Array, Batch, Op, Record, ShapeError, Spec, attr, case
from graphlab.engine.ops.common import need_real


class PositionalEncoding(Op):
    """Adds to every vector of a sequence a pattern of sines and cosines that tells its place.

    x (B, T, d) → (B, T, d). Neighbouring pairs of features share one frequency; the first pair turns fastest.
    Positions that are learned, as in BERT and GPT, are a Parameter of T×d and an Add instead.
    """

    title = "Positional encoding"
    category = "Attention"
    also = ("position", "sinusoidal", "transformer", "sine", "PE")
    source = "Vaswani et al. 2017"
    base: float = attr("how many times slower the slowest pair turns than the fastest", default=10_000.0, min=1.0)

    def line(self) -> str:
        return f"base {self.base:,g}"

    def formula(self) -> str:
        base = f"{self.base:g}"
        return (rf"y = x + PE,\quad PE_{{pos,2i}} = \sin\frac{{pos}}{{{base}^{{2i/d}}}},\quad "
                rf"PE_{{pos,2i+1}} = \cos\frac{{pos}}{{{base}^{{2i/d}}}}")

    def shape(self, x: Spec) -> Spec:
        need_real(x)
        if x.rank < 3 or any(isinstance(d, Batch) for d in x.shape[-2:]):
            raise ShapeError("takes sequences shaped (B, T, d)", "x")
        return x

    def table(self, steps: int, features: int) -> Array:
        """Return the pattern PE of all places, (T, d)."""
        j = np.arange(features)
        angle = np.arange(steps)[:, None] / self.base ** (2 * (j // 2) / features)
        return np.where(j % 2 == 0, np.sin(angle), np.cos(angle))

    def forward(self, f: Record, x: Array) -> Array:
        return np.asarray(x + self.table(*x.shape[-2:]).astype(x.dtype))

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"x": dy}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        steps, features = f["x"].shape[-2:]
        place, j = index[-2:]
        wave = "cos" if j % 2 else "sin"
        text = rf"\{wave}\frac{{{place}}}{{{self.base:g}^{{{j // 2 * 2}/{features}}}}}"
        return add(Ref("x", index), Num(float(self.table(steps, features)[place, j]), text))

    def users(self, f: Record, port: str, index: Index) -> list[tuple[str, Index]]:
        return [("y", index)]

    @classmethod
    def cases(cls) -> list[Any]:
        return [case(cls(), x=(Batch(), 3, 4)), case(cls(base=100.0), x=(Batch(), 2, 2, 3)),
                case(cls(), x=(Batch(), 1, 1), batch=1)]
