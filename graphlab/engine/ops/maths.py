"""Arithmetic of tensors: sums, products, reductions."""

from __future__ import annotations

from graphlab.engine.expr import Expr, Index, add
from graphlab.engine.op import Array, Record
from graphlab.engine.ops.common import Binary, unbroadcast


class Add(Binary):
    """Adds two tensors; the gradient goes to both unchanged."""

    also = ("plus", "residual", "skip", "+")

    def formula(self) -> str:
        return "y = a + b"

    def forward(self, f: Record, a: Array, b: Array) -> Array:
        return a + b

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"a": unbroadcast(dy, f["a"].shape), "b": unbroadcast(dy, f["b"].shape)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return add(*self.operands(f, index))
