"""Activations: functions of each number by itself, and softmax along the last axis."""

from __future__ import annotations

import numpy as np

from graphlab.engine.expr import ZERO, Expr, Index, Ref, maximum
from graphlab.engine.op import Array, Record
from graphlab.engine.ops.common import Elementwise


class ReLU(Elementwise):
    """Passes what is positive and silences the rest."""

    also = ("rectifier", "max(0, x)")
    source = "Nair & Hinton 2010"

    def formula(self) -> str:
        return r"y = \max(0, x)"

    def forward(self, f: Record, x: Array) -> Array:
        return np.maximum(x, 0)

    def backward(self, f: Record, dy: Array) -> dict[str, Array]:
        return {"x": dy * (f["x"] > 0)}

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        return maximum("max", (ZERO, Ref("x", index)), int(f["x"][index] > 0))
